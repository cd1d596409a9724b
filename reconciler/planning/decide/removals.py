"""Decide about what is recorded and not declared any more; pure.

| the resource                                        | plan                                             |
|-----------------------------------------------------|--------------------------------------------------|
| protected, or a member of a protected trunk         | an error, or nothing                             |
| a number                                            | `release`                                        |
| no longer on Twilio                                 | `forget`                                         |
| a setting of a resource that is not declared either | `forget`: it shares the fate of that resource    |
| any other setting                                   | `release`: the values of before                  |
| `on_removal: keep`                                  | `forget`                                         |
| imported, not created by us                         | `forget`; `delete` with `unlisted: delete`       |
| still in use, or below a resource that stays        | `forget`                                         |
| on a list that is deleted and that may be in use    | `forget`, after the list                         |
| anything else                                       | `delete`                                         |
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.table import KINDS, NUMBER_KINDS, RANKS
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide import problems, resource
from reconciler.planning.decide.plan_builder import PlanBuilder
from reconciler.planning.decide.release import forget, is_ours, release
from reconciler.planning.decide.trunk_members import restore_declared_options, trunk_members
from reconciler.planning.order import ROUTE_SID_FIELDS, leaves_resource

_USED = frozenset(kind.refers for kind in KINDS.values() if kind.refers is not None)
"""Kinds that others name. Their users are decided about first: only then is it known whether they
stay in use.
"""

_MAX_USERS_NAMED = 3


def plan_removals(builder: PlanBuilder) -> None:
    """Decide about every recorded address that is not declared any more."""
    builder.undeclared = {address for address in builder.recorded if address not in builder.decided}

    # `protect` on a trunk covers its members too: nothing is planned for them while the trunk
    # stays.
    to_remove = builder.undeclared - _members_of_protected_trunks(builder)
    for address in sorted(to_remove, key=lambda a: _removal_order(builder, a)):
        entry = restore_declared_options(builder.recorded[address])
        if entry.options.protect:
            builder.diagnostics.append(problems.resource_protected(address, entry))
        elif entry.kind in NUMBER_KINDS:
            _remove_number(builder, address, entry)
        else:
            _remove_other(builder, address, entry)


def _members_of_protected_trunks(builder: PlanBuilder) -> set[str]:
    entries = {address: builder.recorded[address] for address in builder.undeclared}
    protected_trunks = {
        address
        for address, entry in entries.items()
        if entry.kind == "trunk" and entry.options.protect
    }
    return trunk_members(protected_trunks, entries)


def _removal_order(builder: PlanBuilder, address: str) -> tuple[bool, bool, int, bool, str]:
    """Return a sort key: numbers first, then trunks, then the lists that trunks use.

    Numbers come first because a trunk stays while one is on it; trunks come before lists for the
    same reason. Where two addresses have an entry of one number (it was moved, and the run died),
    the one that wrote last releases it.
    """
    entry = builder.recorded[address]
    is_number = entry.kind in NUMBER_KINDS

    wrote_last = False
    if is_number:
        live = builder.observed.bound_number(entry.account, entry.key, entry.sid)
        if live is not None:
            wrote_last = any(is_ours(entry, live, part) for part in entry.last_applied)

    used = entry.kind in _USED or KINDS[entry.kind].parent in _USED
    return (not is_number, used, RANKS[entry.kind], not wrote_last, address)


def _remove_number(builder: PlanBuilder, address: str, entry: Entry) -> None:
    live = builder.observed.bound_number(entry.account, entry.key, entry.sid)

    # A run that died after a purchase left an entry without a SID: look for the number by its
    # E.164.
    if not entry.sid:
        live = builder.observed.number(entry.account, entry.key)
        if live is not None:
            entry = msgspec.structs.replace(entry, sid=live.sid)

    if entry.sid in builder.managed_sids:
        builder.actions.append(forget(address, entry, "declared under another address now"))
    elif live is None:
        builder.actions.append(forget(address, entry, "no longer on Twilio"))
    else:
        builder.managed_sids.add(live.sid)
        known, whole = builder.registrations.entry_to_release(address, entry, live)
        builder.record(address, release(address, known, live, whole=whole), None, live)


def _remove_other(builder: PlanBuilder, address: str, entry: Entry) -> None:
    live = builder.observed.resources.get(address)
    if live is None:
        builder.actions.append(forget(address, entry, "no longer on Twilio"))
        return

    if KINDS[entry.kind].singleton:
        _remove_setting(builder, address, entry, live)
        return

    if entry.options.on_removal == "keep":
        builder.actions.append(forget(address, entry, "it stays on Twilio (on_removal: keep)"))
        return

    # With `unlisted: delete` an imported child goes as well, once it is taken out of its parent's
    # block.
    if not entry.created and builder.child_watch.policy(entry.parent, entry.kind) == "delete":
        builder.deleted.add(address)
        deletion = builder.child_watch.remove_imported(entry.parent or "", address, live)
        builder.record(address, [deletion], None, live)
        return

    reason = _reason_to_stay(builder, entry, live)
    if reason is not None:
        builder.actions.append(forget(address, entry, reason))
        return

    parent = entry.parent
    if parent is not None and parent in builder.undeclared and _must_go_with_list(builder, entry):
        forgotten = forget(address, entry, f"it goes with {parent}")
        builder.actions.append(msgspec.structs.replace(forgotten, depends_on=(parent,)))
        return

    builder.deleted.add(address)
    known = msgspec.structs.replace(entry, sid=live.sid)
    builder.record(address, [resource.remove(address, known, live)], None, live)


def _remove_setting(builder: PlanBuilder, address: str, entry: Entry, live: Live) -> None:
    """Put a setting back as it was; it cannot be deleted, and goes or stays with the resource that
    has it.
    """
    if entry.parent in builder.undeclared:
        fate = "goes" if entry.parent in builder.deleted else "stays"
        builder.actions.append(forget(address, entry, f"it {fate} with {entry.parent}"))
    elif entry.options.on_removal != "keep":
        builder.record(address, [resource.restore(address, entry, live)], None, live)
    else:
        builder.actions.append(forget(address, entry, "it stays on Twilio (on_removal: keep)"))


def _reason_to_stay(builder: PlanBuilder, entry: Entry, live: Live) -> str | None:
    """Return why a resource must not be deleted; None when nothing speaks against it."""
    if not entry.created:
        return "it was there before it was imported, so it stays on Twilio"

    users = _list_users(builder, entry, live)
    if users:
        return f"still in use on Twilio, by {', '.join(users)}"

    if entry.parent in builder.undeclared and entry.parent not in builder.deleted:
        return f"{entry.parent} stays on Twilio, and so does this"
    return None


def _must_go_with_list(builder: PlanBuilder, entry: Entry) -> bool:
    """Return whether this must stay on its list until the list is deleted.

    Twilio refuses to delete a list that a SIP domain uses. Emptied first, such a list would stay
    without the entries that let the phones in. Where the domains of the account could not be read,
    a domain may use it.
    """
    return KINDS[entry.kind].parent in _USED and entry.account in builder.observed.domains.unread


def _list_users(builder: PlanBuilder, entry: Entry, live: Live) -> list[str]:
    """List what would still use this resource after the plan; at most three are named."""
    domains = builder.observed.domains.using.get(live.sid, ()) if entry.kind in _USED else ()
    users = sorted(
        {
            *_numbers_using(builder, entry, live),
            *_trunks_using(builder, entry, live),
            *domains,
        }
    )

    more = len(users) - _MAX_USERS_NAMED
    if more > 0:
        return [*users[:_MAX_USERS_NAMED], f"{more} more"]
    return users


def _numbers_using(builder: PlanBuilder, entry: Entry, live: Live) -> list[str]:
    """List the numbers that stay on a trunk or application, then those that a release puts back on
    it.
    """
    fields = ROUTE_SID_FIELDS.get(entry.kind)
    if fields is None:
        return []

    called = (_name_of(builder, live), live.sid)
    leaving: set[str | None] = set()
    returning: set[str | None] = set()
    for action in builder.actions:
        if leaves_resource(action, entry.kind, called):
            leaving.add(action.sid)
        if any(action.restore.get(field) == live.sid for field in fields):
            returning.add(action.sid)

    staying: list[str] = []
    put_back: list[str] = []
    for number in builder.observed.numbers.get(entry.account, {}).values():
        is_on_it = any(number.wire.get(field) == live.sid for field in fields)
        if is_on_it and number.sid not in leaving:
            staying.append(number.key)
        if number.sid in returning:
            put_back.append(number.key)
    return list(dict.fromkeys((*staying, *put_back)))


def _trunks_using(builder: PlanBuilder, entry: Entry, live: Live) -> list[str]:
    """List the trunks that keep using a list."""
    uses = {kind.name for kind in KINDS.values() if kind.refers == entry.kind}

    trunks: list[str] = []
    for address, use in builder.observed.resources.items():
        kind, *names = address.split("/")
        if use.sid == live.sid and kind in uses and address not in builder.deleted:
            trunks.append("/".join(names[:-1]))
    return trunks


def _name_of(builder: PlanBuilder, live: Live) -> str:
    """Return the name that a live resource has here."""
    return next(
        address.split("/", 1)[1]
        for address, other in builder.observed.resources.items()
        if other is live
    )
