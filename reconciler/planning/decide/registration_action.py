"""Build an action of a registration from its entry; pure."""

from __future__ import annotations

from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, ActionName, Change, Reason
from reconciler.model.entry import Entry
from reconciler.model.route import Value


def make_action(
    address: str,
    of: Entry,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry | None = None,
    changes: tuple[Change, ...] = (),
    takeover: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    note: str | None = None,
) -> Action:
    """Return an action about what state records as `of`; it has no place in a file."""
    return Action(
        address=address,
        action=name,
        reason=reason,
        kind=REGISTRATION,
        account=of.account,
        sid=of.sid or None,
        changes=changes,
        takeover=takeover,
        set=writes or {},
        entry=entry,
        parent=of.parent,
        note=note,
    )
