"""What state calls by its SID and has a name by now: entries are read under the names that live
resources have; pure.

A trunk that was forgotten leaves its SID in the entries of its numbers. Declared again it has a
name, and so has the route that Twilio shows: without this the two would pass for different trunks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.identity import match

_Parts = dict[int, dict[str, Value]]


def resolve_names(
    resources: Mapping[str, Entry], others: Mapping[str, Live]
) -> Mapping[str, Entry]:
    """The entries with names in the place of SIDs; parts that are alike stay one and the same
    object.
    """
    names = match.names_by_sid(others)
    new = _new_parts(resources.values(), names) if names else {}
    if not new:
        return resources
    return {address: _entry(entry, new) for address, entry in resources.items()}


def _new_parts(entries: Collection[Entry], names: Mapping[str, str]) -> _Parts:
    """Those parts of entries that hold a SID with a name, told by it; by the identity of the old
    ones.
    """
    parts: dict[int, dict[str, Value]] = {}
    for entry in entries:  # a hundred thousand, of which few parts are not the same object
        parts[id(entry.last_applied)] = entry.last_applied
        if entry.previously_managed:
            parts[id(entry.previously_managed)] = entry.previously_managed
        if entry.pending:
            parts[id(entry.pending)] = entry.pending
    told = {key: match.rename_references(part, names) for key, part in parts.items()}
    return {key: told[key] for key, part in parts.items() if part != told[key]}


def _entry(entry: Entry, new: _Parts) -> Entry:
    if not new.keys() & {id(entry.last_applied), id(entry.previously_managed), id(entry.pending)}:
        return entry
    return msgspec.structs.replace(
        entry,
        last_applied=new.get(id(entry.last_applied), entry.last_applied),
        previously_managed=new.get(id(entry.previously_managed), entry.previously_managed),
        pending=new.get(id(entry.pending), entry.pending),
    )
