"""List the undeclared children of trunks and lists, and those that appeared, changed or disappeared
since the set was recorded; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.kinds.table import list_watched_child_kinds
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.child_sets import (
    child_address,
    find_undeclared,
    index_deleted_sids,
    index_live_sids,
    map_recorded_sids,
)
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.identity.children import is_bound, without_deleted
from reconciler.planning.identity.named import Named
from reconciler.planning.identity.observed import Observed

_APPEARED: tuple[DriftedField, ...] = (DriftedField("present", False, True),)
_DISAPPEARED: tuple[DriftedField, ...] = (DriftedField("present", True, False),)


def list_children(resources: Mapping[str, Entry], observed: Observed) -> Iterator[Named]:
    """Yield every child, live or recorded, that a pattern may match without being declared or
    bound.
    """
    for address, live in observed.resources.items():
        if live.parent is not None:
            yield Named(address, live.sid, None)

    for parent, entry in resources.items():
        for kind, recorded in entry.children.items():
            for sid, attrs in recorded.items():
                yield Named(child_address(kind, parent, attrs, sid), sid, None)


def find_changes(
    desired: Sequence[Desired], resources: Mapping[str, Entry], observed: Observed
) -> list[Drifted]:
    """Return every undeclared child that appeared, changed or disappeared, in the order of
    addresses.
    """
    parents = _find_parents(resources, observed)
    declared_addresses = {declared.address for declared in desired}
    below = find_undeclared(parents, declared_addresses, resources, observed)
    deleted, live_sids = index_deleted_sids(resources), index_live_sids(observed)

    found: list[Drifted] = []
    for parent in parents:
        found += _find_drift_below(
            parent,
            resources[parent],
            below.get(parent, {}),
            deleted.get(parent, set()),
            live_sids.get(parent, set()),
            observed.complete,
        )
    return sorted(found, key=lambda drifted: drifted.address)


def _find_parents(resources: Mapping[str, Entry], observed: Observed) -> set[str]:
    """Return the bound resources with recorded children that are still the same live resources."""
    parents: set[str] = set()
    for address, entry in without_deleted(resources).items():
        if not is_bound(entry) or not list_watched_child_kinds(entry.kind):
            continue
        live = observed.resources.get(address)
        if live is not None and live.sid == entry.sid:
            parents.add(address)
    return parents


def _find_drift_below(
    parent: str,
    entry: Entry,
    below: Mapping[str, Live],
    deleted: set[str],
    live_sids: set[str],
    complete: Collection[tuple[str, str]],
) -> Iterator[Drifted]:
    for kind in list_watched_child_kinds(entry.kind):
        if (parent, kind.name) not in complete:
            continue
        recorded = entry.children.get(kind.name, {})
        live_ones: dict[str, Live] = {}
        for address, live in below.items():
            if Address.parse(address).kind == kind.name:
                live_ones[address] = live
        matched = map_recorded_sids(kind.name, recorded, live_ones.values(), deleted)

        for address, live in live_ones.items():
            fields = _APPEARED
            if live.sid in matched:
                fields = _find_edits(kind.name, recorded[matched[live.sid]], live)
            if fields:
                yield Drifted(address, live.account, live.sid, fields)

        # A child that has been declared or deleted since is no drift.
        present = live_sids | deleted | set(matched.values())
        for sid, attrs in recorded.items():
            if sid not in present:
                address = child_address(kind.name, parent, attrs, sid)
                yield Drifted(address, entry.account, sid, _DISAPPEARED)


def _find_edits(kind: str, recorded: Mapping[str, Value], live: Live) -> tuple[DriftedField, ...]:
    """Return the recorded fields of a child that have another value now."""
    now = {name: live.attrs.get(name) for name in recorded}
    changes = diff_fields(kind, recorded, now)
    return tuple([DriftedField(c.field, c.before, c.after) for c in changes])
