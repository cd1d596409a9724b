"""Declared × remembered × observed → a plan: every action, in an order that is safe to follow; pure.

The same inputs give the same bytes. Nothing here knows of files, the network, the clock or the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import KINDS, NUMBER_KINDS, RANKS, REGISTRATION
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import WireValue
from reconciler.planning.checks import hidden_routes
from reconciler.planning.checks.missing_state import numbers_by_sid
from reconciler.planning.decide import number, problems, resource, sms_capability
from reconciler.planning.decide.registration import adopt_platform_writes, values_without_route
from reconciler.planning.decide.registrations import NO_PLATFORMS, Platforms, Registrations
from reconciler.planning.decide.release import forget, is_ours, release
from reconciler.planning.decide.switch_route import switch_last
from reconciler.planning.decide.unchanged import skip_unchanged
from reconciler.planning.decide.unlisted import ChildWatch
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.identity.match import find_same_key, names_to_sids, sids_to_names
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed
from reconciler.planning.order import ROUTE_SID_FIELDS, leaves_resource, sort_safely
from reconciler.planning.plan import Plan

Resources = Mapping[str, Entry]

_USED = frozenset(kind.refers for kind in KINDS.values() if kind.refers is not None)
"""Kinds that others name: whether one of them is in use is known once those have been decided about."""


class _Draft:
    """A plan being made: collects what is decided address by address."""

    def __init__(
        self,
        desired: Sequence[Desired],
        resources: Resources,
        observed: Observed,
        ours: Collection[str],
        lost: Resources = MappingProxyType({}),
    ) -> None:
        self.desired = desired
        self.watch = ChildWatch(desired, resources, observed)
        self.resources = without_deleted(resources)
        self.observed = observed
        self.ours = ours
        self.lost = lost
        self.actions: list[Action] = []
        self.refreshes: dict[str, Entry] = {}
        self.diagnostics: list[Diagnostic] = []
        self.touched: dict[str, Live] = {}
        self.declared: set[str] = set()
        self.managed_sids: set[str] = set()
        self.gone: set[str] = set()
        self.deleted: set[str] = set()
        self.registrations = Registrations()
        self.adoptions: number.Adoptions = {}
        self._former: dict[str, Entry] | None = None

    def former(self, sid: str) -> Entry | None:
        """What an address that is declared no longer remembers of this number: it may have become a bridge number.

        Else what a state that is gone said of it.
        """
        if self._former is None:
            declared = {want.address for want in self.desired}
            leaving = (
                entry for address, entry in self.resources.items() if address not in declared
            )
            self._former = numbers_by_sid(self.lost.values(), leaving)
        return self._former.get(sid)


def plan_resources(
    desired: Sequence[Desired],
    resources: Resources,
    observed: Observed,
    ours: Collection[str],
    platforms: Platforms = NO_PLATFORMS,
    lost: Resources = MappingProxyType({}),
) -> Plan:
    """Plan everything: what is declared, and what is remembered but declared no longer.

    `lost` is what a state held that is gone: numbers keep the values from before that stand there.
    """
    resources = resolve_names(resources, observed.resources)
    draft = _Draft(
        sms_capability.without_sms(sids_to_names(desired, observed), observed),
        resources,
        observed,
        ours,
        lost,
    )
    others = [
        want
        for want in draft.desired
        if want.kind not in NUMBER_KINDS and want.kind != REGISTRATION
    ]
    for want in sorted(others, key=lambda want: KINDS[want.kind].rank):
        _plan_other(draft, want)
    undeclared = draft.watch.decide()
    draft.actions += undeclared.actions
    draft.touched |= undeclared.deleted
    draft.deleted |= undeclared.deleted.keys()
    draft.diagnostics += undeclared.warnings
    draft.registrations.plan(draft.desired, draft.resources, observed, ours, platforms)
    draft.declared |= draft.registrations.handled
    for want in skip_unchanged(
        draft.desired, draft.resources, observed, draft.declared, draft.managed_sids
    ):
        _plan_number(draft, want)
    _plan_removals(draft)
    draft.actions, draft.refreshes = draft.watch.record_children(draft.actions, draft.refreshes)
    _unname(draft)
    draft.diagnostics += hidden_routes.find_hidden_messages(draft.desired, observed)
    draft.actions = hidden_routes.annotate(draft.actions, observed)
    return _finish(draft)


def _plan_number(draft: _Draft, want: Desired) -> None:
    account = want.profile.account
    by_sid = want.key.startswith("PN")
    live = draft.observed.number(account, want.key)
    address = f"{want.kind}/{live.key}" if by_sid and live is not None else want.address
    if by_sid and live is None:
        address = next(
            (a for a, e in draft.resources.items() if e.sid == want.key and e.kind == want.kind),
            address,
        )
    entry = draft.resources.get(address)
    if entry is not None and not entry.sid and live is not None:
        entry = msgspec.structs.replace(
            entry, sid=live.sid
        )  # bought by a run that died before it could say so
    if entry is not None and (live is None or live.sid != entry.sid):
        live = draft.observed.bound_number(account, want.key, entry.sid)
    _decide_number(draft, want, address, entry, live)


def _decide_number(
    draft: _Draft,
    want: Desired,
    address: str,
    entry: Entry | None,
    live: Live | None,
) -> None:
    if address in draft.declared:
        draft.diagnostics.append(problems.duplicate_number(want, address, live, draft.desired))
        return
    draft.declared.add(address)
    if live is None and _to_buy(draft, want, entry):
        draft.actions += number.buy(want, draft.ours)
        return
    if live is None:
        draft.diagnostics.append(problems.number_missing(want, address, entry, draft.observed))
        return
    if want.sid is not None and want.sid != live.sid:
        draft.diagnostics.append(problems.sid_mismatch(want, live))
        return
    if live.sid in draft.managed_sids:
        draft.diagnostics.append(problems.duplicate_number(want, address, live, draft.desired))
        return
    draft.managed_sids.add(live.sid)
    if (refused := sms_capability.sms_error(want, address, live)) is not None:
        draft.diagnostics.append(refused)
        return
    refresh = None
    platforms = draft.registrations
    registering = platforms.actions_of_number(address)
    rewritten = address in platforms.rewritten
    behind = bool(registering) or values_without_route(live.wire).get("voice") is not None
    freed = address in platforms.freed and behind
    want = adopt_platform_writes(want, entry, live, rewritten=rewritten, freed=freed)
    if entry is None:
        actions = number.adopt(want, live, draft.ours, draft.former(live.sid), draft.adoptions)
    else:
        actions, refresh = number.align(want, entry, live, draft.ours)
        draft.diagnostics += problems.find_observed_changes(want, address, entry, live)
    if freed:
        actions = switch_last(actions, live, registering)
    _take(draft, address, actions, refresh, live)


def _to_buy(draft: _Draft, want: Desired, entry: Entry | None) -> bool:
    """Whether the number may be bought: declared so, never ours before, and in none of the accounts."""
    unbound = entry is None or not entry.sid
    return (
        want.profile.purchase is not None
        and unbound
        and not any(draft.observed.elsewhere(want.key))
    )


def _plan_other(draft: _Draft, want: Desired) -> None:
    draft.declared.add(want.address)
    entry = draft.resources.get(want.address)
    live = draft.observed.resources.get(want.address)
    if entry is not None and entry.account != want.profile.account:
        if entry.sid and not _is_same(live, want, entry):
            draft.diagnostics += (
                [problems.other_account(want, entry)] if want.parent is None else []
            )
            return
        entry = entry if entry.sid else None  # about to be made, but in another account
    if problem := _unclear(draft, want, entry, live):
        draft.diagnostics.append(problem)
        return
    if entry is not None and live is not None and not entry.sid:
        entry = msgspec.structs.replace(entry, sid=live.sid, last_applied=dict(live.attrs))
    actions, refresh = resource.decide(want, entry, live)
    if refresh is None and entry is not draft.resources.get(want.address):
        refresh = entry and msgspec.structs.replace(entry, pending=None)
    _take(draft, want.address, actions, refresh, live)


def _is_same(live: Live | None, want: Desired, entry: Entry) -> bool:
    """Whether the declared account has the very resource that is remembered: the account has a new name here."""
    return live is not None and (live.account, live.sid) == (want.profile.account, entry.sid)


def _unclear(
    draft: _Draft, want: Desired, entry: Entry | None, live: Live | None
) -> Diagnostic | None:
    """What forbids deciding: several resources that may be meant, or a list that is not there."""
    if live is not None and (entry is None or not entry.sid):
        also = sorted(
            {live.sid, *(other.sid for other in find_same_key(want, live, draft.observed))}
        )
        return problems.ambiguous(want, also) if len(also) > 1 else None
    if live is None and KINDS[want.kind].refers is not None:
        needed = f"{KINDS[want.kind].refers}/{want.key}"
        known = needed in draft.declared or needed in draft.observed.resources
        return None if known else problems.list_unknown(want, needed)
    return None


def _take(
    draft: _Draft, address: str, actions: list[Action], refresh: Entry | None, live: Live | None
) -> None:
    draft.actions += draft.registrations.after_leaving(address, actions)
    if refresh is not None:
        draft.refreshes[address] = refresh
    if actions and live is not None:
        draft.touched[address] = live


def _plan_removals(draft: _Draft) -> None:
    if len(draft.declared) >= len(draft.resources) and draft.declared.issuperset(draft.resources):
        return
    draft.gone = {address for address in draft.resources if address not in draft.declared}
    from reconciler.planning.decide.trunk_members import (
        restore_declared_options,
    )  # most plans let go of nothing

    staying = _protected_with_their_trunk(draft)
    for address in sorted(draft.gone - staying, key=lambda a: _turn(draft, a)):
        entry = restore_declared_options(draft.resources[address])
        if entry.options.protect:
            draft.diagnostics.append(problems.resource_protected(address, entry))
        elif entry.kind in NUMBER_KINDS:
            _remove_number(draft, address, entry)
        else:
            _remove_other(draft, address, entry)


def _protected_with_their_trunk(draft: _Draft) -> set[str]:
    from reconciler.planning.decide.trunk_members import trunk_members

    gone = {address: draft.resources[address] for address in draft.gone}
    return trunk_members(
        {a for a, entry in gone.items() if entry.kind == "trunk" and entry.options.protect}, gone
    )


def _turn(draft: _Draft, address: str) -> tuple[bool, bool, int, bool, str]:
    """Numbers first; then trunks, for whether one stays decides about what hangs below it; then the lists they used.

    Where two addresses remember one number (it was moved, and the run died), the one that wrote last lets go of it.
    """
    entry = draft.resources[address]
    is_number = entry.kind in NUMBER_KINDS
    live = draft.observed.bound_number(entry.account, entry.key, entry.sid) if is_number else None
    ours = live is not None and any(is_ours(entry, live, part) for part in entry.last_applied)
    used = entry.kind in _USED or KINDS[entry.kind].parent in _USED
    return (not is_number, used, RANKS[entry.kind], not ours, address)


def _remove_number(draft: _Draft, address: str, entry: Entry) -> None:
    live = draft.observed.bound_number(entry.account, entry.key, entry.sid)
    if not entry.sid and (live := draft.observed.number(entry.account, entry.key)) is not None:
        entry = msgspec.structs.replace(entry, sid=live.sid)
    if entry.sid in draft.managed_sids:
        draft.actions.append(forget(address, entry, "declared under another address now"))
    elif live is None:
        draft.actions.append(forget(address, entry, "no longer on Twilio"))
    else:
        draft.managed_sids.add(live.sid)
        known, whole = draft.registrations.entry_to_release(address, entry, live)
        _take(draft, address, release(address, known, live, whole=whole), None, live)


def _remove_other(draft: _Draft, address: str, entry: Entry) -> None:
    live = draft.observed.resources.get(address)
    singleton = KINDS[entry.kind].singleton
    if live is None:
        draft.actions.append(forget(address, entry, "no longer on Twilio"))
    elif singleton and entry.parent in draft.gone:
        fate = "goes" if entry.parent in draft.deleted else "stays"
        draft.actions.append(forget(address, entry, f"it {fate} with {entry.parent}"))
    elif singleton and entry.options.on_removal != "keep":
        _take(draft, address, [resource.restore(address, entry, live)], None, live)
    elif entry.options.on_removal == "keep":
        draft.actions.append(forget(address, entry, "it stays on Twilio (on_removal: keep)"))
    elif not entry.created and draft.watch.policy(entry.parent, entry.kind) == "delete":
        draft.deleted.add(address)
        _take(
            draft,
            address,
            [draft.watch.remove_imported(entry.parent or "", address, live)],
            None,
            live,
        )
    elif not entry.created:
        draft.actions.append(
            forget(address, entry, "it was there before it was imported, so it stays on Twilio")
        )
    elif users := _users(draft, entry, live):
        draft.actions.append(
            forget(address, entry, f"still in use on Twilio, by {', '.join(users)}")
        )
    elif entry.parent in draft.gone and entry.parent not in draft.deleted:
        draft.actions.append(
            forget(address, entry, f"{entry.parent} stays on Twilio, and so does this")
        )
    elif (
        entry.parent is not None
        and entry.parent in draft.gone
        and _goes_with_its_list(draft, entry)
    ):
        goes = forget(address, entry, f"it goes with {entry.parent}")
        draft.actions.append(msgspec.structs.replace(goes, depends_on=(entry.parent,)))
    else:
        draft.deleted.add(address)
        known = msgspec.structs.replace(entry, sid=live.sid)
        _take(draft, address, [resource.remove(address, known, live)], None, live)


def _goes_with_its_list(draft: _Draft, entry: Entry) -> bool:
    """Whether nobody may take this off a list that goes: a SIP domain may use it, and then Twilio refuses to delete it.

    Emptied first, the list would stay without what lets the phones in.
    """
    return KINDS[entry.kind].parent in _USED and entry.account in draft.observed.domains.unread


def _unname(draft: _Draft) -> None:
    """What stays on a trunk or application that is forgotten remembers its SID from now on: its name is nobody's."""
    gone = {
        a.address
        for a in draft.actions
        if a.action == "forget" and a.kind in ("trunk", "application")
    }
    others = draft.observed.resources
    sids = {address.split("/", 1)[1]: others[address].sid for address in gone if address in others}
    if not sids:
        return
    for address in draft.declared & draft.resources.keys():
        entry = draft.refreshes.get(address, draft.resources[address])
        if (told := names_to_sids(entry, sids)) != entry:
            draft.refreshes[address] = told
    draft.actions = [
        a if a.entry is None else msgspec.structs.replace(a, entry=names_to_sids(a.entry, sids))
        for a in draft.actions
    ]


