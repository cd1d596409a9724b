"""The number sections in, desired numbers out: one look at each different way of declaring, one short loop over all.

100,000 numbers are declared in a handful of ways. What a way means (its `Template`) is worked out once; the loop then
only checks the key, looks up the template and makes the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reconciler.config.fields import E164, LONGEST_LABEL, is_sid, normal_sid, phone_advice
from reconciler.config.findings import Finding, placed
from reconciler.config.merge import twice
from reconciler.config.nodes import Map, Node, Place
from reconciler.config.profiles import Template
from reconciler.diagnostics import Diagnostic
from reconciler.model import Desired, Position, Profile

_NAME = "friendly_name"
_OWN = object()
"""Stands for a friendly name where numbers are compared: two that differ in nothing else are declared alike."""


class Identity(NamedTuple):
    """A second name of a number (its SID, or its E.164 where the key is a SID), its key, and where it is declared."""

    name: str
    key: str
    position: Position
    address: str


class Gathered:
    """The numbers of one section, and what is wrong with them."""

    def __init__(self, kind: str, template: Callable[[Node], Template]) -> None:
        self.desired: list[Desired] = []
        self.diagnostics: list[Diagnostic] = []
        self.identities: list[Identity] = []
        self.parts: list[Place] = []
        self.kind = kind
        self._template = template
        self._templates: dict[object, Template] = {}

    def add(self, part: Place) -> None:
        """Take in the numbers of one file: the hot loop, a number a round."""
        section, file = part.node, part.file
        if not isinstance(section, Map):
            return
        self.parts.append(part)
        add, templates, new = self.desired.append, self._templates, tuple.__new__
        is_e164 = re.compile(E164[1:-1] + r"\Z").match
        kind, prefix = self.kind, f"{self.kind}/"
        for key, node, mark in zip(section, section.values(), section.marks[::2], strict=True):
            way = _way(node) if type(node) is Map else node
            try:
                template = templates[way]
            except (KeyError, TypeError):
                template = self._look(way, node)
            profile = template.profile
            if profile is not None and template.plain and is_e164(key):
                if template.named and type(node) is Map:
                    profile = _named(profile, node)
                position = new(Position, (file, mark.line + 1, mark.column + 1))
                add(Desired(kind, prefix + key, key, profile, position))
            else:
                self._special(part, key, node, template)

    def _look(self, way: object, node: Node) -> Template:
        """The template of a way that is met for the first time, or that is too nested to be a key as it is."""
        try:
            hash(way)
        except TypeError:
            way = (repr(way),)
        template = self._templates.get(way)
        if template is None:
            template = self._template(node)._replace(named=isinstance(node, Map) and _NAME in node)
            self._templates[way] = template
        return template

    def _special(self, part: Place, key: str, node: Node, template: Template) -> None:
        """A number that has something of its own, or something wrong."""
        entry = part.child(key)
        if entry is None:
            return
        position = entry.at("key")
        e164, sid, findings = _identify(key, template)
        address = f"{self.kind}/{e164 or sid or key}"
        self.diagnostics += placed((*template.findings, *findings), entry, address)
        if sid:
            self.identities.append(Identity(sid, key, position, address))
        if e164 and e164 != key:
            self.identities.append(Identity(e164, key, position, address))
        profile = template.profile
        if profile is not None:
            if template.named and isinstance(node, Map):
                profile = _named(profile, node)
            self.desired.append(Desired(self.kind, address, e164 or sid or key, profile, position, sid))


def _named(profile: Profile, node: Map) -> Profile:
    """The profile with this number's own friendly name."""
    return Profile(profile.account, {**profile.attrs, _NAME: node[_NAME]}, profile.options)  # type: ignore[dict-item]


def _way(node: Map) -> object:
    """What is equal for numbers that are declared alike; 1, 1.0 and true are not the same."""
    said: dict[str, object] = node  # type: ignore[assignment]
    if _NAME in node:
        name = node[_NAME]
        if type(name) is str and 0 < len(name) <= LONGEST_LABEL and not name.isspace():
            said = {**node, _NAME: _OWN}
    return (*said.items(), *map(type, said.values()))


def _identify(key: str, template: Template) -> tuple[str | None, str | None, list[Finding]]:
    """The E.164 and the SID of a number, from its key and its pins, as far as they are said."""
    if re.fullmatch(E164[1:-1], key):
        return key, template.sid, _contradiction("phone_number", key, template.phone)
    if is_sid(key, "PN"):
        sid = normal_sid(key)
        return template.phone, sid, _contradiction("sid", sid, template.sid)
    if key[:2].upper() == "PN" or key[:2] in ("AC", "TK", "AP"):
        detail = "A number is declared by its E.164 in quotes, or by its SID: PN and 32 hexadecimal digits."
        return None, None, [Finding("invalid_number_sid", detail, (), "key")]
    return None, None, [Finding("invalid_phone_format", phone_advice(key), (), "key")]


def _contradiction(field: str, key: str, pin: str | None) -> list[Finding]:
    if pin is None or pin == key:
        return []
    detail = f"The key says {key}, `{field}` says {pin}: they must be one and the same."
    return [Finding("sid_number_mismatch", detail, (field,))]


def declared_twice(sections: Sequence[Gathered]) -> list[Diagnostic]:
    """Numbers that are declared more than once: in several files, in both sections, or under another name."""
    parts = [(gathered.kind, part, part.node) for gathered in sections for part in gathered.parts]
    problems = []
    seen: dict[str, Place] = {}
    for kind, part, node in parts:
        if isinstance(node, Map):
            for key in seen.keys() & node.keys():
                problems.append(_twice(key, _key_at(seen[key], key), _key_at(part, key), f"{kind}/{key}"))
            if len(parts) > 1:
                seen = {**dict.fromkeys(node, part), **seen}
    return problems + _same_identity(sections)


def _same_identity(sections: Sequence[Gathered]) -> list[Diagnostic]:
    problems = []
    first: dict[str, Identity] = {}
    for identity in (identity for gathered in sections for identity in gathered.identities):
        name = identity.name
        other = first.setdefault(name, identity)
        place = other.position if other.key != identity.key else _by_key(sections, name)
        if place is not None:
            problems.append(_twice(name, place, identity.position, identity.address))
    return problems


def _by_key(sections: Sequence[Gathered], key: str) -> Position | None:
    """Where a number is declared under this E.164."""
    parts = (part for gathered in sections for part in gathered.parts if key[0] == "+")
    return next((_key_at(part, key) for part in parts if isinstance(part.node, Map) and key in part.node), None)


def _key_at(part: Place, key: str) -> Position:
    entry = part.child(key)
    return (entry or part).at("key")


def _twice(name: str, first: Position, second: Position, address: str) -> Diagnostic:
    return twice("number_already_imported", name, first, second, address)
