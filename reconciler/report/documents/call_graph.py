"""Build the graph of declared call routes, from numbers over agents, trunks and applications to
hosts; join numbers with the same route, and mark orphans and loops.

Numbers with the same route are one node. A node that nothing refers to is an orphan; a route back
to its start is a loop.
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
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Attrs, Membership, TrunkRoute, Value, Webhook

NodeKind = Literal[
    "number",
    "bridge_number",
    "agent",
    "trunk",
    "application",
    "messaging_service",
    "platform",
    "host",
    "sip_host",
]
ONE_BY_ONE = 3
"""Up to this many numbers with the same route are shown one by one; more are one node."""
_USED_BY_OTHERS = frozenset({"agent", "trunk", "application", "messaging_service", "platform"})
"""Kinds of nodes that are orphans when nothing refers to them."""
_SERVICE_URLS = {
    "sms": "inbound_request_url",
    "sms fallback": "fallback_url",
    "message status": "status_callback",
}
"""Label of an edge from a messaging service → the field with its URL."""
_TWILIO_SIP = re.compile(r"(.+)\.pstn\.(?:[a-z0-9-]+\.)*twilio\.com")


class Node(msgspec.Struct, frozen=True):
    """A node of a call route; `count` is the number of phone numbers in it."""

    id: str
    kind: NodeKind
    label: str
    count: int = 1
    orphan: bool = False
    loop: bool = False


class Edge(msgspec.Struct, frozen=True, order=True):
    """An edge of a call route; `label` is the part (voice, sms, status)."""

    source: str
    target: str
    label: str
    loop: bool = False


class Graph(msgspec.Struct, frozen=True):
    """All nodes and edges of a graph, sorted."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def build_graph(project: Project) -> Graph:
    """Build the graph of a configuration."""
    builder = _GraphBuilder(project)
    for want in project.desired:
        if want.kind == "trunk":
            builder.add_node("trunk", want.key)
        elif want.kind == "origination_url":
            builder.add_origination(want)
        elif want.kind == "application":
            builder.add_application(want)
        elif want.kind == "messaging_service":
            builder.add_messaging_service(want)

    for agent in project.agents.values():
        builder.add_agent(agent)
    for members in _group_numbers(project.desired):
        builder.add_numbers(members)
    return builder.build()


def _group_numbers(desired: Iterable[Desired]) -> Iterator[list[Desired]]:
    """Group numbers with the same route; a small group is split into single numbers."""
    groups: defaultdict[tuple[object, ...], list[Desired]] = defaultdict(list)
    for want in desired:
        if want.kind in NUMBER_KINDS:
            # The friendly name differs from number to number.
            attrs = dict(want.profile.attrs)
            attrs.pop("friendly_name", None)
            route = repr(sorted(attrs.items()))
            groups[want.kind, want.profile.options.agent, route].append(want)

    for members in groups.values():
        if len(members) > ONE_BY_ONE:
            yield members
            continue
        for member in members:
            yield [member]