def _users(draft: _Draft, entry: Entry, live: Live) -> list[str]:
    """What would still use this resource once the plan is carried out; at most three are named."""
    domains = draft.observed.domains.using.get(live.sid, ()) if entry.kind in _USED else ()
    users = sorted({*_numbers_on(draft, entry, live), *_trunks_with(draft, entry, live), *domains})
    return [*users[:3], *([f"{len(users) - 3} more"] if len(users) > 3 else [])]


def _numbers_on(draft: _Draft, entry: Entry, live: Live) -> list[str]:
    fields = ROUTE_SID_FIELDS.get(entry.kind)
    if fields is None:
        return []
    called = (_name_of(draft, live), live.sid)
    leaving = {a.sid for a in draft.actions if leaves_resource(a, entry.kind, called)}
    back = {
        a.sid for a in draft.actions if any(a.restore.get(field) == live.sid for field in fields)
    }
    numbers = draft.observed.numbers.get(entry.account, {}).values()
    on_it = (
        n
        for n in numbers
        if any(n.wire.get(field) == live.sid for field in fields) and n.sid not in leaving
    )
    return list(
        dict.fromkeys((*(n.key for n in on_it), *(n.key for n in numbers if n.sid in back)))
    )


def _trunks_with(draft: _Draft, entry: Entry, live: Live) -> list[str]:
    uses = [kind.name for kind in KINDS.values() if kind.refers == entry.kind]
    others = draft.observed.resources.items()
    staying = (
        a
        for a, use in others
        if use.sid == live.sid and a.split("/", 1)[0] in uses and a not in draft.deleted
    )
    return ["/".join(address.split("/")[1:-1]) for address in staying]


