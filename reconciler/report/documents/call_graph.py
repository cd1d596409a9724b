"""A configuration → the paths of its calls as a graph: number → route → agent, trunk, application → host; pure.

Numbers that go the same way are one node. What nobody uses is an orphan; what leads back to where it came from, a loop.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from reconciler.config.desired.trunks import sip_host
from reconciler.config.project import Agent, Project
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value, Webhook

NodeKind = Literal[
    "number", "bridge_number", "agent", "trunk", "application", "platform", "host", "sip_host"
]
ONE_BY_ONE = 3
"""So many numbers that go the same way are shown one by one; more are one node."""
_TWILIO_SIP = re.compile(r"(.+)\.pstn\.(?:[a-z0-9-]+\.)*twilio\.com")


class Node(msgspec.Struct, frozen=True):
    """Something on the way of a call; `count` is how many numbers it stands for."""

    id: str
    kind: NodeKind
    label: str
    count: int = 1
    orphan: bool = False
    loop: bool = False


class Edge(msgspec.Struct, frozen=True, order=True):
    """A step of the way: `label` says of what (voice, sms, status)."""

    source: str
    target: str
    label: str
    loop: bool = False


class Graph(msgspec.Struct, frozen=True):
    """All nodes and edges, sorted."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def build_graph(project: Project) -> Graph:
    """The graph of what is declared."""
    drawing = _Drawing(project)
    for want in project.desired:
        if want.kind == "trunk":
            drawing.node("trunk", want.key)
        elif want.kind == "origination_url":
            drawing.origination(want)
    for agent in project.agents.values():
        drawing.agent(agent)
    for members in _alike(project.desired):
        drawing.numbers(members)
    return drawing.done()


def _alike(desired: Iterable[Desired]) -> Iterator[list[Desired]]:
    """Numbers in groups that go the same way; few of a kind each for itself."""
    groups: defaultdict[tuple[object, ...], list[Desired]] = defaultdict(list)
    for want in desired:
        if want.kind in NUMBER_KINDS:
            attrs = tuple(
                sorted(
                    (part, v) for part, v in want.profile.attrs.items() if part != "friendly_name"
                )
            )
            groups[want.kind, want.profile.options.agent, repr(attrs)].append(want)
    for members in groups.values():
        yield from [members] if len(members) > ONE_BY_ONE else ([member] for member in members)


class _Drawing:
    """A graph being drawn."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._nodes: dict[str, Node] = {}
        self._labels: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._domains = {
            str(want.profile.attrs["domain_name"]).lower(): want.key
            for want in project.desired
            if want.kind == "trunk" and want.profile.attrs.get("domain_name")
        }
        self._voices = {
            value.url: agent.name
            for agent in sorted(project.agents.values(), key=lambda agent: agent.name, reverse=True)
            if isinstance(value := agent.parts.get("voice"), Webhook)
        }

    def node(self, kind: NodeKind, name: str, *, label: str = "", count: int = 1) -> str:
        """The id of a node, which is there from now on."""
        key = f"{kind}/{name}"
        self._nodes.setdefault(key, Node(key, kind, label or name, count))
        return key

    def edge(self, source: str, target: str, label: str = "") -> None:
        """A step; several between the same two nodes become one with all their labels."""
        self._labels[source, target].update({label: None} if label else {})

    def origination(self, want: Desired) -> None:
        """From a trunk to where it sends its calls; to a trunk of ours that is a way back."""
        source, host = str(want.parent), sip_host(want.key).lower()
        self.node("trunk", source.partition("/")[2])
        attrs = want.profile.attrs
        label = "" if attrs.get("enabled", True) else "disabled"
        label = label or f"priority {attrs.get('priority')}, weight {attrs.get('weight')}"
        own = self._domains.get(_at_home(host))
        self.edge(source, self.node("trunk", own) if own else self.node("sip_host", host), label)

    def agent(self, agent: Agent) -> None:
        """From an agent to whom it asks."""
        source = self.node("agent", agent.name)
        parts: dict[str, Value] = {**agent.parts, "recording": agent.recording_status}
        for part, value in parts.items():
            self._lead(source, part, value)
        if agent.platform:
            self.edge(source, self.node("platform", agent.platform), agent.id or "")

    def numbers(self, members: list[Desired]) -> None:
        """From numbers that go the same way to what takes their calls and messages."""
        first = members[0]
        kind: NodeKind = "bridge_number" if first.kind == "bridge_number" else "number"
        words = "bridge numbers" if kind == "bridge_number" else "numbers"
        label = f"{len(members)} {words}" if len(members) > 1 else first.key
        source = self.node(kind, first.key, label=label, count=len(members))
        agent = self._project.agents.get(first.profile.options.agent or "")
        parts: Attrs = agent.parts if agent else {}
        if agent:
            self.edge(source, self.node("agent", agent.name))
        for part, value in first.profile.attrs.items():
            if agent and value is not None and parts.get(part) == value:
                self.edge(source, f"agent/{agent.name}", part)
            elif part != "friendly_name":
                self._lead(source, part, value)

    def _lead(self, source: str, part: str, value: Value) -> None:
        match value:
            case TrunkRoute(trunk=name):
                self.edge(source, self.node("trunk", name), part)
            case ApplicationRoute(application=name):
                self.edge(source, self.node("application", name), part)
            case Webhook(url=url, fallback_url=fallback):
                back = self._voices.get(url) if source.startswith("bridge_number/") else None
                self.edge(
                    source,
                    self.node("agent", back) if back else self.node("host", _host(url)),
                    part,
                )
                if fallback:
                    self.edge(source, self.node("host", _host(fallback)), f"{part} fallback")

    def done(self) -> Graph:
        """The graph, with orphans and loops marked."""
        onward: defaultdict[str, set[str]] = defaultdict(set)
        for source, target in self._labels:
            onward[source].add(target)
        reached = {target for source, target in self._labels if source != target}
        edges = [
            Edge(source, target, ", ".join(labels), _leads_back(source, target, onward))
            for (source, target), labels in self._labels.items()
        ]
        looping = {end for edge in edges if edge.loop for end in (edge.source, edge.target)}
        nodes = [
            msgspec.structs.replace(
                node,
                orphan=node.kind in ("agent", "trunk", "application", "platform")
                and node.id not in reached,
                loop=node.id in looping,
            )
            for node in self._nodes.values()
        ]
        return Graph(tuple(sorted(nodes, key=lambda node: node.id)), tuple(sorted(edges)))


def _leads_back(source: str, target: str, onward: Mapping[str, set[str]]) -> bool:
    """Whether a call that takes this step can come here again; a bridge number that rings an agent always does."""
    if source.startswith("bridge_number/") and target.startswith("agent/"):
        return True
    seen, ahead = set[str](), [target]
    while ahead:
        here = ahead.pop()
        if here == source:
            return True
        if here not in seen:
            seen.add(here)
            ahead += onward.get(here, ())
    return False


def _at_home(host: str) -> str:
    """The domain of a trunk in whatever region it is named."""
    found = _TWILIO_SIP.fullmatch(host)
    return f"{found[1]}.pstn.twilio.com" if found else ""


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "?"
