"""Find the declaration of a number that gives it wanted routes, and the changes that lead there;
pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reconciler.config.accept.hooks import declare_hook, escape, key_in, value_in
from reconciler.config.desired.parts import PARTS, canonical_webhook, number_parts, trunk_ref
from reconciler.config.desired.roundtrip import can_declare_webhook, hook_fields
from reconciler.config.sections.number import Number, expand_number
from reconciler.config.source.edit import REMOVE, Change, Merge, merge_data
from reconciler.config.source.nodes import Map, Node
from reconciler.config.source.write import Flow
from reconciler.model.route import Attrs, TrunkRoute, Webhook
from reconciler.planning.identity.match import rename_references


class Routing(msgspec.Struct, frozen=True):
    """The fields of a number that decide its routes; `own` are its own webhooks by part. Without
    `inbound` it has no voice route.
    """

    agent: str | None
    trunk: str | None
    own: Mapping[str, Webhook]
    inbound: bool = True


class RouteSearch:
    """The search for a declaration of one number.

    `wanted` are all its managed routes, `drifted` those that somebody has changed. `agents` are the
    parts of the agents that it may name, `names` the names of trunks and applications by SID.
    """

    def __init__(
        self,
        node: Node,
        wanted: Attrs,
        drifted: Attrs,
        agents: Mapping[str, Attrs],
        names: Mapping[str, str],
    ) -> None:
        self._node = node
        self._fields: dict[str, Any] = dict(expand_number(node))
        self._wanted = wanted
        self._drifted = drifted
        self._agents = agents
        self._names = names

        number = Number.model_validate(self._fields)
        own: dict[str, Webhook] = {}
        for part in PARTS if number.webhooks is not None else ():
            hook = canonical_webhook(getattr(number.webhooks, part))
            if hook is not None:
                own[part] = hook
        trunk = trunk_ref(number.trunk) if number.trunk else None
        self.present = Routing(number.agent, trunk, own, number.supports_inbound)

    def has_own(self, part: str) -> bool:
        """Return whether the number itself declares this part, and not its agent."""
        return part in self.present.own or (part == "voice" and self.present.trunk is not None)

    @property
    def all_own(self) -> bool:
        """Return whether the number itself declares all that has drifted."""
        return all(part in self.present.own for part in self._drifted)

    def find_without_own(self) -> Routing | None:
        """Return the declaration without own values of what has drifted, if that is enough."""
        return self._first([self._without_drifted()])

    def find_agent(self) -> Routing | None:
        """Return a declaration with another agent that has the live routes; None without one."""
        plain = self._without_drifted()
        candidates: list[Routing] = []
        for name in self._agents:
            candidates.append(msgspec.structs.replace(plain, agent=name))
            candidates.append(msgspec.structs.replace(plain, agent=name, own={}))
        return self._first(candidates)

    def _first(self, candidates: Iterable[Routing]) -> Routing | None:
        """Return the first candidate that gives the wanted routes."""
        for candidate in candidates:
            if self._routes(candidate) == self._wanted:
                return candidate
        return None

    def _without_drifted(self) -> Routing:
        """Return the present declaration without own values of the drifted routes."""
        own = {part: hook for part, hook in self.present.own.items() if part not in self._drifted}
        trunk, inbound = self.present.trunk, self.present.inbound
        if "voice" in self._drifted:
            voice = self._drifted["voice"]
            trunk = voice.trunk if isinstance(voice, TrunkRoute) else None
            inbound = inbound or voice is not None
        return Routing(self.present.agent, trunk, own, inbound)

    def override(self, parts: Iterable[str]) -> Routing | None:
        """Return the declaration in which the number itself declares these parts, where its agent
        does not give them; None where it cannot.

        Only an agent without `sms` or `status` clears them. Without one, the number declares all
        its routes itself.
        """
        found = self._without_drifted()
        for part in parts:
            value = self._drifted[part]
            if self._routes(found).get(part, ...) == value:
                continue
            if isinstance(value, Webhook):
                found = msgspec.structs.replace(found, own={**found.own, part: value})
            elif part == "voice" and value is None:
                found = msgspec.structs.replace(found, inbound=False)

        hooks = {part: hook for part, hook in self._wanted.items() if isinstance(hook, Webhook)}
        return self._first([found, msgspec.structs.replace(found, agent=None, own=hooks)])

    def _routes(self, routing: Routing) -> Attrs:
        """Return the managed routes that a declaration gives; none where it cannot be written."""
        fields = dict(self._fields)
        for name in ("agent", "trunk", "webhooks", "supports_inbound"):
            fields.pop(key_in(self._node, name), None)
        if routing.agent is not None:
            fields["agent"] = routing.agent
        if routing.trunk is not None:
            fields["trunk"] = routing.trunk
        fields["supports_inbound"] = routing.inbound

        hooks: dict[str, Any] = {}
        for part, hook in routing.own.items():
            if not can_declare_webhook(hook, status=part == "status"):
                return {}
            hooks[part] = hook_fields(hook)
        if hooks:
            fields["webhooks"] = hooks

        number = Number.model_validate(fields)
        agent = self._agents.get(routing.agent) if routing.agent else None
        parts = number_parts(number, agent, self._wanted.keys())
        routes = {part: parts[part] for part in PARTS if part in parts}
        return rename_references(routes, self._names)

    def list_changes(self, routing: Routing) -> dict[str, Change]:
        """Return the changes of fields that lead to a declaration. Raises CannotAccept."""
        changes: dict[str, Change] = {}
        if routing.agent != self.present.agent:
            changes["agent"] = escape(routing.agent) if routing.agent else REMOVE
        if routing.trunk != self.present.trunk:
            changes["trunk"] = escape(routing.trunk) if routing.trunk else REMOVE
        if routing.inbound != self.present.inbound:
            changes["supports_inbound"] = REMOVE if routing.inbound else False

        webhooks = value_in(self._node, "webhooks")
        hooks: dict[str | int, Change] = {}
        for part in PARTS:
            if part not in routing.own:
                if part in self.present.own:
                    hooks[part] = REMOVE
            elif part not in self.present.own or routing.own[part] != self.present.own[part]:
                present = webhooks.get(part) if isinstance(webhooks, Map) else None
                hooks[part] = declare_hook(part, routing.own[part], present)

        if hooks and not routing.own:
            changes["webhooks"] = REMOVE
        elif hooks:
            changes["webhooks"] = Merge(hooks)
        return changes


def expand_short_form(agent: str, changes: Mapping[str, Change]) -> Flow:
    """Return the new value of a number whose present value is only the name of its agent."""
    if changes.keys() == {"agent"} and isinstance(changes["agent"], str):
        return changes["agent"]
    return merge_data({"agent": escape(agent)}, changes)
