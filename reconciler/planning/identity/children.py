"""Separate the entries of bound resources from those of undeclared children that we have deleted,
and group recorded children by parent; pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.entry import Entry


def is_bound(entry: Entry) -> bool:
    """Return whether the entry is bound to a resource, and not the record of a deleted child."""
    return bool(entry.sid) and not entry.deleted


def without_deleted(resources: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Return the entries without those of deleted children."""
    if not any(entry.deleted for entry in resources.values()):
        return resources
    return {address: entry for address, entry in resources.items() if not entry.deleted}


def group_recorded_children(
    resources: Mapping[str, Entry], account: str
) -> dict[tuple[str, str], list[str]]:
    """Map (kind, parent) to the SIDs of recorded undeclared children, without those that we deleted."""
    deleted = {entry.sid for entry in select_deleted(resources).values()}
    found: dict[tuple[str, str], list[str]] = {}
    for parent, entry in resources.items():
        if entry.account != account:
            continue

        for kind, recorded in entry.children.items():
            sids = found.setdefault((kind, parent), [])
            sids += [sid for sid in recorded if sid not in deleted]
    return found


def select_deleted(resources: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries of deleted children."""
    return {address: entry for address, entry in resources.items() if entry.deleted}
