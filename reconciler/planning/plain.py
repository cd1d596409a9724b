"""What to do with a resource that the reconciler may create and delete (a trunk, an origination URL); pure."""

from __future__ import annotations

import msgspec

from reconciler.kinds.table import KINDS
from reconciler.model import Action, ActionName, Change, Desired, Entry, Live, Reason, Value
from reconciler.planning.compare import compare, live_attrs, prior_of
from reconciler.planning.fields import changes


def decide(desired: Desired, entry: Entry | None, live: Live | None) -> tuple[list[Action], Entry | None]:
    """Create, import, update or leave it; the second value is the entry to refresh state with."""
    if live is None:
        return [_create(desired, entry)], None
    if entry is None:
        fresh = _fresh_entry(desired, live)
        wanted = {name: value for name, value in desired.profile.attrs.items() if live.attrs.get(name) != value}
        return [_action(desired, live.sid, "import", "new", fresh), *_update(desired, fresh, live, wanted, "new")], None
    found = compare(desired, entry, live)
    if not found.wanted:
        return [], None if found.base == entry else found.base
    actions = _update(desired, found.base, live, found.wanted, found.reason)
    learned = found.base if found.resolved else None
    return [msgspec.structs.replace(action, resumes=found.resumes) for action in actions], learned


def remove(address: str, entry: Entry, live: Live) -> Action:
    """Delete what we created and nobody uses any more; its parent goes after it."""
    return Action(
        address=address,
        action="delete",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid,
        parent=entry.parent,
        changes=tuple(
            Change(c.field, c.after, None) for c in changes(entry.kind, {}, live.attrs) if c.after is not None
        ),
    )


def _create(desired: Desired, entry: Entry | None) -> Action:
    attrs = {**desired.on_create, **desired.profile.attrs}
    planned = Entry(
        kind=desired.kind,
        account=desired.profile.account,
        sid="",
        key=desired.key,
        applied=dict(desired.profile.attrs),
        options=desired.profile.options,
        created=True,
        parent=desired.parent,
    )
    reason: Reason = "drift" if entry is not None and entry.sid else "new"
    return _action(
        desired,
        None,
        "create",
        reason,
        planned,
        changes=changes(desired.kind, {}, attrs),
        writes=attrs,
        after=(desired.parent,) if desired.parent else (),
    )


def _fresh_entry(desired: Desired, live: Live) -> Entry:
    attrs = desired.profile.attrs
    return Entry(
        kind=desired.kind,
        account=desired.profile.account,
        sid=live.sid,
        key=live.key,
        applied=live_attrs(live, attrs),
        options=desired.profile.options,
        prior=prior_of(desired.kind, live, attrs),
        parent=desired.parent,
    )


def _update(desired: Desired, base: Entry, live: Live, wanted: dict[str, Value], reason: Reason) -> list[Action]:
    if not wanted:
        return []
    key = str(wanted.get(KINDS[desired.kind].key_field) or base.key)
    after = msgspec.structs.replace(base, key=key, applied={**base.applied, **wanted})
    diff = changes(desired.kind, live.attrs, wanted)
    return [_action(desired, live.sid, "update", reason, after, changes=diff, writes=wanted)]


def _action(
    desired: Desired,
    sid: str | None,
    name: ActionName,
    reason: Reason,
    entry: Entry,
    *,
    changes: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    after: tuple[str, ...] = (),
) -> Action:
    file, line, column = desired.position
    return Action(
        address=desired.address,
        action=name,
        reason=reason,
        kind=desired.kind,
        account=desired.profile.account,
        sid=sid,
        changes=changes,
        file=file,
        line=line,
        column=column,
        writes=writes or {},
        entry=entry,
        parent=desired.parent,
        after=after,
    )