def _name_of(draft: _Draft, live: Live) -> str:
    return next(
        a.split("/", 1)[1] for a, other in draft.observed.resources.items() if other is live
    )


def _finish(draft: _Draft) -> Plan:
    bound = {
        **dict.fromkeys(KINDS, 0),
        **Counter([entry.kind for entry in draft.resources.values()]),
    }
    total = sum(len(numbers) for numbers in draft.observed.numbers.values())
    of_platforms = draft.registrations
    draft.touched |= of_platforms.touched
    draft.refreshes |= of_platforms.refreshes
    return Plan(
        actions=tuple(sort_safely([*draft.actions, *of_platforms.actions])),
        state_updates={address: draft.refreshes[address] for address in sorted(draft.refreshes)},
        diagnostics=tuple(sort_by_place([*draft.diagnostics, *of_platforms.diagnostics])),
        bound=bound,
        unmanaged=total - len(draft.managed_sids),
        fingerprints={
            address: fingerprint(live) for address, live in sorted(draft.touched.items())
        },
    )


def fingerprint(live: Live) -> dict[str, WireValue]:
    """The raw fields of a live resource by which a saved plan knows that it has not moved."""
    wire = {"friendly_name": live.name, **live.wire}
    return {"sid": live.sid, **{field: value or None for field, value in wire.items()}}
