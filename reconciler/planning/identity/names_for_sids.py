"""Replace SIDs in recorded entries with the names that those resources have now; pure.

A trunk that was forgotten leaves its SID in the entries of its numbers. Declared again it has a
name, and so has the route that Twilio shows: without this the two would pass for different trunks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap, list_distinct
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.identity import match

_Parts = IdentityMap[dict[str, Value]]


def resolve_names(
    resources: Mapping[str, Entry], others: Mapping[str, Live]
) -> Mapping[str, Entry]:
    """Return the entries with names in place of SIDs.

    Entries that share a part, such as `last_applied`, share it afterwards as well.
    """
    names = match.names_by_sid(others)
    renamed = _rename_parts(resources.values(), names) if names else None

    # Hardly any state holds such a SID: then the entries stay the same objects.
    if renamed is None:
        return resources
    return {address: _rename_entry(entry, renamed) for address, entry in resources.items()}


def _rename_parts(entries: Collection[Entry], names: Mapping[str, str]) -> _Parts | None:
    """Map each part of an entry that holds a SID with a name to the same part with the name.

    Return None where no part holds one.
    """
    parts: list[dict[str, Value]] = []
    for entry in entries:
        parts.append(entry.last_applied)
        if entry.previously_managed:
            parts.append(entry.previously_managed)
        if entry.pending:
            parts.append(entry.pending)

    # Of 100,000 entries few parts are not the same object.
    renamed: _Parts | None = None
    for part in list_distinct(parts):
        new = match.rename_references(part, names)
        if new != part:
            renamed = IdentityMap() if renamed is None else renamed
            renamed.put(new, part)
    return renamed


def _rename_entry(entry: Entry, renamed: _Parts) -> Entry:
    last_applied = renamed.get(entry.last_applied)
    previously_managed = renamed.get(entry.previously_managed)
    pending = renamed.get(entry.pending)
    if last_applied is None and previously_managed is None and pending is None:
        return entry

    return msgspec.structs.replace(
        entry,
        last_applied=entry.last_applied if last_applied is None else last_applied,
        previously_managed=(
            entry.previously_managed if previously_managed is None else previously_managed
        ),
        pending=entry.pending if pending is None else pending,
    )
