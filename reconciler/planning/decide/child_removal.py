"""Build the action that deletes an undeclared child, with an entry that lets `undo` make it again;
pure.
"""

from __future__ import annotations

from reconciler.kinds.table import KINDS, secret_fields
from reconciler.model.action import Action, Change, Reason
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, WireValue
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.heals import settle_deletions


def plan_removal(
    declared: Desired,
    address: str,
    live: Live,
    before: Entry | None,
    *,
    reason: Reason,
    takeover: bool,
    resumes: bool = False,
) -> Action:
    """Return the deletion of a child of `declared`; `before` is the entry of the child's address now."""
    kind = Address.parse(address).kind
    secret = secret_fields(kind)
    known = {name: value for name, value in live.attrs.items() if name not in secret}
    changes = _list_losses(kind, known)

    file, line, column = declared.position
    return Action(
        address=address,
        action="delete",
        reason=reason,
        kind=kind,
        account=live.account,
        sid=live.sid,
        changes=changes,
        takeover=changes if takeover else (),
        file=file or None,
        line=line or None,
        column=column or None,
        entry=_entry_of_deleted(declared, kind, live, before, known),
        parent=declared.address,
        resume=resumes,
        note=f"not declared below {declared.address}",
    )


def _list_losses(kind: str, known: Attrs) -> tuple[Change, ...]:
    """Return the values that are lost, without empty ones."""
    losses: list[Change] = []
    for change in diff_fields(kind, {}, known):
        if change.after not in (None, ""):
            losses.append(Change(change.field, change.after, None))
    return tuple(losses)


def _entry_of_deleted(
    declared: Desired, kind: str, live: Live, before: Entry | None, known: Attrs
) -> Entry:
    """Return the entry after the deletion; `deleted` counts the deletions at this address."""
    # The use of a list has no attributes: the SID of the list is what makes it again.
    if KINDS[kind].refers is not None:
        known = {"list": live.sid}

    prior: dict[str, WireValue] = {}
    for name, value in known.items():
        if isinstance(value, str | int | bool) and value != "":
            prior[name] = value

    return Entry(
        kind=kind,
        account=live.account,
        sid=live.sid,
        key=live.key,
        last_applied={},
        options=Options(takeover=declared.profile.options.takeover),
        prior=prior,
        parent=declared.address,
        deleted=(before.deleted if before is not None else 0) + 1,
        healed=settle_deletions(before, live),
    )
