"""Decide about a resource that is not a number: create, import, update, delete or restore it; pure."""

from __future__ import annotations

import msgspec

from reconciler.kinds.kind import Field
from reconciler.kinds.table import KINDS, secret_fields
from reconciler.model.action import Action, ActionName, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value
from reconciler.planning.decide.compare import compare, last_applied, live_attrs, prior_values
from reconciler.planning.decide.fields import diff_fields


def decide(
    desired: Desired, entry: Entry | None, live: Live | None
) -> tuple[list[Action], Entry | None]:
    """Create, import, update or leave it; the second value is the entry to refresh state with."""
    if live is None:
        return [_create(desired, entry)], None
    if entry is None:
        fresh = _fresh_entry(desired, live)
        wanted = {
            name: value
            for name, value in desired.profile.attrs.items()
            if live.attrs.get(name) != value
        }
        return [
            _action(desired, live.sid, "import", "new", fresh),
            *_update(desired, fresh, live, wanted, "new"),
        ], None

    found = compare(desired, entry, live)
    back = _put_back(desired, entry, live)
    if not found.wanted and not back:
        return [], None if found.base == entry else found.base

    reason: Reason = found.reason if found.wanted else "config"
    actions = _update(desired, found.base, live, {**found.wanted, **back}, reason)
    learned = found.base if found.resolved else None
    return [msgspec.structs.replace(a, resume=found.resumes and not back) for a in actions], learned


def _put_back(desired: Desired, entry: Entry, live: Live) -> dict[str, Value]:
    """Return the values of fields that are not declared any more: the prior ones, else Twilio's
    defaults.
    """
    left = [f for f in KINDS[desired.kind].fields if f.resets and f.name in entry.last_applied]
    values = {f.name: _before(entry, f) for f in left if f.name not in desired.profile.attrs}
    return {name: value for name, value in values.items() if live.attrs.get(name) != value}


def _before(entry: Entry, field: Field) -> Value:
    value = entry.prior.get(field.name)
    return field.default if value is None or value == "" else value


def restore(address: str, entry: Entry, live: Live) -> Action:
    """Put a setting that cannot be deleted back as it was before us, where it still is as we left
    it.
    """
    fields = KINDS[entry.kind].fields
    ours = [
        f
        for f in fields
        if f.name in entry.last_applied
        and live.attrs.get(f.name) == last_applied(entry, live, f.name)
    ]
    back = {field.name: _before(entry, field) for field in ours}
    writes = {name: value for name, value in back.items() if live.attrs.get(name) != value}

    return Action(
        address=address,
        action="release",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=live.sid,
        parent=entry.parent,
        changes=diff_fields(entry.kind, live.attrs, writes),
        set=writes,
        note=_describe_foreign(entry, live, set(back)),
    )


def _describe_foreign(entry: Entry, live: Live, back: set[str]) -> str | None:
    """Describe the fields that are not restored, because somebody else has changed them since."""
    foreign = [
        f for f in KINDS[entry.kind].fields if f.name in entry.last_applied and f.name not in back
    ]
    left = [
        f"{f.name} ({live.attrs.get(f.name)})"
        for f in foreign
        if live.attrs.get(f.name) != _before(entry, f)
    ]
    return f"left as somebody else has set it since: {', '.join(left)}" if left else None


def remove(address: str, entry: Entry, live: Live) -> Action:
    """Delete what we created and nobody uses any more; its parent goes after it."""
    from reconciler.planning.decide.reserved_domains import (
        note_reserved_domain,
    )  # most plans delete nothing

    return Action(
        address=address,
        action="delete",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid,
        parent=entry.parent,
        changes=tuple(
            Change(c.field, c.after, None)
            for c in diff_fields(entry.kind, {}, _list_losses(entry.kind, live.attrs))
        ),
        note=note_reserved_domain(entry.kind, live.attrs),
    )


def _list_losses(kind: str, attrs: Attrs) -> Attrs:
    """Return the values that a deletion loses: nothing empty or secret, no default that can be
    restored.
    """
    defaults = {field.name: field.default for field in KINDS[kind].fields if field.resets}

    losses: dict[str, Value] = {}
    for name, value in attrs.items():
        is_default = name in defaults and value == defaults[name]
        if value is not None and name not in secret_fields(kind) and not is_default:
            losses[name] = value
    return losses


def _create(desired: Desired, entry: Entry | None) -> Action:
    attrs = {**desired.on_create, **desired.profile.attrs}
    planned = Entry(
        kind=desired.kind,
        account=desired.profile.account,
        sid="",
        key=desired.key,
        last_applied=dict(desired.profile.attrs),
        options=desired.profile.options,
        created=True,
        parent=desired.parent,
    )

    # With a SID in state it existed before: somebody else has deleted it.
    known = entry is not None and bool(entry.sid)
    made = _action(
        desired,
        None,
        "create",
        "drift" if known else "new",
        planned,
        changes=diff_fields(desired.kind, {}, attrs),
        writes=attrs,
        after=(*((desired.parent,) if desired.parent else ()), *desired.needs),
    )
    if not known:
        return made

    from reconciler.planning.decide.reserved_domains import (
        note_recreated_domain,
    )  # hardly any plan makes anything again

    return note_recreated_domain(made)


def _fresh_entry(desired: Desired, live: Live) -> Entry:
    attrs = desired.profile.attrs
    return Entry(
        kind=desired.kind,
        account=desired.profile.account,
        sid=live.sid,
        key=live.key,
        last_applied=live_attrs(live, attrs),
        options=desired.profile.options,
        prior=prior_values(desired.kind, live, attrs),
        parent=desired.parent,
    )


def _update(
    desired: Desired, base: Entry, live: Live, wanted: dict[str, Value], reason: Reason
) -> list[Action]:
    if not wanted:
        return []
    key = str(wanted.get(KINDS[desired.kind].key_field) or base.key)
    kept = {name: value for name, value in wanted.items() if name in desired.profile.attrs}
    after = msgspec.structs.replace(base, key=key, last_applied={**base.last_applied, **kept})
    diff = diff_fields(desired.kind, live.attrs, wanted)
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
        set=writes or {},
        entry=entry,
        parent=desired.parent,
        depends_on=after,
    )
