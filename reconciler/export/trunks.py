"""Live trunks and their children → entries of the `trunks` section; a table says how each kind of child is written.

A trunk that a configuration could not find again, or not say, is left out: its numbers name it by its SID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from reconciler.config.desired.roundtrip import can_declare_origination, can_declare_trunk, is_label
from reconciler.config.source.write import Block, Entry, Flow, Items
from reconciler.export.names import UniqueNames, name_from_label
from reconciler.kinds.trunk import FIELDS
from reconciler.model.live import Live
from reconciler.model.route import Attrs


class Child(NamedTuple):
    """A kind of child: the field of a trunk that lists them, what one is declared as (None: it cannot be)."""

    kind: str
    field: str
    said: Callable[[Live], Flow]
    order: Callable[[Live], Any] = lambda live: live.key


def _origination(live: Live) -> Flow:
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
        _origination,
        lambda live: (live.attrs["priority"], live.attrs["weight"], live.key),
    ),
    Child("trunk_ip_access_control_list", "ip_access_control_lists", lambda live: live.key),
    Child("trunk_credential_list", "credential_lists", lambda live: live.key),
)
"""What hangs below a trunk and is exported with it: another kind of child is another row."""


class Trunks(NamedTuple):
    """The names of trunks by SID, and how the ones that are new are written."""

    names: dict[str, str]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def declare_trunks(
    others: Mapping[str, Live],
    known: Mapping[str, str],
    taken: Iterable[str],
    default_account: str | None,
) -> Trunks:
    """Name and write every trunk that has no name yet (`known`: SID → name)."""
    trunks = sorted(
        (live for a, live in others.items() if a.startswith("trunk/")), key=lambda t: (t.key, t.sid)
    )
    labels = Counter((t.account, t.name) for t in trunks if not t.attrs["domain_name"])
    unique, names, entries, notes = UniqueNames(taken), dict(known), [], []
    for trunk in (trunk for trunk in trunks if trunk.sid not in known):
        fields = _fields(trunk, default_account)
        if not can_declare_trunk(fields) or (
            not trunk.attrs["domain_name"] and _not_found_again(trunk, labels)
        ):
            notes.append(
                f"Trunk {trunk.sid} cannot be declared: neither its domain nor its name tells it apart."
            )
            continue
        domain = str(trunk.attrs["domain_name"] or "").removesuffix(".pstn.twilio.com")
        names[trunk.sid] = name = unique.name(
            name_from_label(trunk.name, name_from_label(domain, "trunk"))
        )
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
    """What else is set on a trunk, apart from what it is without being set."""
    attrs = trunk.attrs
    found: dict[str, Flow] = {}
    if url := attrs["disaster_recovery_url"]:
        recovery: dict[str, Flow] = {"url": str(url)}
        found["disaster_recovery"] = {**recovery, **({"method": "GET"} if _is_get(attrs) else {})}
    if attrs["cnam_lookup_enabled"] is True:
        found["cnam_lookup"] = True
    for field in ("transfer_mode", "transfer_caller_id"):
        if attrs[field] != _DEFAULTS[field]:
            found[field] = str(attrs[field])
    recording = others.get(f"recording/{trunk.sid}")
    if recording is not None and recording.attrs["mode"] != "do-not-record":
        found["recording"] = {name: str(recording.attrs[name]) for name in ("mode", "trim")}
    return found


def _is_get(attrs: Attrs) -> bool:
    return attrs["disaster_recovery_method"] == "GET"


_DEFAULTS = {field.name: field.default for field in FIELDS}


def _fits(fields: Mapping[str, Flow], child: Child, said: Flow) -> bool:
    return can_declare_trunk({**fields, child.field: [said]})


def _not_found_again(trunk: Live, labels: Mapping[tuple[str, str], int]) -> bool:
    """A trunk without a domain is found by its label: that must be there, and be its own."""
    return not is_label(trunk.name) or labels[trunk.account, trunk.name] > 1


def _entry(name: str, trunk: Live, fields: Mapping[str, Flow], others: Mapping[str, Live]) -> Entry:
    inner = [Entry(field, value) for field, value in fields.items()]
    above: list[str] = []
    for field, value in _settings(trunk, others).items():
        if can_declare_trunk({**fields, field: value}):
            inner.append(Entry(field, value))
        else:
            above.append(f"Its {field} cannot be declared, and is left alone.")
    is_partial = False  # a key that does not list all would have the rest deleted
    for child in CHILDREN:
        prefix = f"{child.kind}/{trunk.sid}/"
        found = sorted(
            (live for address, live in others.items() if address.startswith(prefix)),
            key=child.order,
        )
        # Of several with one key a plan knows that with the lowest SID by it.
        by_key = {
            live.key: live.sid for live in sorted(found, key=lambda live: live.sid, reverse=True)
        }
        sayable = ((live, child.said(live)) for live in found if by_key[live.key] == live.sid)
        written = [said for _, said in sayable if said is not None and _fits(fields, child, said)]
        if written:
            inner.append(Entry(child.field, Items(tuple(written))))
        if written and len(written) < len(found):
            is_partial = True
        if len(written) < len(found):
            above.append(
                f"{len(found) - len(written)} of its {child.kind}s cannot be declared, and are left alone."
            )
        if written and child.kind == "trunk_credential_list":
            above.append(
                "Its credential lists go by their SID: Twilio shows nobody their passwords."
            )
        if child.field == "origination" and not any(live.attrs["enabled"] for live in found):
            above.append(
                "It has no origination URL that is enabled: calls to its numbers reach nobody."
            )
    if is_partial:
        inner.append(Entry("unlisted", "keep"))
    return Entry(name, Block(tuple(inner)), above=tuple(above))
