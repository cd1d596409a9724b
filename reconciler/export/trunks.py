"""Name live trunks, and convert them with their origination URLs and lists to entries of the
`trunks` section; pure. `CHILDREN` has a row for each kind of child.

A trunk that a plan could not find again, or that YAML cannot express, is left out: its numbers use
its SID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.config.desired.roundtrip import can_declare_origination, can_declare_trunk, is_label
from reconciler.config.source.write import Block, Entry, Flow, Items
from reconciler.export.names import UniqueNames, name_from_label
from reconciler.kinds.trunk import FIELDS
from reconciler.model.address import Address
from reconciler.model.live import Live


class Child(NamedTuple):
    """A kind of child: the field of a trunk that lists such children, and the value that declares
    one.

    `declare` returns None for a child that YAML cannot express.
    """

    kind: str
    field: str
    declare: Callable[[Live], Flow]
    order: Callable[[Live], Any] = lambda live: live.key


def _declare_origination(live: Live) -> Flow:
    attrs = live.attrs
    fields: dict[str, Any] = {name: attrs[name] for name in ("sip_url", "priority", "weight")}
    if attrs["enabled"] is False:
        fields["enabled"] = False
    if is_label(attrs["friendly_name"]):
        fields["friendly_name"] = attrs["friendly_name"]
    return fields if can_declare_origination(fields) else None


CHILDREN = (
    Child(
        "origination_url",
        "origination",
        _declare_origination,
        lambda live: (live.attrs["priority"], live.attrs["weight"], live.key),
    ),
    Child("trunk_ip_access_control_list", "ip_access_control_lists", lambda live: live.key),
    Child("trunk_credential_list", "credential_lists", lambda live: live.key),
)
"""The children that are exported with a trunk. To export another kind, add a row."""


class Trunks(NamedTuple):
    """The names of trunks by SID, the entries of new trunks, and notes on unnamed ones."""

    names: dict[str, str]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def declare_trunks(
    others: Mapping[str, Live],
    known: Mapping[str, str],
    taken: Iterable[str],
    default_account: str | None,
) -> Trunks:
    """Name every trunk that has no name yet (`known`: SID → name), and write its entry."""
    trunks = [live for address, live in others.items() if Address.parse(address).kind == "trunk"]
    trunks.sort(key=lambda trunk: (trunk.key, trunk.sid))
    labels = Counter((t.account, t.name) for t in trunks if not t.attrs["domain_name"])
    unique = UniqueNames(taken)
    names, entries, notes = dict(known), list[Entry](), list[str]()

    for trunk in trunks:
        if trunk.sid in known:
            continue

        # The next plan finds a trunk by its domain or, without one, by a unique label.
        fields = _fields(trunk, default_account)
        findable = bool(trunk.attrs["domain_name"]) or _has_unique_label(trunk, labels)
        if not findable or not can_declare_trunk(fields):
            notes.append(
                f"Trunk {trunk.sid} cannot be declared: neither its domain nor its name "
                "identifies it."
            )
            continue

        domain = str(trunk.attrs["domain_name"] or "").removesuffix(".pstn.twilio.com")
        name = unique.name(name_from_label(trunk.name, name_from_label(domain, "trunk")))
        names[trunk.sid] = name
        entries.append(_entry(name, trunk, fields, others))

    return Trunks(names, tuple(sorted(entries)), tuple(notes))


def _fields(trunk: Live, default_account: str | None) -> dict[str, Flow]:
    fields: dict[str, Flow] = {}
    if trunk.account != default_account:
        fields["account"] = trunk.account
    if trunk.attrs["domain_name"]:
        fields["domain"] = str(trunk.attrs["domain_name"])
    if is_label(trunk.attrs["friendly_name"]):
        fields["friendly_name"] = str(trunk.attrs["friendly_name"])
    if trunk.attrs["secure"] is True:
        fields["secure"] = True
    return fields


def _settings(trunk: Live, others: Mapping[str, Live]) -> dict[str, Flow]:
    """Return the settings of a trunk that differ from Twilio's defaults."""
    attrs = trunk.attrs
    settings: dict[str, Flow] = {}

    url = attrs["disaster_recovery_url"]
    if url:
        recovery = {"url": str(url)}
        if attrs["disaster_recovery_method"] == "GET":
            recovery["method"] = "GET"
        settings["disaster_recovery"] = recovery

    if attrs["cnam_lookup_enabled"] is True:
        settings["cnam_lookup"] = True
    for field in ("transfer_mode", "transfer_caller_id"):
        if attrs[field] != _DEFAULTS[field]:
            settings[field] = str(attrs[field])

    recording = others.get(f"recording/{trunk.sid}")
    if recording is not None and recording.attrs["mode"] != "do-not-record":
        settings["recording"] = {name: str(recording.attrs[name]) for name in ("mode", "trim")}
    return settings


_DEFAULTS = {field.name: field.default for field in FIELDS}


def _has_unique_label(trunk: Live, labels: Mapping[tuple[str, str], int]) -> bool:
    return is_label(trunk.name) and labels[trunk.account, trunk.name] == 1


def _entry(name: str, trunk: Live, fields: Mapping[str, Flow], others: Mapping[str, Live]) -> Entry:
    """Write the entry of a trunk; comments above it name the parts that cannot be declared."""
    inner = [Entry(field, value) for field, value in fields.items()]
    comments: list[str] = []

    for field, value in _settings(trunk, others).items():
        if can_declare_trunk({**fields, field: value}):
            inner.append(Entry(field, value))
        else:
            comments.append(f"Its {field} cannot be declared, and is left alone.")

    is_partial = False
    for child in CHILDREN:
        prefix = f"{child.kind}/{trunk.sid}/"
        live = [one for address, one in others.items() if address.startswith(prefix)]
        declared = _declare_children(child, live, fields)
        if declared:
            inner.append(Entry(child.field, Items(tuple(declared))))
        missing = len(live) - len(declared)
        is_partial = is_partial or (bool(declared) and missing > 0)
        comments += _child_comments(child, live, missing, bool(declared))

    # A key that lists only some children would have a plan delete the others.
    if is_partial:
        inner.append(Entry("unlisted", "keep"))
    return Entry(name, Block(tuple(inner)), above=tuple(comments))


def _declare_children(child: Child, live: list[Live], fields: Mapping[str, Flow]) -> list[Flow]:
    """Return the declarations of the children that YAML can express."""
    declared: list[Flow] = []
    for one in sorted(live, key=child.order):
        value = child.declare(one)

        # A configuration refuses an entry that equals another one.
        if value is None or value in declared:
            continue
        if can_declare_trunk({**fields, child.field: [value]}):
            declared.append(value)
    return declared


def _child_comments(
    child: Child, live: list[Live], missing: int, has_declared: bool
) -> Iterator[str]:
    if missing:
        yield f"{missing} of its {child.kind}s cannot be declared, and are left alone."
    if has_declared and child.kind == "trunk_credential_list":
        yield "Its credential lists are declared by SID: Twilio does not return their passwords."
    if child.field == "origination" and not any(one.attrs["enabled"] for one in live):
        yield "It has no enabled origination URL, so calls to its numbers are not answered."
