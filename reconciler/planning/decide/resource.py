"""Decide about a resource that is not a number: create, import, update, delete or restore it; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.kind import Field
from reconciler.kinds.number import DEFAULT_METHOD
from reconciler.kinds.table import KINDS, secret_fields
from reconciler.model.action import Action, ActionName, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value
from reconciler.planning.decide import problems
from reconciler.planning.decide.compare import compare, last_applied, prior_values
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.live_values import live_attrs
from reconciler.planning.decide.reserved_domains import note_recreated_domain, note_reserved_domain
from reconciler.planning.decision import NO_DECISION, Decision
from reconciler.planning.identity.match import find_same_key
from reconciler.planning.identity.observed import Observed


def decide_resource(
    declared: Desired,
    recorded: Mapping[str, Entry],
    observed: Observed,
    decided: Collection[str],
    our_urls: Collection[str] = (),
) -> Decision:
    """Decide about a declared resource; `decided` are the addresses of those before it, `our_urls`
    the URLs that the configuration declares.
    """
    address = declared.address
    live = observed.resources.get(address)

    entry = recorded.get(address)
    if entry is not None and entry.account != declared.profile.account:
        if entry.sid and not _is_same_resource(live, declared, entry):
            return _refuse_other_account(declared, entry)

        # Without a SID it was about to be created in the other account, and nothing is there.
        if not entry.sid:
            entry = None

    problem = _find_identity_problem(declared, entry, live, observed, decided)
    if problem is not None:
        return Decision.refuse(problem)

    # A run that died after a create left an entry without a SID: the live resource is the one it
    # made.
    completed: Entry | None = None
    if entry is not None and live is not None and not entry.sid:
        completed = msgspec.structs.replace(entry, sid=live.sid, last_applied=dict(live.attrs))
        entry = completed

    actions, update = _decide_actions(declared, entry, live, our_urls)
    if update is None and completed is not None:
        update = msgspec.structs.replace(completed, pending=None)
    return Decision.about(address, actions, live=live, update=update)


def _is_same_resource(live: Live | None, declared: Desired, entry: Entry) -> bool:
    """Return whether the declared account has the very resource of the entry: only the account's
    name changed.
    """
    account = declared.profile.account
    return live is not None and (live.account, live.sid) == (account, entry.sid)


def _refuse_other_account(declared: Desired, entry: Entry) -> Decision:
    # One error is enough: children share the account of their parent.
    if declared.parent is not None:
        return NO_DECISION
    return Decision.refuse(problems.other_account(declared, entry))


def _find_identity_problem(
    declared: Desired,
    entry: Entry | None,
    live: Live | None,
    observed: Observed,
    decided: Collection[str],
) -> Diagnostic | None:
    """Return why a declaration names no single resource: several match, or the list it uses does
    not exist.
    """
    if live is not None and (entry is None or not entry.sid):
        sids = {live.sid}
        for other in find_same_key(declared, live, observed):
            sids.add(other.sid)
        return problems.ambiguous(declared, sorted(sids)) if len(sids) > 1 else None

    used_kind = KINDS[declared.kind].refers
    if live is None and used_kind is not None:
        used_list = f"{used_kind}/{declared.key}"
        if used_list not in decided and used_list not in observed.resources:
            return problems.list_unknown(declared, used_list)
    return None


def _decide_actions(
    declared: Desired, entry: Entry | None, live: Live | None, our_urls: Collection[str]
) -> tuple[list[Action], Entry | None]:
    """Return the actions that create, import or update it, and the entry that only state records."""
    if live is None:
        return [_create(declared, entry)], None
    if entry is None:
        return _import(declared, live, our_urls), None

    found = compare(declared, entry, live)
    undeclared = _values_to_restore(declared, entry, live)
    if not found.wanted and not undeclared:
        return [], None if found.base == entry else found.base

    reason: Reason = found.reason if found.wanted else "config"
    wanted = {**found.wanted, **undeclared}
    resumes = found.resumes and not undeclared
    actions: list[Action] = []
    for action in _update(declared, found.base, live, wanted, reason):
        actions.append(msgspec.structs.replace(action, resume=resumes))
    return actions, found.base if found.resolved else None


def _import(declared: Desired, live: Live, our_urls: Collection[str]) -> list[Action]:
    """Import a resource that is not bound yet, then write what differs."""
    entry = _make_imported_entry(declared, live)
    wanted: dict[str, Value] = {}
    for name, value in declared.profile.attrs.items():
        if live.attrs.get(name) != value:
            wanted[name] = value

    first = _make_action(declared, live.sid, "import", "new", entry)
    writes = _update(declared, entry, live, wanted, "new")
    if not KINDS[declared.kind].consents:
        return [first, *writes]

    losses = _foreign_values(declared.kind, live, wanted, our_urls)
    return [first, *(msgspec.structs.replace(write, takeover=losses) for write in writes)]


def _foreign_values(
    kind: str, live: Live, wanted: Attrs, our_urls: Collection[str]
) -> tuple[Change, ...]:
    """Return the values of somebody else that a write replaces: nothing empty, no default, no URL of
    ours.
    """
    losses: list[Change] = []
    for field in KINDS[kind].fields:
        value = live.attrs.get(field.name)
        if field.name not in wanted or value is None or value == field.default:
            continue
        if not isinstance(value, str | int | bool) or value in our_urls:
            continue
        if not (field.name.endswith("_method") and value == DEFAULT_METHOD):
            losses.append(Change(field.name, value, None))
    return tuple(losses)


def _values_to_restore(declared: Desired, entry: Entry, live: Live) -> dict[str, Value]:
    """Return the values of fields that are not declared any more: the prior ones, else Twilio's
    defaults.
    """
    values: dict[str, Value] = {}
    for field in KINDS[declared.kind].fields:
        was_written = field.resets and field.name in entry.last_applied
        if not was_written or field.name in declared.profile.attrs:
            continue

        value = _value_before(entry, field)
        if live.attrs.get(field.name) != value:
            values[field.name] = value
    return values


def _value_before(entry: Entry, field: Field) -> Value:
    """Return the value of a field before us, else Twilio's default."""
    value = entry.prior.get(field.name)
    return field.default if value is None or value == "" else value


