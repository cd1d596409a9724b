"""A recorded state and the present one in, declarations that lead back to it out; pure.

The way back is an ordinary plan: what was applied then is what is declared, and all else follows.

| then     | now                   | plan                                                                      |
|----------|-----------------------|---------------------------------------------------------------------------|
| bound    | bound                 | the values of then; parts that are managed only since: as they were found |
| bound    | not bound             | bound again, the values of then: consent where that takes anything over   |
| not      | bound, a number       | `release`: the values from before its import                              |
| not      | bound, made by us     | `delete`, when nothing uses it                                            |
| not      | bound, found there    | the values from before its import                                         |
| made     | deleted               | `create`, under a new SID                                                 |
| a number | gone from Twilio      | a warning: nothing is ever bought                                         |

Written is only where live still is what we wrote last; where somebody else has written since, what would be lost is
shown as a takeover, and needs the same consent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number import PARTS, canonical_routes
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION, secret_fields
from reconciler.model.action import Action, Change
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.model.route import Attrs, Value, Webhook
from reconciler.planning.checks.unread_accounts import hold_back, select_readable
from reconciler.planning.decide import drift
from reconciler.planning.decide.child_removal import plan_removal
from reconciler.planning.decide.child_sets import Children
from reconciler.planning.decide.compare import all_written_values, prior_value
from reconciler.planning.decide.problems import CURE, quote_address, removal_protected
from reconciler.planning.decide.reserved_domains import note_recreated_domain
from reconciler.planning.identity.children import select_deleted, without_deleted
from reconciler.planning.identity.moved import Resources, rename_entries
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import fingerprint, plan_resources

_NOWHERE = Position("", 0, 0)
_MISSING = frozenset({"number_missing", "number_not_in_twilio"})


class RollbackTarget(NamedTuple):
    """How it was (`desired`), what is remembered now, and what cannot be brought back.

    `undeleted` are undeclared children that were deleted since, `again` those that had been deleted then and were made
    again since; `children` is what was recorded then of the undeclared children of each address.
    """

    desired: list[Desired]
    resources: Resources
    diagnostics: list[Diagnostic]
    undeleted: frozenset[str] = frozenset()
    again: Mapping[str, Entry] = MappingProxyType({})
    children: Mapping[str, Children] = MappingProxyType({})


def rollback_target(then: Resources, now: Resources) -> RollbackTarget:
    """The way from the present state to a recorded one; what lives on platforms stays as it is."""
    left = _of_platforms(then) | _of_platforms(now)
    then, now = (
        {address: entry for address, entry in resources.items() if address not in left}
        for resources in (then, now)
    )
    then = rename_entries(then, _renames(without_deleted(then), without_deleted(now)))
    once, since = select_deleted(then), select_deleted(now)
    then, now = without_deleted(then), without_deleted(now)
    numbers = {entry.sid: entry for entry in now.values() if entry.kind in NUMBER_KINDS}
    desired: list[Desired] = []
    problems = [
        _incomplete(address, "It lives on a platform, and stays as it is.")
        for address in sorted(left)
    ]
    for address, entry in then.items():
        present = now.get(address) or numbers.get(entry.sid)
        if entry.pending is not None:
            problems.append(_uncertain(address))
        if not entry.sid:
            desired += [_as_it_is(address, present)] if present is not None else []
        elif present is None and secret_fields(entry.kind):
            problems.append(
                _incomplete(address, "It was deleted since, and its secret is kept nowhere.")
            )
        else:
            desired.append(_as_it_was(address, entry, present))
            problems += _of_secrets(address, entry, present)
    kept = (
        (a, e)
        for a, e in now.items()
        if a not in then and e.kind not in NUMBER_KINDS and not e.created
    )
    found = [
        (a, e) for a, e in kept if not KINDS[e.kind].singleton
    ]  # a setting is put back when it is let go of
    desired += [_as_it_was_found(address, entry) for address, entry in found]
    undeleted = [
        a
        for a, e in since.items()
        if _count(once, a) < e.deleted and a not in then and a not in now
    ]
    for address in undeleted:
        if secret_fields(since[address].kind):
            problems.append(
                _incomplete(address, "It was deleted since, and its secret is kept nowhere.")
            )
        else:
            desired.append(_as_it_was_deleted(address, since[address]))
    return RollbackTarget(
        desired,
        {a: e if a in then else _to_put_back(e) for a, e in now.items()} | since,
        problems,
        frozenset(undeleted),
        {a: e for a, e in once.items() if _count(since, a) < e.deleted and a not in now},
        {a: e.children for a, e in then.items() if e.children},
    )


def _count(deleted: Resources, address: str) -> int:
    return deleted[address].deleted if address in deleted else 0


def _as_it_was_deleted(address: str, entry: Entry) -> Desired:
    """An undeclared child that is to be there again, with the values it had."""
    profile = Profile(entry.account, dict(entry.prior), Options())
    return Desired(entry.kind, address, entry.key, profile, _NOWHERE, parent=entry.parent)


def _of_platforms(resources: Resources) -> set[str]:
    """Registrations, and the numbers whose webhooks a platform writes: only the platform can bring those back."""
    found = {
        a for a, e in resources.items() if e.kind == REGISTRATION or e.options.platform is not None
    }
    return found | {
        e.parent for e in resources.values() if e.kind == REGISTRATION and e.parent is not None
    }


def entries_of_both(then: Resources, now: Resources) -> Resources:
    """All that is or was bound, by which live resources are recognised: by their SID, also when forgotten since."""
    return {**rename_entries(then, _renames(then, now)), **now}


def keep_readable(there: RollbackTarget, unread: Collection[str]) -> RollbackTarget:
    """Return the part of the way that these accounts, which are not read, have nothing to do with."""
    if not unread:
        return there
    desired, resources = select_readable(there.desired, there.resources, unread)
    left_out = {want.address for want in there.desired} - {want.address for want in desired}
    return there._replace(
        desired=list(desired),
        resources=resources,
        undeleted=there.undeleted - left_out,
        again={
            address: entry for address, entry in there.again.items() if entry.account not in unread
        },
        children={
            address: found for address, found in there.children.items() if address in resources
        },
    )


def plan_rollback(there: RollbackTarget, observed: Observed, ours: Iterable[str]) -> Plan:
    """The plan that goes this way, conflicts and what is out of reach included."""
    ours = frozenset([*ours, *_urls(there.desired), *_urls_of(there.resources.values())])
    made = hold_back(
        plan_resources(there.desired, there.resources, observed, ours), observed.unread
    )
    whole = _with_children(there, made, observed)
    lost = {
        d.address: {f.field for f in d.fields} for d in drift.find_drift(there.resources, observed)
    }
    return msgspec.structs.replace(
        whole,
        actions=tuple(
            note_recreated_domain(_placeless(_with_conflict(action, lost)))
            for action in whole.actions
        ),
        diagnostics=(*there.diagnostics, *map(_told, whole.diagnostics)),
    )


def _with_children(there: RollbackTarget, whole: Plan, observed: Observed) -> Plan:
    """The plan that leaves undeclared children as they were: there, or deleted, and in either case not bound."""
    actions: list[Action] = []
    for action in whole.actions:
        if action.address not in there.undeleted:
            actions.append(_with_record(there, action))
        elif action.action == "create":  # what is there already needs nothing
            actions.append(msgspec.structs.replace(action, entry=None))
    touched = dict(whole.fingerprints)
    for address, entry in there.again.items():
        live = observed.resources.get(address)
        if live is not None and live.parent is not None:
            want = Desired("", live.parent, "", Profile(live.account, {}, Options()), _NOWHERE)
            made = plan_removal(want, address, live, None, reason="removed", takeover=False)
            actions.append(msgspec.structs.replace(made, entry=entry))
            touched[address] = fingerprint(live)
    refreshes = {a: e for a, e in whole.state_updates.items() if a not in there.undeleted}
    for address, children in there.children.items():
        known = refreshes.get(address, there.resources.get(address))
        if known is not None and known.children != children:
            refreshes[address] = msgspec.structs.replace(known, children=dict(children))
    return msgspec.structs.replace(
        whole, actions=tuple(actions), state_updates=refreshes, fingerprints=touched
    )


def _with_record(there: RollbackTarget, action: Action) -> Action:
    if action.entry is None or action.address not in there.children:
        return action
    entry = msgspec.structs.replace(action.entry, children=dict(there.children[action.address]))
    return msgspec.structs.replace(action, entry=entry)


def warn_of_difference(there: RollbackTarget, declared: Iterable[Desired]) -> list[Diagnostic]:
    """A warning where the configuration asks for something else than this restores."""
    wanted = {
        want.address: want.profile.attrs
        for want in declared
        if not want.profile.options.observe_only
    }
    was = {
        want.address: want.profile.attrs
        for want in there.desired
        if not want.profile.options.observe_only
    }
    count = sum(
        1 for address in wanted.keys() | was.keys() if wanted.get(address) != was.get(address)
    )
    if not count:
        return []
    return [
        Diagnostic(
            severity="warning",
            code="configuration_differs",
            summary="The configuration says otherwise",
            detail=f"{count} resources are declared in another way than they are brought back to, so the next plan "
            "changes them again. Bring the configuration back as well, before the next apply.",
        )
    ]


def _renames(then: Resources, now: Resources) -> dict[str, str]:
    """What has got another name since, known by its SID; what hangs below it follows."""
    names = {
        (e.kind, e.sid): a
        for a, e in now.items()
        if e.sid and e.parent is None and e.kind not in NUMBER_KINDS
    }
    pairs = ((address, names.get((entry.kind, entry.sid))) for address, entry in then.items())
    return {a: b for a, b in pairs if b is not None and a != b and a not in now and b not in then}


def _as_it_was(address: str, entry: Entry, present: Entry | None) -> Desired:
    attrs = (
        _number_attrs(entry, present)
        if entry.kind in NUMBER_KINDS
        else _plain_attrs(entry, present)
    )
    options = msgspec.structs.replace(
        entry.options,
        observe_only=entry.options.observe_only and not attrs,
        protect=entry.options.protect or (present is not None and present.options.protect),
        takeover=(present or entry).options.takeover,
    )
    return _desired(address, entry, attrs, options)


def _plain_attrs(entry: Entry, present: Entry | None) -> Attrs:
    """The values of then; a secret stays the one of now, for state has only ever held fingerprints."""
    secret = secret_fields(entry.kind)
    kept = (
        {n: v for n, v in present.last_applied.items() if n in secret}
        if present is not None
        else {}
    )
    return {**entry.last_applied, **kept}


def _of_secrets(address: str, entry: Entry, present: Entry | None) -> list[Diagnostic]:
    changed = [
        n
        for n in secret_fields(entry.kind)
        if present and entry.last_applied.get(n) != present.last_applied.get(n)
    ]
    return (
        [_incomplete(address, "Its secret was changed since, and stays as it is.")]
        if changed
        else []
    )


def _as_it_is(address: str, entry: Entry) -> Desired:
    return _desired(
        address, entry, {} if entry.options.observe_only else entry.last_applied, entry.options
    )


def _as_it_was_found(address: str, entry: Entry) -> Desired:
    attrs: dict[str, Value] = {name: entry.prior.get(name) for name in entry.last_applied}
    return _desired(address, entry, attrs, entry.options)


def _desired(address: str, entry: Entry, attrs: Attrs, options: Options) -> Desired:
    label = address.partition("/")[2] if entry.parent is None else entry.key
    named = entry.kind not in NUMBER_KINDS and any(
        f.name == "friendly_name" for f in KINDS[entry.kind].fields
    )
    made = {"friendly_name": label[:64]} if named else {}
    profile = Profile(entry.account, attrs, options)
    used = KINDS[entry.kind].refers
    key = entry.key if used is None else str(entry.last_applied["list"])
    needs = () if used is None else (f"{used}/{key}",)
    return Desired(
        entry.kind,
        address,
        key,
        profile,
        _NOWHERE,
        parent=entry.parent,
        on_create=made,
        needs=needs,
    )


def _number_attrs(entry: Entry, present: Entry | None) -> Attrs:
    """The values of then; and of what was not managed then, the parts that we have written since, or lost.

    | a part was            | goes back to                                  |
    |-----------------------|-----------------------------------------------|
    | managed               | what was applied                              |
    | only watched          | what was recorded                             |
    | managed no longer     | what we had left it at                        |
    | never managed         | what was found when it was managed first      |
    """
    since = all_written_values(present) if present is not None else {}
    watched = entry.options.observe_only
    attrs: dict[str, Value] = {} if watched else dict(entry.last_applied)
    for part in dict.fromkeys((*entry.previously_managed, *since)):
        if part in attrs or (
            part in entry.previously_managed and since.get(part) == entry.previously_managed[part]
        ):
            continue
        if watched and part in entry.last_applied:
            attrs[part] = entry.last_applied[part]
        elif part in entry.previously_managed:
            attrs[part] = entry.previously_managed[part]
        elif present is not None:
            attrs |= _found(present, part)
    return attrs


def _found(entry: Entry, part: str) -> dict[str, Value]:
    """A part as it was before it was managed; a friendly name cannot be taken away again."""
    wire = {field: prior_value(entry, field) for field in PARTS[part]}
    if part == "friendly_name":
        return {part: wire[part]} if wire[part] else {}
    return {part: canonical_routes(wire, {})[part]}


def _to_put_back(entry: Entry) -> Entry:
    """What is bound only since goes with all its traces, whatever its declaration says of its removal."""
    return msgspec.structs.replace(
        entry, options=msgspec.structs.replace(entry.options, on_removal="restore")
    )


def _with_conflict(action: Action, lost: Mapping[str, set[str]]) -> Action:
    """The action, with what somebody else has written since as a takeover."""
    fields = lost.get(action.address, set())
    if action.entry is None or action.restore or not fields:
        return action
    known = {change.field for change in action.takeover}
    more = [
        c
        for c in action.changes
        if c.field in fields and c.field not in known and c.before not in (None, "")
    ]
    takeover = (*action.takeover, *(Change(c.field, c.before, None) for c in more))
    return msgspec.structs.replace(action, takeover=takeover)


def _placeless(action: Action) -> Action:
    return msgspec.structs.replace(action, file=None, line=None, column=None)


def _told(problem: Diagnostic) -> Diagnostic:
    if problem.code in _MISSING:
        return _incomplete(
            problem.address or "", "It is not on Twilio any more, and nothing is bought."
        )
    if problem.code == "protected" and problem.address:
        undone = "it was not ours back then, and is not released; nothing was rolled back"
        cure = f"{CURE} To roll back the rest, add\n  --exclude={quote_address(problem.address)}"
        return removal_protected(problem.address, undone, cure)
    return (
        problem
        if problem.file
        else msgspec.structs.replace(problem, file=None, line=None, column=None)
    )


def _urls(desired: Iterable[Desired]) -> Iterator[str]:
    for want in desired:
        yield from _urls_in(want.profile.attrs)


def _urls_of(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from () if entry.options.observe_only else _urls_in(entry.last_applied)


def _urls_in(attrs: Attrs) -> Iterator[str]:
    for value in attrs.values():
        if isinstance(value, Webhook):
            yield from (url for url in (value.url, value.fallback_url) if url)


def _incomplete(address: str, reason: str) -> Diagnostic:
    return Diagnostic(
        severity="warning",
        code="rollback_incomplete",
        summary="Not everything can be brought back",
        detail=f"{address}: {reason} All else is brought back.",
        address=address,
    )


def _uncertain(address: str) -> Diagnostic:
    return Diagnostic(
        severity="warning",
        code="rollback_uncertain",
        summary="That version was written in the middle of a run",
        detail=f"{address} was being changed then by a run that was interrupted; it is taken as it was before. "
        "`reconciler state history` shows the versions of runs that came to their end.",
        address=address,
    )
