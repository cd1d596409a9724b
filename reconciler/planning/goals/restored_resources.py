"""Build the declaration that restores one resource: its recorded values, those from before its
import, or no change; pure.
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number import PARTS, canonical_routes
from reconciler.kinds.number_fields import BY_NAME, canonical_value
from reconciler.kinds.table import KINDS, NUMBER_KINDS, secret_fields
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.model.route import Attrs, Membership, Value
from reconciler.planning.decide.compare import all_written_values, prior_value

NOWHERE = Position("", 0, 0)
"""The position of a declaration that no file holds."""


def restore_entry(address: str, entry: Entry, present: Entry | None) -> Desired:
    """Return the declaration with the values of then, and with the protection and the consent of
    now.
    """
    read_attrs = _attrs_of_number if entry.kind in NUMBER_KINDS else _attrs_of_resource
    attrs = read_attrs(entry, present)

    options = msgspec.structs.replace(
        entry.options,
        observe_only=entry.options.observe_only and not attrs,
        protect=entry.options.protect or (present is not None and present.options.protect),
        takeover=(present or entry).options.takeover,
    )
    return _to_desired(address, entry, attrs, options)


def keep_entry(address: str, entry: Entry) -> Desired:
    """Return the declaration that changes nothing."""
    attrs = {} if entry.options.observe_only else entry.last_applied
    return _to_desired(address, entry, attrs, entry.options)


def restore_found(address: str, entry: Entry) -> Desired:
    """Return the declaration with the values from before the import."""
    attrs: dict[str, Value] = {name: entry.prior.get(name) for name in entry.last_applied}
    return _to_desired(address, entry, attrs, entry.options)


def restore_deleted_child(address: str, entry: Entry) -> Desired:
    """Return the declaration that makes a deleted, undeclared child again, with the values it had."""
    profile = Profile(entry.account, dict(entry.prior), Options())
    return Desired(entry.kind, address, entry.key, profile, NOWHERE, parent=entry.parent)


def _to_desired(address: str, entry: Entry, attrs: Attrs, options: Options) -> Desired:
    label = Address.parse(address).name if entry.parent is None else entry.key
    field_names = [field.name for field in KINDS[entry.kind].fields]
    is_named = entry.kind not in NUMBER_KINDS and "friendly_name" in field_names
    on_create = {"friendly_name": label[:64]} if is_named else {}
    profile = Profile(entry.account, attrs, options)

    # The use of a list needs the list that it names.
    used = KINDS[entry.kind].refers
    key = entry.key if used is None else str(entry.last_applied["list"])
    needs = () if used is None else (f"{used}/{key}",)
    return Desired(
        entry.kind,
        address,
        key,
        profile,
        NOWHERE,
        parent=entry.parent,
        on_create=on_create,
        needs=needs,
    )


def _attrs_of_resource(entry: Entry, present: Entry | None) -> Attrs:
    """Return the values of then; a secret stays the one of now, because state holds only its
    fingerprint.
    """
    secret = secret_fields(entry.kind)
    attrs = dict(entry.last_applied)
    if present is not None:
        for name, value in present.last_applied.items():
            if name in secret:
                attrs[name] = value
    return attrs


def _attrs_of_number(entry: Entry, present: Entry | None) -> Attrs:
    """Return the values of then, and those of the parts that were not managed then and that we have
    written since.

    | a part was            | goes back to                                  |
    |-----------------------|-----------------------------------------------|
    | managed               | what was applied                              |
    | only watched          | what was recorded                             |
    | managed no longer     | what we had left it at                        |
    | never managed         | what was found when it was managed first      |
    """
    since = all_written_values(present) if present is not None else {}
    watched = entry.options.observe_only
    previous = entry.previously_managed
    attrs: dict[str, Value] = {} if watched else dict(entry.last_applied)

    for part in dict.fromkeys((*previous, *since)):
        # Not a part that still has the value that we left it at.
        if part in attrs or (part in previous and since.get(part) == previous[part]):
            continue

        if watched and part in entry.last_applied:
            attrs[part] = entry.last_applied[part]
        elif part in previous:
            attrs[part] = previous[part]
        elif present is not None:
            attrs |= _value_before_us(present, part)
    return attrs


def _value_before_us(entry: Entry, part: str) -> dict[str, Value]:
    """Return a part as it was before it was managed; a friendly name cannot be cleared again."""
    if part in BY_NAME:
        return {part: canonical_value(BY_NAME[part], entry.prior.get(BY_NAME[part].wire))}

    wire = {field: prior_value(entry, field) for field in PARTS[part]}
    if part == "friendly_name":
        return {part: wire[part]} if wire[part] else {}
    if part == MEMBERSHIP:
        return {part: Membership(str(wire[part])) if wire[part] else None}
    return {part: canonical_routes(wire, {})[part]}