def restore(address: str, entry: Entry, live: Live) -> Action:
    """Put a setting that cannot be deleted back as it was before us, where it still is as we left
    it.
    """
    restored: set[str] = set()
    writes: dict[str, Value] = {}
    for field in KINDS[entry.kind].fields:
        if field.name not in entry.last_applied:
            continue

        value = live.attrs.get(field.name)
        if value == last_applied(entry, live, field.name):
            restored.add(field.name)
            before = _value_before(entry, field)
            if value != before:
                writes[field.name] = before

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
        note=_describe_foreign(entry, live, restored),
    )


def _describe_foreign(entry: Entry, live: Live, restored: set[str]) -> str | None:
    """Describe the fields that are not restored, because somebody else has changed them since."""
    foreign: list[str] = []
    for field in KINDS[entry.kind].fields:
        if field.name not in entry.last_applied or field.name in restored:
            continue

        value = live.attrs.get(field.name)
        if value != _value_before(entry, field):
            foreign.append(f"{field.name} ({value})")

    if not foreign:
        return None
    return f"not changed, because somebody else has set it since: {', '.join(foreign)}"


def remove(address: str, entry: Entry, live: Live) -> Action:
    """Delete a resource of ours that is no longer used; its parent is deleted after it."""
    losses: list[Change] = []
    for change in diff_fields(entry.kind, {}, _list_losses(entry.kind, live.attrs)):
        losses.append(Change(change.field, change.after, None))

    return Action(
        address=address,
        action="delete",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid,
        parent=entry.parent,
        changes=tuple(losses),
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


def _create(declared: Desired, entry: Entry | None) -> Action:
    attrs = {**declared.on_create, **declared.profile.attrs}
    planned = Entry(
        kind=declared.kind,
        account=declared.profile.account,
        sid="",
        key=declared.key,
        last_applied=dict(declared.profile.attrs),
        options=declared.profile.options,
        created=True,
        parent=declared.parent,
    )

    # With a SID in state it existed before: somebody else has deleted it.
    known = entry is not None and bool(entry.sid)
    made = _make_action(
        declared,
        None,
        "create",
        "drift" if known else "new",
        planned,
        changes=diff_fields(declared.kind, {}, attrs),
        writes=attrs,
        after=(declared.parent, *declared.needs) if declared.parent else declared.needs,
    )
    return note_recreated_domain(made) if known else made


def _make_imported_entry(declared: Desired, live: Live) -> Entry:
    attrs = declared.profile.attrs

    return Entry(
        kind=declared.kind,
        account=declared.profile.account,
        sid=live.sid,
        key=live.key,
        last_applied=live_attrs(live, attrs),
        options=declared.profile.options,
        prior=prior_values(declared.kind, live, attrs),
        parent=declared.parent,
    )


def _update(
    declared: Desired, base: Entry, live: Live, wanted: dict[str, Value], reason: Reason
) -> list[Action]:
    """Return the update that writes these values; none where there is nothing to write."""
    if not wanted:
        return []

    # A restored field is not declared, so state does not record it.
    key = str(wanted.get(KINDS[declared.kind].key_field) or base.key)
    kept = {name: value for name, value in wanted.items() if name in declared.profile.attrs}
    after = msgspec.structs.replace(base, key=key, last_applied={**base.last_applied, **kept})
    diff = diff_fields(declared.kind, live.attrs, wanted)
    return [_make_action(declared, live.sid, "update", reason, after, changes=diff, writes=wanted)]


def _make_action(
    declared: Desired,
    sid: str | None,
    name: ActionName,
    reason: Reason,
    entry: Entry,
    *,
    changes: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    after: tuple[str, ...] = (),
) -> Action:
    file, line, column = declared.position

    return Action(
        address=declared.address,
        action=name,
        reason=reason,
        kind=declared.kind,
        account=declared.profile.account,
        sid=sid,
        changes=changes,
        file=file,
        line=line,
        column=column,
        set=writes or {},
        entry=entry,
        parent=declared.parent,
        depends_on=after,
    )
