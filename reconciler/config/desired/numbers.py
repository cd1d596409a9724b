"""Read the number sections: validate each shape once, make a desired number for each entry, and
find numbers that are declared twice.

100,000 numbers are declared in a handful of shapes. A `NumberShape` is validated once; the loop
over all numbers only checks the key, looks up the shape and makes the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.desired.number_shapes import NumberShape
from reconciler.config.desired.parts import declared_field
from reconciler.config.desired.registrations import registration_of, secrets_of
from reconciler.config.formats import E164, is_sid, normal_sid
from reconciler.config.project import Secret
from reconciler.config.section_names import duplicate_declaration
from reconciler.config.sections.checks import LONGEST_LABEL
from reconciler.config.source.nodes import Float, Int, Map, Node, Place
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number_fields import FIELDS, NONE, OWN_NAMES
from reconciler.model.desired import Desired, Profile
from reconciler.model.identity_map import IdentityMap
from reconciler.model.position import Position
from reconciler.model.route import Value

Labels = tuple[tuple[str, str], ...]
_OWN = object()
"""Replaces a number's own value in a shape key: numbers of one shape may differ in it."""


def _is_label(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= LONGEST_LABEL and not value.isspace()


def _is_pin(value: object) -> bool:
    return type(value) is str and is_sid(value, "PN")


def _is_price(value: object) -> bool:
    return type(value) in (Int, Float) and 0 <= value < math.inf  # type: ignore[operator]


def _are_labels(value: object) -> bool:
    return type(value) is Map and all(type(label) is str for label in value.values())


def _is_optional_sid(prefix: str) -> Callable[[object], bool]:
    """Return the check of a SID of a number that may also be declared as not there."""

    def check(value: object) -> bool:
        return type(value) is str and (value == NONE or is_sid(value, prefix))

    return check


OWN_FIELDS: dict[str, Callable[[object], bool]] = {
    "friendly_name": _is_label,
    "sid": _is_pin,
    "price": _is_price,
    "labels": _are_labels,
    **{field.name: _is_optional_sid(field.prefix) for field in FIELDS if field.prefix},
}
"""Fields that often differ between numbers, each with its check, which needs no other field."""


class Identity(NamedTuple):
    """A second name of a number (its SID, or its E.164 if the key is a SID), its key and its
    position.
    """

    name: str
    key: str
    position: Position
    address: str


class NumberSection:
    """The numbers of one section, and their problems."""

    def __init__(self, kind: str, make_shape: Callable[[Node], NumberShape]) -> None:
        self.desired: list[Desired] = []
        self.diagnostics: list[Diagnostic] = []
        self.identities: list[Identity] = []
        self.secrets: dict[str, dict[str, Secret]] = {}
        self.parts: list[tuple[str, Map]] = []
        self.kind = kind
        self._make_shape = make_shape
        self._reported: set[tuple[object, ...]] = set()
        self._shapes: dict[object, NumberShape] = {}
        self._labelled: IdentityMap[dict[Labels, Profile]] = IdentityMap()

    def add(self, file: str, section: Map) -> None:
        """Add the numbers of one file. This is a hot loop: it runs once per number."""
        self.parts.append((file, section))
        # Local names and `tuple.__new__` (which skips the keyword handling of NamedTuple) save
        # time for each of 100,000 numbers.
        add, shapes, new = self.desired.append, self._shapes, tuple.__new__
        is_e164 = re.compile(E164[1:-1] + r"\Z").match
        kind, prefix = self.kind, f"{self.kind}/"

        for key, node, mark in zip(section, section.values(), section.marks[::2], strict=True):
            shape_key = _shape_key(node) if type(node) is Map else node
            try:
                shape = shapes[shape_key]
            except (KeyError, TypeError):
                shape = self._find_shape(shape_key, node)

            profile = shape.profile
            if profile is None or not shape.plain or not is_e164(key):
                self._add_special(section.entry(file, key), key, shape)
                continue

            position = new(Position, (file, mark.line + 1, mark.column + 1))
            if shape.own or shape.sid:
                self._add_individual(key, node, shape, profile, position)
            else:
                add(Desired(kind, prefix + key, key, profile, position))

    def _find_shape(self, shape_key: object, node: Node) -> NumberShape:
        """Return the shape of a new key, or of a nested value that cannot be hashed as it is."""
        try:
            hash(shape_key)
        except TypeError:
            shape_key = (repr(shape_key),)

        shape = self._shapes.get(shape_key)
        if shape is None:
            own = _own_fields(node) if isinstance(node, Map) else frozenset()
            shape = self._shapes[shape_key] = self._make_shape(node)._replace(own=own)
        return shape

    def _add_individual(
        self, key: str, node: Any, shape: NumberShape, profile: Profile, position: Position
    ) -> None:
        """Add a number under its E.164 that has its own fields, or a pin."""
        sid, address = _pin(node, shape), f"{self.kind}/{key}"
        if sid:
            self.identities.append(Identity(sid, key, position, address))
        profile = self._with_own_fields(profile, node, shape)
        self.desired.append(Desired(self.kind, address, key, profile, position, sid))

    def _add_special(self, entry: Place, key: str, shape: NumberShape) -> None:
        """Add a number under its SID, one with findings, or one on a platform."""
        position, profile = entry.at("key"), shape.profile
        e164, sid, findings = _identify(key, _pin(entry.node, shape), shape.phone)
        findings += _wrong_area_code(e164, profile)
        address = f"{self.kind}/{e164 or sid or key}"
        if shape.registering is not None and profile is None and sid is not None:
            detail = "A number outside Twilio has no SID: write it in E.164."
            findings.append(Finding("invalid_phone_format", detail, (), "key"))
        self._report((*shape.findings, *findings), entry, address)

        for name in filter(None, (sid, e164 if e164 != key else None)):
            self.identities.append(Identity(name, key, position, address))

        name = e164 or sid or key
        if profile is not None:
            profile = self._with_own_fields(profile, entry.node, shape)
            self.desired.append(Desired(self.kind, address, name, profile, position, sid))
        if shape.registering is not None:
            parent = address if profile is not None else None
            self._register(entry, name, parent, shape, profile)

    def _report(self, findings: Sequence[Finding], entry: Place, address: str) -> None:
        """Report the findings of a number. A field that a whole group shares is reported once."""
        for found in place_findings(findings, entry, address):
            place = found.code, found.detail, found.file, found.line, found.column
            if place not in self._reported:
                self._reported.add(place)
                self.diagnostics.append(found)

    def _with_own_fields(self, profile: Profile, node: Any, shape: NumberShape) -> Profile:
        """Return the profile with this number's own friendly name, SIDs and labels."""
        if "labels" in shape.own:
            profile = self._share_labels(profile, node["labels"])
        own = shape.own & OWN_NAMES
        if not own:
            return profile

        attrs = dict(profile.attrs)
        for name in own:
            written = node[name]
            attrs[name] = written if name == "friendly_name" else _own_sid(written)
        return Profile(profile.account, attrs, profile.options, profile.purchase)

    def _share_labels(self, profile: Profile, labels: Mapping[str, str]) -> Profile:
        """Return the profile with these labels.

        Numbers with the same profile and labels share one object, so that it is compared once.
        """
        by_labels = self._labelled.get(profile)
        if by_labels is None:
            by_labels = self._labelled.put({}, profile)

        own = tuple(sorted(labels.items()))
        found = by_labels.get(own)
        if found is None:
            found = by_labels[own] = _with_labels(profile, own)
        return found

    def _register(
        self,
        entry: Place,
        key: str,
        parent: str | None,
        shape: NumberShape,
        profile: Profile | None,
    ) -> None:
        """Add the registration of a number on its platform."""
        template = shape.registering
        assert template is not None

        price = entry.node.get("price") if isinstance(entry.node, Map) else None
        price = price if isinstance(price, Int | Float) else None
        registration = registration_of(template, key, parent, entry.at("key"), profile, price)

        # A number outside Twilio consists of its registration only, which therefore has the labels.
        if parent is None and "labels" in shape.own and isinstance(entry.node, Map):
            labels: Any = entry.node["labels"]
            labelled = _with_labels(registration.profile, tuple(sorted(labels.items())))
            registration = msgspec.structs.replace(registration, profile=labelled)

        self.desired.append(registration)
        if template.secrets or template.known_secrets:
            self.secrets[registration.address] = secrets_of(template, entry)


def _pin(node: Any, shape: NumberShape) -> str | None:
    """Return the SID that a number pins."""
    return normal_sid(node["sid"]) if "sid" in shape.own else shape.sid


def _own_sid(written: str) -> Value:
    return declared_field(written if written == NONE else normal_sid(written))


def _with_labels(profile: Profile, labels: Labels) -> Profile:
    options = msgspec.structs.replace(profile.options, labels=labels)
    return msgspec.structs.replace(profile, options=options)


def _own_fields(node: Map) -> frozenset[str]:
    """Return the fields whose values do not matter for the shape."""
    return frozenset(
        name for name in node.keys() & OWN_FIELDS.keys() if OWN_FIELDS[name](node[name])
    )


def _shape_key(node: Map) -> object:
    """Return a key that is equal for numbers that are declared alike.

    It includes the types of values, because 1, 1.0 and true are equal to Python but not to YAML.
    """
    if len(node) == 1:
        ((key, value),) = node.items()
        if key not in OWN_FIELDS:
            return key, value, type(value)

    fields: dict[str, Any] = node
    own = _own_fields(node)
    if own:
        fields = {**node, **dict.fromkeys(own, _OWN)}
    return (*fields.items(), *map(type, fields.values()))


def _identify(
    key: str, pin: str | None, phone: str | None
) -> tuple[str | None, str | None, list[Finding]]:
    """Return the E.164 and the SID of a number, as far as its key and pins give them, and findings."""
    if re.fullmatch(E164[1:-1], key):
        return key, pin, _contradiction("phone_number", key, phone)
    if is_sid(key, "PN"):
        sid = normal_sid(key)
        return phone, sid, _contradiction("sid", sid, pin)

    # The key is neither: explain the likely mistake.
    if key[:2].upper() == "PN" or key[:2] in ("AC", "TK", "AP"):
        detail = (
            "A number is declared by its E.164 in quotes, or by its SID: PN and 32 hexadecimal "
            "digits."
        )
        return None, None, [Finding("invalid_number_sid", detail, (), "key")]

    from reconciler.config.advice.phone_numbers import advise_on_phone
    from reconciler.config.sections.number import Number

    if key in Number.model_fields:
        detail = f"`{key}` is a field of a number: indent it further, below its number."
        return None, None, [Finding("invalid_phone_format", detail, (), "key")]
    return None, None, [Finding("invalid_phone_format", advise_on_phone(key), (), "key")]


def _wrong_area_code(e164: str | None, profile: Profile | None) -> list[Finding]:
    """Return a finding if the area code of a purchase differs from that of the number."""
    purchase = profile.purchase if profile is not None else None
    code = purchase.area_code if purchase is not None else None
    if code is None or e164 is None or (e164[:2] == "+1" and e164[2:5] == code):
        return []
    detail = (
        f"{e164} has no area code {code}. The key already names the number to buy: leave "
        f"`area_code` out, or find numbers with that area code:\n  reconciler numbers search --country US --area-code {code}"
    )
    return [Finding("invalid_value", detail, ("purchase", "area_code"))]


def _contradiction(field: str, key: str, pin: str | None) -> list[Finding]:
    if pin is None or pin == key:
        return []
    detail = f"The key is {key}, but `{field}` is {pin}: they must be the same number."
    return [Finding("sid_number_mismatch", detail, (field,))]


def find_duplicates(sections: Sequence[NumberSection]) -> list[Diagnostic]:
    """Find numbers that are declared twice: in two files, in both sections, or by E.164 and SID."""
    parts: list[tuple[str, str, Map]] = []
    for section in sections:
        parts += [(section.kind, file, node) for file, node in section.parts]

    problems = []
    seen: dict[str, tuple[str, Map]] = {}
    for kind, file, node in parts:
        for key in seen.keys() & node.keys():
            first, second = _key_at(*seen[key], key), _key_at(file, node, key)
            problems.append(_duplicate(key, first, second, f"{kind}/{key}"))
        # A single part has no key twice; nothing to remember saves time for 100,000 numbers.
        for key in node if len(parts) > 1 else ():
            seen.setdefault(key, (file, node))
    return problems + _same_identity(sections)


def _same_identity(sections: Sequence[NumberSection]) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    first: dict[str, Identity] = {}
    for section in sections:
        for identity in section.identities:
            name = identity.name
            other = first.setdefault(name, identity)
            place: Position | None = other.position

            # One key twice is reported above; left is a name that another entry has as its key.
            if other.key == identity.key:
                place = _position_of_key(sections, name)
            if place is not None:
                problems.append(_duplicate(name, place, identity.position, identity.address))
    return problems


def _position_of_key(sections: Sequence[NumberSection], key: str) -> Position | None:
    """Return the position at which a number is declared under this E.164."""
    if key[0] != "+":
        return None
    for section in sections:
        for file, node in section.parts:
            if key in node:
                return _key_at(file, node, key)
    return None


def _key_at(file: str, node: Map, key: str) -> Position:
    return node.entry(file, key).at("key")


def _duplicate(name: str, first: Position, second: Position, address: str) -> Diagnostic:
    return duplicate_declaration("number_already_imported", name, first, second, address)
