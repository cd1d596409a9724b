"""Plan a rollback: from a recorded state and the present one, build declarations
(`rollback_target`), then the plan (`plan_rollback`); pure.

A rollback is an ordinary plan whose declarations are the values that were applied then.

| then     | now                   | plan                                                                      |
|----------|-----------------------|---------------------------------------------------------------------------|
| bound    | bound                 | the values of then; parts that are managed only since: as they were found |
| bound    | not bound             | bound again, the values of then: consent where that takes anything over   |
| not      | bound, a number       | `release`: the values from before its import                              |
| not      | bound, made by us     | `delete`, when nothing uses it                                            |
| not      | bound, found there    | the values from before its import                                         |
| made     | deleted               | `create`, under a new SID                                                 |
| a number | gone from Twilio      | a warning: nothing is ever bought                                         |

A field is overwritten without consent only if its live value is still the one that we wrote last.
If somebody else has changed it, the plan shows that value as a takeover, which needs consent as in
any other plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION, secret_fields
from reconciler.model.action import Action, Change
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.route import Attrs, Webhook
from reconciler.planning.checks.unread_accounts import hold_back, select_readable
from reconciler.planning.decide import drift
from reconciler.planning.decide.child_removal import plan_removal
from reconciler.planning.decide.child_sets import Children
from reconciler.planning.decide.reserved_domains import note_recreated_domain
from reconciler.planning.goals.restored_resources import (
    NOWHERE,
    keep_entry,
    restore_deleted_child,
    restore_entry,
    restore_found,
)
from reconciler.planning.goals.rollback_problems import (
    describe_for_rollback,
    rollback_incomplete,
    rollback_uncertain,
)
from reconciler.planning.identity.children import select_deleted, without_deleted
from reconciler.planning.identity.moved import Resources, rename_entries
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import fingerprint, plan_resources


class RollbackTarget(NamedTuple):
    """The former values (`desired`), the present entries, and the resources that cannot be restored.

    `undeleted` are undeclared children that were deleted since, `again` those that had been deleted
    then and were made again since; `children` is what was recorded then of the undeclared children
    of each address.
    """

    desired: list[Desired]
    resources: Resources
    diagnostics: list[Diagnostic]
    undeleted: frozenset[str] = frozenset()
    again: Mapping[str, Entry] = MappingProxyType({})
    children: Mapping[str, Children] = MappingProxyType({})


def rollback_target(then: Resources, now: Resources) -> RollbackTarget:
    """Return the declarations that lead from the present state to a recorded one.

    1. Leave out what lives on platforms.
    2. Follow the renames since, and set the entries of deleted children apart.
    3. Declare what was bound then, with the values of then.
    4. Declare what was imported since and is no number: it stays, with the values from before.
    5. Declare the undeclared children that were deleted since.
    """
    on_platforms = _addresses_on_platforms(then) | _addresses_on_platforms(now)
    then, now = _without(then, on_platforms), _without(now, on_platforms)
    problems: list[Diagnostic] = []
    for address in sorted(on_platforms):
        problems.append(
            rollback_incomplete(address, "It belongs to a platform, and is not changed.")
        )

    then = rename_entries(then, _find_renames(without_deleted(then), without_deleted(now)))
    deleted_then, deleted_now = select_deleted(then), select_deleted(now)
    then, now = without_deleted(then), without_deleted(now)

    desired, found = _restore_bound(then, now)
    problems += found
    for address, entry in now.items():
        is_resource = address not in then and entry.kind not in NUMBER_KINDS
        # A setting is put back when it is released.
        if is_resource and not entry.created and not KINDS[entry.kind].singleton:
            desired.append(restore_found(address, entry))

    undeleted = _find_later_deletions(deleted_now, deleted_then, {**then, **now})
    for address, entry in undeleted.items():
        if secret_fields(entry.kind):
            problems.append(rollback_incomplete(address, _DELETED_SINCE))
        else:
            desired.append(restore_deleted_child(address, entry))

    resources: dict[str, Entry] = {}
    for address, entry in now.items():
        resources[address] = entry if address in then else _to_put_back(entry)
    return RollbackTarget(
        desired,
        resources | deleted_now,
        problems,
        frozenset(undeleted),
        again=_find_later_deletions(deleted_then, deleted_now, now),
        children={address: entry.children for address, entry in then.items() if entry.children},
    )


def _without(resources: Resources, addresses: Collection[str]) -> Resources:
    return {address: entry for address, entry in resources.items() if address not in addresses}


_DELETED_SINCE = "It was deleted since, and its secret is kept nowhere."


def _restore_bound(then: Resources, now: Resources) -> tuple[list[Desired], list[Diagnostic]]:
    """Return the declarations of what was bound then, and warnings about what cannot be restored."""
    numbers = {entry.sid: entry for entry in now.values() if entry.kind in NUMBER_KINDS}
    desired: list[Desired] = []
    problems: list[Diagnostic] = []
    for address, entry in then.items():
        present = now.get(address) or numbers.get(entry.sid)
        if entry.pending is not None:
            problems.append(rollback_uncertain(address))

        # Without a SID it was about to be made: what became of it since stays.
        if not entry.sid:
            if present is not None:
                desired.append(keep_entry(address, present))
        elif present is None and secret_fields(entry.kind):
            problems.append(rollback_incomplete(address, _DELETED_SINCE))
        else:
            desired.append(restore_entry(address, entry, present))
            problems += _warn_of_secrets(address, entry, present)
    return desired, problems


def _find_later_deletions(
    deleted: Mapping[str, Entry], before: Resources, bound: Resources
) -> dict[str, Entry]:
    """Return the children that were deleted more often here than `before`, and that are not bound."""
    found: dict[str, Entry] = {}
    for address, entry in deleted.items():
        if _count(before, address) < entry.deleted and address not in bound:
            found[address] = entry
    return found


def _count(deleted: Resources, address: str) -> int:
    return deleted[address].deleted if address in deleted else 0


def _addresses_on_platforms(resources: Resources) -> set[str]:
    """Registrations, and the numbers whose webhooks a platform writes: only the platform can bring
    those back.
    """
    found: set[str] = set()
    for address, entry in resources.items():
        if entry.kind == REGISTRATION:
            found.add(address)
            if entry.parent is not None:
                found.add(entry.parent)
        elif entry.options.platform is not None:
            found.add(address)
    return found


def entries_of_both(then: Resources, now: Resources) -> Resources:
    """Return the entries of both versions, so that live resources are recognised by their SID even if
    the state has forgotten them since.
    """
    return {**rename_entries(then, _find_renames(then, now)), **now}


def keep_readable(there: RollbackTarget, unread: Collection[str]) -> RollbackTarget:
    """Return the target without the resources of accounts that were not read."""
    if not unread:
        return there
    desired, resources = select_readable(there.desired, there.resources, unread)
    left_out = {want.address for want in there.desired} - {want.address for want in desired}

    again: dict[str, Entry] = {}
    for address, entry in there.again.items():
        if entry.account not in unread:
            again[address] = entry
    children: dict[str, Children] = {}
    for address, found in there.children.items():
        if address in resources:
            children[address] = found

    return there._replace(
        desired=list(desired),
        resources=resources,
        undeleted=there.undeleted - left_out,
        again=again,
        children=children,
    )


def plan_rollback(there: RollbackTarget, observed: Observed, ours: Iterable[str]) -> Plan:
    """Plan the rollback; conflicts and resources that it cannot restore are part of the plan."""
    urls = [*ours, *_urls_of_desired(there.desired), *_urls_of_entries(there.resources.values())]
    plan = plan_resources(there.desired, there.resources, observed, frozenset(urls))
    plan = hold_back(plan, observed.unread)
    plan = _with_children(there, plan, observed)

    # Fields that somebody else has changed since the last apply would be lost.
    lost = {}
    for drifted in drift.find_drift(there.resources, observed):
        lost[drifted.address] = {field.field for field in drifted.fields}

    actions = []
    for action in plan.actions:
        action = _without_place(_with_conflict(action, lost))
        actions.append(note_recreated_domain(action))
    diagnostics = (*there.diagnostics, *map(describe_for_rollback, plan.diagnostics))
    return msgspec.structs.replace(plan, actions=tuple(actions), diagnostics=diagnostics)


def _with_children(there: RollbackTarget, whole: Plan, observed: Observed) -> Plan:
    """The plan that leaves undeclared children as they were: there, or deleted, and in either case
    not bound.
    """
    actions: list[Action] = []
    for action in whole.actions:
        if action.address not in there.undeleted:
            actions.append(_with_record(there, action))
        elif action.action == "create":  # what is there already needs nothing
            actions.append(msgspec.structs.replace(action, entry=None))

    # Children that were made again since are deleted once more.
    touched = dict(whole.fingerprints)
    for address, entry in there.again.items():
        live = observed.resources.get(address)
        if live is not None and live.parent is not None:
            want = Desired("", live.parent, "", Profile(live.account, {}, Options()), NOWHERE)
            made = plan_removal(want, address, live, None, reason="removed", takeover=False)
            actions.append(msgspec.structs.replace(made, entry=entry))
            touched[address] = fingerprint(live)

    refreshes = dict(_without(whole.state_updates, there.undeleted))
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
    """Return a warning where the configuration declares other values than the rollback restores."""
    wanted = _attrs_by_address(declared)
    restored = _attrs_by_address(there.desired)
    count = 0
    for address in wanted.keys() | restored.keys():
        if wanted.get(address) != restored.get(address):
            count += 1
    if not count:
        return []

    detail = (
        f"{count} resources are declared with other values than the rollback restores, so the next "
        "plan changes them again. Change the configuration as well, before the next apply."
    )
    return [
        Diagnostic(
            severity="warning",
            code="configuration_differs",
            summary="The configuration differs from this version",
            detail=detail,
        )
    ]


def _attrs_by_address(declared: Iterable[Desired]) -> dict[str, Attrs]:
    """Return the declared attributes by address, without resources that are observe only."""
    attrs: dict[str, Attrs] = {}
    for each in declared:
        if not each.profile.options.observe_only:
            attrs[each.address] = each.profile.attrs
    return attrs


def _find_renames(then: Resources, now: Resources) -> dict[str, str]:
    """Map old addresses to new ones for resources that were renamed since, matched by SID."""
    names: dict[tuple[str, str], str] = {}
    for address, entry in now.items():
        if entry.sid and entry.parent is None and entry.kind not in NUMBER_KINDS:
            names[entry.kind, entry.sid] = address

    moved: dict[str, str] = {}
    for address, entry in then.items():
        present = names.get((entry.kind, entry.sid), address)
        if present != address:
            moved[address] = present

    # Where either version has both addresses, they are two resources, unless they exchanged them.
    renames: dict[str, str] = {}
    exchanged = _find_exchanged(moved)
    for address, present in moved.items():
        if address in exchanged or (address not in now and present not in then):
            renames[address] = present
    return renames


def _find_exchanged(moved: Mapping[str, str]) -> set[str]:
    """Return the addresses that several resources exchanged among themselves."""
    exchanged: set[str] = set()
    for start in moved:
        ring = [start]
        while ring[-1] in moved and moved[ring[-1]] not in ring:
            ring.append(moved[ring[-1]])
        if moved.get(ring[-1]) == start:
            exchanged.update(ring)
    return exchanged


def _warn_of_secrets(address: str, entry: Entry, present: Entry | None) -> list[Diagnostic]:
    if present is None:
        return []
    for name in secret_fields(entry.kind):
        if entry.last_applied.get(name) != present.last_applied.get(name):
            return [
                rollback_incomplete(address, "Its secret was changed since, and is not restored.")
            ]
    return []


def _to_put_back(entry: Entry) -> Entry:
    """Return the entry of a resource bound only since: it is restored, whatever `on_removal` says."""
    return msgspec.structs.replace(
        entry, options=msgspec.structs.replace(entry.options, on_removal="restore")
    )


def _with_conflict(action: Action, lost: Mapping[str, set[str]]) -> Action:
    """The action, with what somebody else has written since as a takeover."""
    fields = lost.get(action.address, set())
    if action.entry is None or action.restore or not fields:
        return action

    takeover = list(action.takeover)
    known = {change.field for change in action.takeover}
    for change in action.changes:
        # An empty value is nobody's.
        is_foreign = change.field in fields and change.before not in (None, "")
        if is_foreign and change.field not in known:
            takeover.append(Change(change.field, change.before, None))
    return msgspec.structs.replace(action, takeover=tuple(takeover))


def _without_place(action: Action) -> Action:
    return msgspec.structs.replace(action, file=None, line=None, column=None)


def _urls_of_desired(desired: Iterable[Desired]) -> Iterator[str]:
    for want in desired:
        yield from _urls_in(want.profile.attrs)


def _urls_of_entries(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from () if entry.options.observe_only else _urls_in(entry.last_applied)


def _urls_in(attrs: Attrs) -> Iterator[str]:
    for value in attrs.values():
        if isinstance(value, Webhook):
            if value.url:
                yield value.url
            if value.fallback_url:
                yield value.fallback_url
