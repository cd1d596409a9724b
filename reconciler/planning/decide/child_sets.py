"""Find the undeclared children below a trunk or a list, match the live ones with the recorded set,
and name them; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.kinds.table import KINDS
from reconciler.model.address import Address
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.identity.children import select_deleted
from reconciler.planning.identity.observed import Observed

ChildSet = Mapping[str, Mapping[str, Value]]
"""SID → attributes, for the children of one kind below one parent."""
Children = Mapping[str, ChildSet]
"""Kind → set of children; the value of `Entry.children`."""
Below = dict[str, dict[str, Live]]
"""Parent → address → child."""


def find_undeclared(
    parents: Collection[str],
    declared_addresses: Collection[str],
    resources: Mapping[str, Entry],
    observed: Observed,
) -> Below:
    """Return the children of these parents that are neither declared nor bound."""
    found: Below = {}
    for address, live in observed.resources.items():
        parent = live.parent
        if parent is None or parent not in parents:
            continue

        # Where a list was not read to its end, nothing is known about its children.
        kind = Address.parse(address).kind
        if (parent, kind) not in observed.complete or KINDS[kind].singleton:
            continue

        entry = resources.get(address)
        is_bound = entry is not None and not entry.deleted
        if address not in declared_addresses and not is_bound:
            found.setdefault(parent, {})[address] = live
    return found


def index_deleted_sids(resources: Mapping[str, Entry]) -> dict[str, set[str]]:
    """Map parents to the SIDs of the undeclared children that we have deleted."""
    found: dict[str, set[str]] = {}
    for entry in select_deleted(resources).values():
        found.setdefault(entry.parent or "", set()).add(entry.sid)
    return found


def index_live_sids(observed: Observed) -> dict[str, set[str]]:
    """Map parents to the SIDs of their children."""
    found: dict[str, set[str]] = {}
    for live in observed.resources.values():
        if live.parent is not None:
            found.setdefault(live.parent, set()).add(live.sid)
    return found


def map_recorded_sids(
    kind: str,
    recorded: ChildSet,
    live: Iterable[Live],
    deleted: Collection[str] = (),
) -> dict[str, str]:
    """Map the SID of each live child that belongs to the recorded set to the SID that it had then.

    A child that was deleted and made again has another SID and the same attributes. `deleted` are
    the SIDs of what we have deleted since: a child with one of them was added once more.
    """
    rows = list(live)
    found: dict[str, str] = {}
    for row in rows:
        if row.sid in recorded and row.sid not in deleted:
            found[row.sid] = row.sid

    # The use of a list has no attributes of its own: only its SID identifies it.
    if KINDS[kind].refers is not None:
        return found

    unmatched = {sid: attrs for sid, attrs in recorded.items() if sid not in found}
    for row in rows:
        if row.sid in found:
            continue
        for sid, attrs in unmatched.items():
            if attrs == row.attrs:
                found[row.sid] = sid
                del unmatched[sid]
                break
    return found


def child_address(kind: str, parent: str, attrs: Mapping[str, Value], sid: str) -> str:
    """Return the address that a recorded child had."""
    return "/".join((kind, Address.parse(parent).name, child_label(kind, attrs, sid)))


def child_label(kind: str, attrs: Mapping[str, Value], sid: str) -> str:
    """Return the label of a recorded child: its key as far as that was recorded, else its SID."""
    if kind == "ip_address" and attrs:
        return f"{attrs.get('ip_address')}/{attrs.get('cidr_prefix_length')}"
    return str(attrs.get(KINDS[kind].key_field) or sid)
