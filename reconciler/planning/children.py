"""Entries of what is bound, apart from those that only remember an undeclared child that we have deleted; pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model import Entry


def is_bound(entry: Entry) -> bool:
    """Whether the entry stands for a resource that is there."""
    return bool(entry.sid) and not entry.deleted


def without_deleted(resources: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """The entries without those of deleted children."""
    if not any(entry.deleted for entry in resources.values()):
        return resources
    return {address: entry for address, entry in resources.items() if not entry.deleted}


def only_deleted(resources: Mapping[str, Entry]) -> dict[str, Entry]:
    """The entries of deleted children."""
    return {address: entry for address, entry in resources.items() if entry.deleted}
