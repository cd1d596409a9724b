"""Convert a valid configuration to the documents that policies check: declared fields and the
values that follow from them; pure.

| kind           | document                                                                       |
|----------------|--------------------------------------------------------------------------------|
| all but agents | `kind`, `address`, `account`, declared fields, resulting fields (`voice_url` …) |
| number         | also `phone_number` (or `sid`), `protect`, `on_removal`, `takeover`            |
| agent          | `kind`, `name`, declared fields, and the fields that it sets on numbers        |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.config.desired.numbers import NumberSection
from reconciler.config.desired.parts import agent_parts
from reconciler.config.desired.resource_sections import RESOURCE_SECTIONS
from reconciler.config.formats import spellings
from reconciler.config.lint.policies import Resource
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.number import BridgeNumber, Number, expand_bridge, expand_number
from reconciler.config.source.nodes import Map, Node, Place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.decide.fields import flatten


def _field_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for model in (Number, BridgeNumber):
        for name in model.model_fields:
            for spelling in spellings(name):
                names[spelling] = name
    return names


_NAMES = _field_names()
"""Every spelling of a number's field → the name that policies use."""


def policy_resources(
    settings: Settings, numbers: Sequence[NumberSection], desired: Sequence[Desired]
) -> Iterator[Resource]:
    """Yield all declared resources of a configuration without errors."""
    for name, (place, agent) in settings.agents.items():
        if agent is not None:
            fields = flatten("number", agent_parts(agent, settings.applications))
            document = {**_fields(place.node), **fields, "kind": "agent", "name": name}
            yield Resource("agent", f"agent/{name}", document, place, place.at("key"))

    entries = _entries("trunk", settings.trunks)
    for name, row in RESOURCE_SECTIONS.items():
        entries |= _entries(row.kind, settings.section(name))

    for resource in desired:
        if resource.kind in NUMBER_KINDS:
            continue
        # Children of a trunk have no entry of their own.
        entry = entries.get(resource.address)
        declared = _fields(entry.node) if entry else {}
        document = {**declared, **_common(resource)}
        yield Resource(resource.kind, resource.address, document, entry, resource.position)

    for section in numbers:
        yield from _numbers(section)


def _entries(kind: str, section: Mapping[str, Any]) -> dict[str, Place]:
    return {f"{kind}/{name}": entry.place for name, entry in section.items()}


def _numbers(section: NumberSection) -> Iterator[Resource]:
    by_position = {d.position: d for d in section.desired if d.kind in NUMBER_KINDS}
    for place in _number_places(section):
        number = by_position.get(place.at("key"))
        if number is None:  # a number outside Twilio
            continue

        # A policy sees the long form, with our own names of fields, however the file writes it.
        options = number.profile.options
        long = expand_number(place.node) if section.kind == "number" else expand_bridge(place.node)
        name = {"phone_number": number.key} if number.key[0] == "+" else {"sid": number.key}
        document = {
            **{_NAMES.get(field, field): value for field, value in _fields(long).items()},
            **_common(number),
            **name,
            "protect": options.protect,
            "on_removal": options.on_removal,
            "takeover": options.takeover,
        }
        yield Resource(number.kind, number.address, document, place, number.position)


def _number_places(section: NumberSection) -> Iterator[Place]:
    for file, numbers in section.parts:
        for key in numbers:
            yield numbers.entry(file, key)


def _common(resource: Desired) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in flatten(resource.kind, resource.profile.attrs).items():
        if value is not None:
            document[name] = value
    document["kind"] = resource.kind
    document["address"] = resource.address
    document["account"] = resource.profile.account
    return document


def _fields(node: Node) -> Mapping[str, Any]:
    return node if isinstance(node, Map | dict) else {}
