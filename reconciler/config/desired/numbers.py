"""The number sections in, desired numbers out: one look at each different way of declaring, one short loop over all.

100,000 numbers are declared in a handful of ways. What a way means (its `Template`) is worked out once; the loop then
only checks the key, looks up the template and makes the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.desired.number_shapes import NumberShape
from reconciler.config.desired.registrations import registration_of, secrets_of
from reconciler.config.formats import E164, is_sid, normal_sid
from reconciler.config.project import Secret
from reconciler.config.section_names import duplicate_declaration
from reconciler.config.sections.fields import LONGEST_LABEL
from reconciler.config.source.nodes import Float, Int, Map, Node, Place
from reconciler.diagnostics import Diagnostic
from reconciler.model.desired import Desired, Profile
from reconciler.model.position import Position

Labels = tuple[tuple[str, str], ...]
_OWN = object()
"""Stands for a value that is each number's own: numbers that differ in nothing else are declared alike."""


def _is_label(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST_LABEL and not value.isspace()


def _is_pin(value: object) -> bool:
    return type(value) is str and is_sid(value, "PN")


def _is_price(value: object) -> bool:
    return type(value) in (Int, Float) and 0 <= value < math.inf  # type: ignore[operator]


def _are_labels(value: object) -> bool:
    return type(value) is Map and all(type(label) is str for label in value.values())


OWN_FIELDS: dict[str, Callable[[object], bool]] = {
    "friendly_name": _is_label,
    "sid": _is_pin,
    "price": _is_price,
    "labels": _are_labels,
}
"""What often differs from number to number, and when it is valid whatever else is declared."""


class Identity(NamedTuple):
    """A second name of a number (its SID, or its E.164 where the key is a SID), its key, and where it is declared."""

    name: str
    key: str
    position: Position
    address: str


class NumberSection:
    """The numbers of one section, and what is wrong with them."""

    def __init__(self, kind: str, template: Callable[[Node], NumberShape]) -> None:
        self.desired: list[Desired] = []
        self.diagnostics: list[Diagnostic] = []
        self.identities: list[Identity] = []
        self.secrets: dict[str, dict[str, Secret]] = {}
        self.parts: list[tuple[str, Map]] = []
        self.kind = kind
        self._template = template
        self._templates: dict[object, NumberShape] = {}
        self._labelled: dict[tuple[int, Labels], Profile] = {}

    def add(self, file: str, section: Map) -> None:
        """Take in the numbers of one file: the hot loop, a number a round."""
        self.parts.append((file, section))
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
            if profile is None or not template.plain or not is_e164(key):
                self._special(section.entry(file, key), key, template)
                continue
            position = new(Position, (file, mark.line + 1, mark.column + 1))
            if template.own or template.sid:
                self._own(key, node, template, profile, position)
            else:
                add(Desired(kind, prefix + key, key, profile, position))

    def _look(self, way: object, node: Node) -> NumberShape:
        """The template of a way that is met for the first time, or that is too nested to be a key as it is."""
        try:
            hash(way)
        except TypeError:
            way = (repr(way),)
        template = self._templates.get(way)
        if template is None:
            own = _own_fields(node) if isinstance(node, Map) else frozenset()
            template = self._templates[way] = self._template(node)._replace(own=own)
        return template

    def _own(
        self, key: str, node: Any, template: NumberShape, profile: Profile, position: Position
    ) -> None:
        """A number under its E.164 that has something of its own."""
        sid, address = _pin(node, template), f"{self.kind}/{key}"
        if sid:
            self.identities.append(Identity(sid, key, position, address))
        profile = self._named(profile, node, template)
        self.desired.append(Desired(self.kind, address, key, profile, position, sid))

    def _special(self, entry: Place, key: str, template: NumberShape) -> None:
        """A number under its SID, or one that something is wrong with."""
        position, profile = entry.at("key"), template.profile
        e164, sid, findings = _identify(key, _pin(entry.node, template), template.phone)
        findings += _wrong_area_code(e164, profile)
        address = f"{self.kind}/{e164 or sid or key}"
        if template.registering is not None and profile is None and sid is not None:
            findings.append(
                Finding(
                    "invalid_phone_format",
                    "A number outside Twilio has no SID: write it in E.164.",
                    (),
                    "key",
                )
            )
        self.diagnostics += place_findings((*template.findings, *findings), entry, address)
        for name in filter(None, (sid, e164 if e164 != key else None)):
            self.identities.append(Identity(name, key, position, address))
        if profile is not None:
            profile = self._named(profile, entry.node, template)
            self.desired.append(
                Desired(self.kind, address, e164 or sid or key, profile, position, sid)
            )
        if template.registering is not None:
            self._register(
                entry,
                e164 or sid or key,
                address if profile is not None else None,
                template,
                profile,
            )

    def _named(self, profile: Profile, node: Any, template: NumberShape) -> Profile:
        """The profile, with this number's own friendly name and labels."""
        if "labels" in template.own:
            profile = self._share_labels(profile, node["labels"])
        if "friendly_name" not in template.own:
            return profile
        attrs = {**profile.attrs, "friendly_name": node["friendly_name"]}
        return Profile(profile.account, attrs, profile.options, profile.purchase)

    def _share_labels(self, profile: Profile, labels: Mapping[str, str]) -> Profile:
        """The profile with these labels: one object for all numbers that share both, so that they are compared once.

        `profile` belongs to a template, which keeps it alive: its id is not used again.
        """
        own = tuple(sorted(labels.items()))
        found = self._labelled.get((id(profile), own))
        if found is None:
            found = self._labelled[id(profile), own] = _with_labels(profile, own)
        return found

    def _register(
        self,
        entry: Place,
        key: str,
        parent: str | None,
        template: NumberShape,
        profile: Profile | None,
    ) -> None:
        """The place of a number on a platform, beside the number itself."""
        asked = template.registering
        assert asked is not None
        price = entry.node.get("price") if isinstance(entry.node, Map) else None
        price = price if isinstance(price, Int | Float) else None
        want = registration_of(asked, key, parent, entry.at("key"), profile, price)
        if parent is None and "labels" in template.own and isinstance(entry.node, Map):
            # A number outside Twilio is nothing but its registration.
            labels: Any = entry.node["labels"]
            want = msgspec.structs.replace(
                want, profile=_with_labels(want.profile, tuple(sorted(labels.items())))
            )
        self.desired.append(want)
        if asked.secrets:
            self.secrets[want.address] = secrets_of(asked, entry)


def _pin(node: Any, template: NumberShape) -> str | None:
    """The SID that a number pins."""
    return normal_sid(node["sid"]) if "sid" in template.own else template.sid


def _with_labels(profile: Profile, labels: Labels) -> Profile:
    options = msgspec.structs.replace(profile.options, labels=labels)
    return msgspec.structs.replace(profile, options=options)


def _own_fields(node: Map) -> frozenset[str]:
    """The fields whose value is the number's own."""
    return frozenset(
        name for name in node.keys() & OWN_FIELDS.keys() if OWN_FIELDS[name](node[name])
    )


def _way(node: Map) -> object:
    """What is equal for numbers that are declared alike; 1, 1.0 and true are not the same."""
    if len(node) == 1:
        ((key, value),) = node.items()
        if key not in OWN_FIELDS:
            return key, value, type(value)
    said: dict[str, Any] = node
    own = _own_fields(node)
    if own:
        said = {**node, **dict.fromkeys(own, _OWN)}
    return (*said.items(), *map(type, said.values()))


def _identify(
    key: str, pin: str | None, phone: str | None
) -> tuple[str | None, str | None, list[Finding]]:
    """The E.164 and the SID of a number, from its key and its pins, as far as they are said."""
    if re.fullmatch(E164[1:-1], key):
        return key, pin, _contradiction("phone_number", key, phone)
    if is_sid(key, "PN"):
        sid = normal_sid(key)
        return phone, sid, _contradiction("sid", sid, pin)
    if key[:2].upper() == "PN" or key[:2] in ("AC", "TK", "AP"):
        detail = "A number is declared by its E.164 in quotes, or by its SID: PN and 32 hexadecimal digits."
        return None, None, [Finding("invalid_number_sid", detail, (), "key")]
    from reconciler.config.advice.phone_numbers import advise_on_phone
    from reconciler.config.sections.number import Number

    if key in Number.model_fields:
        detail = f"`{key}` is a field of a number: indent it further, below its number."
        return None, None, [Finding("invalid_phone_format", detail, (), "key")]
    return None, None, [Finding("invalid_phone_format", advise_on_phone(key), (), "key")]


def _wrong_area_code(e164: str | None, profile: Profile | None) -> list[Finding]:
    """The area code of a purchase that is not the one of its number."""
    code = (
        profile.purchase.area_code if profile is not None and profile.purchase is not None else None
    )
    if code is None or e164 is None or (e164[:2] == "+1" and e164[2:5] == code):
        return []
    detail = (
        f"{e164} has no area code {code}. The number itself says which one is bought: leave `area_code` out, or find "
        f"numbers with that area code:\n  reconciler numbers search --country US --area-code {code}"
    )
    return [Finding("invalid_value", detail, ("purchase", "area_code"))]


def _contradiction(field: str, key: str, pin: str | None) -> list[Finding]:
    if pin is None or pin == key:
        return []
    detail = f"The key says {key}, `{field}` says {pin}: they must be one and the same."
    return [Finding("sid_number_mismatch", detail, (field,))]


def find_duplicates(sections: Sequence[NumberSection]) -> list[Diagnostic]:
    """Numbers that are declared more than once: in several files, in both sections, or under another name."""
    parts = [(gathered.kind, *part) for gathered in sections for part in gathered.parts]
    problems = []
    seen: dict[str, tuple[str, Map]] = {}
    for kind, file, node in parts:
        for key in seen.keys() & node.keys():
            problems.append(
                _twice(key, _key_at(*seen[key], key), _key_at(file, node, key), f"{kind}/{key}")
            )
        for key in node if len(parts) > 1 else ():
            seen.setdefault(key, (file, node))
    return problems + _same_identity(sections)


def _same_identity(sections: Sequence[NumberSection]) -> list[Diagnostic]:
    problems = []
    first: dict[str, Identity] = {}
    for identity in (identity for gathered in sections for identity in gathered.identities):
        name = identity.name
        other = first.setdefault(name, identity)
        place = other.position if other.key != identity.key else _by_key(sections, name)
        if place is not None:
            problems.append(_twice(name, place, identity.position, identity.address))
    return problems


def _by_key(sections: Sequence[NumberSection], key: str) -> Position | None:
    """Where a number is declared under this E.164."""
    parts = (part for gathered in sections for part in gathered.parts if key[0] == "+")
    return next((_key_at(file, node, key) for file, node in parts if key in node), None)


def _key_at(file: str, node: Map, key: str) -> Position:
    return node.entry(file, key).at("key")


def _twice(name: str, first: Position, second: Position, address: str) -> Diagnostic:
    return duplicate_declaration("number_already_imported", name, first, second, address)
