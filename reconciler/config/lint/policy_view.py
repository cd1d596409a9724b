"""A valid configuration → its resources as policies see them: what is declared, and what it comes to; pure.

| kind           | what its document holds                                                                 |
|----------------|-----------------------------------------------------------------------------------------|
| all but agents | `kind`, `address`, `account`, what is declared, what it comes to (`voice_url` …)        |
| number         | also `phone_number` (or `sid`), `protect`, `on_removal`, `takeover`                     |
| agent          | `kind`, `name`, what is declared, and the fields that it puts on numbers                |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.config.desired.numbers import NumberSection
from reconciler.config.desired.parts import agent_parts
from reconciler.config.formats import spellings
from reconciler.config.lint.policies import Resource
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.number import BridgeNumber, Number, expand_bridge, expand_number
from reconciler.config.source.nodes import Map, Node, Place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.decide.fields import flatten

_NAMES = {
    s: name
    for model in (Number, BridgeNumber)
    for name in model.model_fields
    for s in spellings(name)
}


def policy_resources(
    settings: Settings, numbers: Sequence[NumberSection], desired: Sequence[Desired]
) -> Iterator[Resource]:
    """Everything that is declared; only to be asked of a configuration without errors."""
    for name, (place, agent) in settings.agents.items():
        if agent is not None:
            fields = flatten("number", agent_parts(agent, settings.applications))
            document = {**_said(place.node), **fields, "kind": "agent", "name": name}
            yield Resource("agent", f"agent/{name}", document, place, place.at("key"))
    entries = {
        **_entries("application", settings.applications),
        **_entries("trunk", settings.trunks),
    }
    for want in desired:
        if want.kind not in NUMBER_KINDS:
            entry = entries.get(want.address)
            document = {**(_said(entry.node) if entry else {}), **_common(want)}
            yield Resource(want.kind, want.address, document, entry, want.position)
    for gathered in numbers:
        yield from _numbers(gathered)


def _entries(kind: str, section: Mapping[str, Any]) -> dict[str, Place]:
    return {f"{kind}/{name}": entry.place for name, entry in section.items()}


def _numbers(gathered: NumberSection) -> Iterator[Resource]:
    wanted = {want.position: want for want in gathered.desired if want.kind in NUMBER_KINDS}
    for place in (section.entry(file, key) for file, section in gathered.parts for key in section):
        want = wanted.get(place.at("key"))
        if want is None:  # it is not a number on Twilio
            continue
        options = want.profile.options
        long = expand_number(place.node) if gathered.kind == "number" else expand_bridge(place.node)
        name = {"phone_number": want.key} if want.key[0] == "+" else {"sid": want.key}
        document = {
            **{_NAMES.get(field, field): value for field, value in _said(long).items()},
            **_common(want),
            **name,
            "protect": options.protect,
            "on_removal": options.on_removal,
            "takeover": options.takeover,
        }
        yield Resource(want.kind, want.address, document, place, want.position)


def _common(want: Desired) -> dict[str, Any]:
    fields = {
        name: value
        for name, value in flatten(want.kind, want.profile.attrs).items()
        if value is not None
    }
    return {**fields, "kind": want.kind, "address": want.address, "account": want.profile.account}


def _said(node: Node) -> Mapping[str, Any]:
    return node if isinstance(node, Map | dict) else {}