class _GraphBuilder:
    """A graph under construction."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._nodes: dict[str, Node] = {}
        self._labels: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)

        self._domains: dict[str, str] = {}
        for want in project.desired:
            domain = want.profile.attrs.get("domain_name")
            if want.kind == "trunk" and domain:
                self._domains[str(domain).lower()] = want.key

        # Of agents with the same webhook, the first by name stands for it.
        self._voices: dict[str | None, str] = {}
        for agent in sorted(project.agents.values(), key=lambda agent: agent.name):
            voice = agent.parts.get("voice")
            if isinstance(voice, Webhook):
                self._voices.setdefault(voice.url, agent.name)

    def add_node(self, kind: NodeKind, name: str, *, label: str = "", count: int = 1) -> str:
        """Add a node and return its id."""
        key = f"{kind}/{name}"
        self._nodes.setdefault(key, Node(key, kind, label or name, count))
        return key

    def add_edge(self, source: str, target: str, label: str = "") -> None:
        """Add an edge; several between the same two nodes become one with all their labels."""
        self._labels[source, target].update({label: None} if label else {})

    def add_origination(self, want: Desired) -> None:
        """Add the edge from a trunk to its origination URL; the URL may lead to another declared
        trunk.
        """
        source, host = str(want.parent), sip_host(want.key).lower()
        self.add_node("trunk", Address.parse(source).name)

        attrs = want.profile.attrs
        label = "" if attrs.get("enabled", True) else "disabled"
        label = label or f"priority {attrs.get('priority')}, weight {attrs.get('weight')}"

        # A trunk of this project takes the call, not just any host.
        own = self._domains.get(_global_domain(host))
        self.add_edge(
            source, self.add_node("trunk", own) if own else self.add_node("sip_host", host), label
        )

    def add_application(self, want: Desired) -> None:
        """Add a declared application and the edges to the hosts of its webhooks."""
        source = self.add_node("application", want.key)
        for part, value in want.profile.attrs.items():
            self._add_route(source, part, value)

    def add_messaging_service(self, want: Desired) -> None:
        """Add a declared messaging service and the edges to the hosts of its webhooks."""
        source = self.add_node("messaging_service", want.key)
        for label, field in _SERVICE_URLS.items():
            url = want.profile.attrs.get(field)
            if isinstance(url, str):
                self.add_edge(source, self.add_node("host", _host(url)), label)

    def add_agent(self, agent: Agent) -> None:
        """Add an agent and its edges."""
        source = self.add_node("agent", agent.name)
        parts: dict[str, Value] = {**agent.parts, "recording": agent.recording_status}
        for part, value in parts.items():
            self._add_route(source, part, value)
        if agent.kind == "platform" and agent.platform:
            named = agent.id or agent.in_place_of_id or ""
            self.add_edge(source, self.add_node("platform", agent.platform), named)

    def add_numbers(self, members: list[Desired]) -> None:
        """Add numbers with the same route and their edges."""
        first = members[0]
        kind: NodeKind = "bridge_number" if first.kind == "bridge_number" else "number"
        words = "bridge numbers" if kind == "bridge_number" else "numbers"
        label = f"{len(members)} {words}" if len(members) > 1 else first.key
        source = self.add_node(kind, first.key, label=label, count=len(members))

        # Parts that the numbers inherit from their agent lead to the agent, others to their own
        # targets.
        agent = self._project.agents.get(first.profile.options.agent or "")
        parts: Attrs = agent.parts if agent else {}
        if agent:
            self.add_edge(source, self.add_node("agent", agent.name))
        for part, value in first.profile.attrs.items():
            if agent and value is not None and parts.get(part) == value:
                self.add_edge(source, f"agent/{agent.name}", part)
            elif part != "friendly_name":
                self._add_route(source, part, value)

    def _add_route(self, source: str, part: str, value: Value) -> None:
        match value:
            case TrunkRoute(trunk=name):
                self.add_edge(source, self.add_node("trunk", name), part)
            case ApplicationRoute(application=name):
                self.add_edge(source, self.add_node("application", name), part)
            case Membership(service=name):
                self.add_edge(source, self.add_node("messaging_service", name), "messages")
            case Webhook(url=url, fallback_url=fallback):
                back = (
                    self._voices.get(url) if Address.parse(source).kind == "bridge_number" else None
                )
                self.add_edge(
                    source,
                    self.add_node("agent", back) if back else self.add_node("host", _host(url)),
                    part,
                )

                if fallback:
                    self.add_edge(
                        source, self.add_node("host", _host(fallback)), f"{part} fallback"
                    )

    def build(self) -> Graph:
        """Return the graph, with orphans and loops marked."""
        onward: defaultdict[str, set[str]] = defaultdict(set)
        for source, target in self._labels:
            onward[source].add(target)

        # An edge to itself does not count as a use.
        reached = {target for source, target in self._labels if source != target}
        edges: list[Edge] = []
        looping: set[str] = set()
        for (source, target), labels in self._labels.items():
            loop = _leads_back(source, target, onward)
            edges.append(Edge(source, target, ", ".join(labels), loop))
            if loop:
                looping.update((source, target))

        nodes: list[Node] = []
        for key, node in sorted(self._nodes.items()):
            unused = node.kind in _USED_BY_OTHERS and key not in reached
            nodes.append(msgspec.structs.replace(node, orphan=unused, loop=key in looping))
        return Graph(tuple(nodes), tuple(sorted(edges)))


def _leads_back(source: str, target: str, onward: Mapping[str, set[str]]) -> bool:
    """Return whether a call can follow this edge twice; a bridge number that rings an agent always
    does.
    """
    if Address.parse(source).kind == "bridge_number" and Address.parse(target).kind == "agent":
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


def _global_domain(host: str) -> str:
    """Return the domain of a trunk without its region."""
    found = _TWILIO_SIP.fullmatch(host)
    return f"{found[1]}.pstn.twilio.com" if found else ""


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "?"
