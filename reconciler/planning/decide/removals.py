"""Decide about each recorded resource that is not declared any more: release, delete, forget, or
refuse; pure.

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

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import KIND as MESSAGING_SERVICE
from reconciler.kinds.table import KINDS, RANKS
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Membership
from reconciler.planning.decide import problems, resource
from reconciler.planning.decide.platform_effects import PlatformEffects
from reconciler.planning.decide.release import forget, is_ours, release
from reconciler.planning.decide.trunk_members import restore_declared_options, trunk_members
from reconciler.planning.decide.unlisted import ChildWatch
from reconciler.planning.decision import Decision, join_decisions
from reconciler.planning.identity.observed import Observed
from reconciler.planning.order import ROUTE_SID_FIELDS, find_left_fields

_USED = frozenset(kind.refers for kind in KINDS.values() if kind.refers is not None)
"""Kinds that others name. Their users are decided about first: only then is it known whether they
stay in use.
"""

_MAX_USERS_NAMED = 3


class RemovalContext(msgspec.Struct, frozen=True):
    """The input that the decisions about all removals share.

    `undeclared` are the recorded addresses that are not declared any more. `actions` are those that
    are planned so far, and `managed_sids` the SIDs of declared numbers. `children` are the
    undeclared children of declared trunks and lists.
    """

    recorded: Mapping[str, Entry]
    undeclared: frozenset[str]
    observed: Observed
    actions: Sequence[Action]
    managed_sids: Collection[str]
    children: ChildWatch
    platforms: PlatformEffects


class _Removed:
    """The decisions so far: the next one reads which actions are planned and what is deleted."""

    def __init__(self, context: RemovalContext) -> None:
        self.decisions: list[Decision] = []
        self.actions = list(context.actions)
        self.deleted: set[str] = set()
        self._note_deletions(self.actions)

    def add(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self.actions += decision.actions
        self._note_deletions(decision.actions)

    def _note_deletions(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if action.action == "delete":
                self.deleted.add(action.address)


def decide_removals(context: RemovalContext) -> Decision:
    """Decide about every recorded address that is not declared any more."""
    # `protect` on a trunk covers its members too: nothing is planned for them while the trunk
    # stays.
    to_remove = context.undeclared - _members_of_protected_trunks(context)

    removed = _Removed(context)
    managed_sids = set(context.managed_sids)
    for address in sorted(to_remove, key=lambda a: _removal_order(context, a)):
        entry = restore_declared_options(context.recorded[address])
        if entry.options.protect:
            removed.add(Decision.refuse(problems.resource_protected(address, entry)))
        elif entry.kind in NUMBER_KINDS:
            decision = _remove_number(context, address, entry, managed_sids)
            removed.add(decision)
            managed_sids.update(live.sid for live in decision.touched.values())
        else:
            removed.add(_remove_other(context, removed, address, entry))
    return join_decisions(removed.decisions)


def _members_of_protected_trunks(context: RemovalContext) -> set[str]:
    entries: dict[str, Entry] = {}
    protected: list[str] = []
    for address in context.undeclared:
        entry = entries[address] = context.recorded[address]
        if entry.kind == "trunk" and entry.options.protect:
            protected.append(address)
    return trunk_members(protected, entries)


def _removal_order(context: RemovalContext, address: str) -> tuple[bool, bool, int, bool, str]:
    """Return a sort key: numbers first, then trunks, then the lists that trunks use.

    Numbers come first because a trunk stays while one is on it; trunks come before lists for the
    same reason. Where two addresses have an entry of one number (it was moved, and the run died),
    the one that wrote last releases it.
    """
    entry = context.recorded[address]
    is_number = entry.kind in NUMBER_KINDS

    wrote_last = False
    if is_number and entry.sid:
        live = context.observed.live(address, entry)
        if live is not None:
            wrote_last = any(is_ours(entry, live, part) for part in entry.last_applied)

    used = entry.kind in _USED or KINDS[entry.kind].parent in _USED
    return (not is_number, used, RANKS[entry.kind], not wrote_last, address)


def _remove_number(
    context: RemovalContext, address: str, entry: Entry, managed_sids: Collection[str]
) -> Decision:
    # A run that died after a purchase left an entry without a SID.
    live = context.observed.live(address, entry)
    if not entry.sid and live is not None:
        entry = msgspec.structs.replace(entry, sid=live.sid)

    if entry.sid in managed_sids:
        return _forget(address, entry, "declared under another address now")
    if live is None:
        return _forget(address, entry, "no longer on Twilio")

    platforms = context.platforms
    entry, whole = platforms.entry_to_release(address, entry, live)
    actions = platforms.wait_for_leaving(address, release(address, entry, live, whole=whole))
    return Decision.about(address, actions, live=live)


def _remove_other(
    context: RemovalContext, removed: _Removed, address: str, entry: Entry
) -> Decision:
    live = context.observed.live(address, entry)
    if live is None:
        return _forget(address, entry, "no longer on Twilio")
    if KINDS[entry.kind].singleton:
        return _remove_setting(context, removed, address, entry, live)
    if entry.options.on_removal == "keep":
        return _forget(address, entry, "it stays on Twilio (on_removal: keep)")

    # With `unlisted: delete` an imported child goes as well, once it is taken out of its parent's
    # block.
    if not entry.created and context.children.policy(entry.parent, entry.kind) == "delete":
        deletion = context.children.remove_imported(entry.parent or "", address, live)
        return Decision.about(address, [deletion], live=live)

    reason = _reason_to_stay(context, removed, entry, live)
    if reason is not None:
        return _forget(address, entry, reason)

    parent = entry.parent
    if parent is not None and parent in context.undeclared and _must_go_with_list(context, entry):
        forgotten = forget(address, entry, f"it goes with {parent}")
        return Decision((msgspec.structs.replace(forgotten, depends_on=(parent,)),))

    known = msgspec.structs.replace(entry, sid=live.sid)
    return Decision.about(address, [resource.remove(address, known, live)], live=live)


def _remove_setting(
    context: RemovalContext, removed: _Removed, address: str, entry: Entry, live: Live
) -> Decision:
    """Put a setting back as it was; it cannot be deleted, and goes or stays with the resource that
    has it.
    """
    if entry.parent in context.undeclared:
        fate = "goes" if entry.parent in removed.deleted else "stays"
        return _forget(address, entry, f"it {fate} with {entry.parent}")
    if entry.options.on_removal == "keep":
        return _forget(address, entry, "it stays on Twilio (on_removal: keep)")

    return Decision.about(address, [resource.restore(address, entry, live)], live=live)


def _forget(address: str, entry: Entry, note: str) -> Decision:
    return Decision((forget(address, entry, note),))


def _reason_to_stay(
    context: RemovalContext, removed: _Removed, entry: Entry, live: Live
) -> str | None:
    """Return why a resource must not be deleted; None when nothing speaks against it."""
    if not entry.created:
        return "it was there before it was imported, so it stays on Twilio"

    users = _list_users(context, removed, entry, live)
    if users:
        return f"still in use on Twilio, by {', '.join(users)}"

    if entry.parent in context.undeclared and entry.parent not in removed.deleted:
        return f"{entry.parent} stays on Twilio, and so does this"
    return None


def _must_go_with_list(context: RemovalContext, entry: Entry) -> bool:
    """Return whether this must stay on its list until the list is deleted.

    Twilio refuses to delete a list that a SIP domain uses. Emptied first, such a list would stay
    without the entries that let the phones in. Where the domains of the account could not be read,
    a domain may use it.
    """
    return KINDS[entry.kind].parent in _USED and entry.account in context.observed.domains.unread


def _list_users(context: RemovalContext, removed: _Removed, entry: Entry, live: Live) -> list[str]:
    """List what would still use this resource after the plan; at most three are named."""
    users = {
        *_numbers_using(context, removed, entry, live),
        *_trunks_using(context, removed, entry, live),
    }
    if entry.kind == MESSAGING_SERVICE:
        users |= _senders_of(context, removed, live)
    if entry.kind in _USED:
        users |= set(context.observed.domains.using.get(live.sid, ()))

    named = sorted(users)
    more = len(named) - _MAX_USERS_NAMED
    if more > 0:
        return [*named[:_MAX_USERS_NAMED], f"{more} more"]
    return named


def _numbers_using(
    context: RemovalContext, removed: _Removed, entry: Entry, live: Live
) -> list[str]:
    """List the numbers that stay on a trunk or application, and those that a release puts back on
    it.
    """
    fields = ROUTE_SID_FIELDS.get(entry.kind)
    if fields is None or entry.kind == MESSAGING_SERVICE:
        return []

    names = (_find_name(context.observed, live), live.sid)
    left: dict[str | None, set[str]] = {}
    returning: set[str | None] = set()
    for action in removed.actions:
        left.setdefault(action.sid, set()).update(find_left_fields(action, entry.kind, names))
        if any(action.restore.get(field) == live.sid for field in fields):
            returning.add(action.sid)

    using: list[str] = []
    for number in context.observed.numbers.get(entry.account, {}).values():
        used = {field for field in fields if number.wire.get(field) == live.sid}
        if used - left.get(number.sid, set()) or number.sid in returning:
            using.append(number.key)
    return using


def _senders_of(context: RemovalContext, removed: _Removed, live: Live) -> set[str]:
    """List the senders that stay in a messaging service."""
    service = context.observed.known_services.get(live.sid)
    if service is None or service.other_senders is None:
        return {"senders that could not be read"}

    left: set[str | None] = set()
    returning: set[str] = set()
    for action in removed.actions:
        if find_left_fields(
            action, MESSAGING_SERVICE, (_find_name(context.observed, live), live.sid)
        ):
            left.add(action.sid)
        if action.set.get(MEMBERSHIP) == Membership(live.sid):
            returning.add(action.address)

    staying = returning | set(service.other_senders)
    numbers = context.observed.numbers.get(live.account, {})
    labels = {number.sid: number.key for number in numbers.values()}
    for sid, home in context.observed.services.items():
        if home.sid == live.sid and sid not in left:
            staying.add(labels.get(sid, sid))
    return staying


def _trunks_using(
    context: RemovalContext, removed: _Removed, entry: Entry, live: Live
) -> list[str]:
    """List the trunks that keep using a list."""
    uses = {kind.name for kind in KINDS.values() if kind.refers == entry.kind}

    trunks: list[str] = []
    for address, use in context.observed.resources.items():
        parsed = Address.parse(address)
        if use.sid == live.sid and parsed.kind in uses and address not in removed.deleted:
            trunks.append(parsed.owner)
    return trunks


def _find_name(observed: Observed, live: Live) -> str:
    """Return the name that a live resource has here."""
    for address, other in observed.resources.items():
        if other is live:
            return Address.parse(address).name
    return live.sid
