"""Declared × recorded × observed → a plan: every action, in an order that is safe to follow; pure.

The same inputs give the same bytes. Nothing here reads files, the network, the clock or the
terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import WireValue
from reconciler.planning.checks import hidden_routes
from reconciler.planning.decide import number, problems, resource, sms_capability
from reconciler.planning.decide.plan_builder import PlanBuilder
from reconciler.planning.decide.registration import adopt_platform_writes, values_without_route
from reconciler.planning.decide.registrations import NO_PLATFORMS, Platforms
from reconciler.planning.decide.switch_route import switch_last
from reconciler.planning.decide.unchanged import skip_unchanged
from reconciler.planning.identity.match import find_same_key, names_to_sids, sids_to_names
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed
from reconciler.planning.order import sort_safely
from reconciler.planning.plan import Plan

Resources = Mapping[str, Entry]


def plan_resources(
    desired: Sequence[Desired],
    recorded: Resources,
    observed: Observed,
    our_urls: Collection[str],
    platforms: Platforms = NO_PLATFORMS,
    recovered: Resources = MappingProxyType({}),
) -> Plan:
    """Plan everything that is declared, and everything that is recorded and not declared any more.

    `recovered` are the entries of a state that went missing: imported numbers keep the prior values
    in it.

    1. Use one name for each resource, in declarations and in entries.
    2. Decide about trunks, lists and applications.
    3. Decide about their undeclared children.
    4. Decide about the registrations on platforms.
    5. Decide about the numbers that have changed.
    6. Remove what is not declared any more.
    7. Correct the entries that the plan writes: undeclared children, forgotten names.
    8. Report routes without effect, and sort.
    """
    recorded = resolve_names(recorded, observed.resources)
    with_names = sids_to_names(desired, observed)
    builder = PlanBuilder(
        sms_capability.without_sms(with_names, observed), recorded, observed, our_urls, recovered
    )

    # A resource comes after those it refers to: the decision about it asks whether they are
    # declared.
    others = [
        want
        for want in builder.desired
        if want.kind not in NUMBER_KINDS and want.kind != REGISTRATION
    ]
    for want in sorted(others, key=lambda want: KINDS[want.kind].rank):
        _plan_other(builder, want)

    _plan_undeclared_children(builder)

    # Registrations come before numbers: webhooks that a platform writes are no drift of the number.
    builder.registrations.plan(builder.desired, builder.recorded, observed, our_urls, platforms)
    builder.decided |= builder.registrations.handled

    changed = skip_unchanged(
        builder.desired, builder.recorded, observed, builder.decided, builder.managed_sids
    )
    for want in changed:
        _plan_number(builder, want)

    _plan_removals(builder)

    builder.actions, builder.state_updates = builder.child_watch.record_children(
        builder.actions, builder.state_updates
    )
    _forget_names(builder)

    builder.diagnostics += hidden_routes.find_hidden_messages(builder.desired, observed)
    builder.actions = hidden_routes.annotate(builder.actions, observed)
    return _build_plan(builder)


def _plan_undeclared_children(builder: PlanBuilder) -> None:
    decision = builder.child_watch.decide()
    builder.actions += decision.actions
    builder.touched |= decision.deleted
    builder.deleted |= decision.deleted.keys()
    builder.diagnostics += decision.warnings


def _plan_removals(builder: PlanBuilder) -> None:
    decided, recorded = builder.decided, builder.recorded
    if len(decided) >= len(recorded) and decided.issuperset(recorded):
        return

    from reconciler.planning.decide.removals import plan_removals  # most plans remove nothing

    plan_removals(builder)


def _plan_number(builder: PlanBuilder, want: Desired) -> None:
    """Find the address, the entry and the live number of a declaration, then decide."""
    account = want.profile.account
    by_sid = want.key.startswith("PN")
    live = builder.observed.number(account, want.key)

    # A number that is declared by its SID has its E.164 as its address, from Twilio or from its
    # entry.
    address = want.address
    if by_sid and live is not None:
        address = f"{want.kind}/{live.key}"
    elif by_sid:
        address = _find_recorded_address(builder, want) or address

    # A run that died after a purchase left an entry without a SID.
    entry = builder.recorded.get(address)
    if entry is not None and not entry.sid and live is not None:
        entry = msgspec.structs.replace(entry, sid=live.sid)

    # The recorded SID counts: the E.164 of a number can change.
    if entry is not None and (live is None or live.sid != entry.sid):
        live = builder.observed.bound_number(account, want.key, entry.sid)
    _decide_number(builder, want, address, entry, live)


def _find_recorded_address(builder: PlanBuilder, want: Desired) -> str | None:
    """Return the address that state has for a number that is declared by its SID."""
    for address, entry in builder.recorded.items():
        if entry.sid == want.key and entry.kind == want.kind:
            return address
    return None


def _decide_number(
    builder: PlanBuilder,
    want: Desired,
    address: str,
    entry: Entry | None,
    live: Live | None,
) -> None:
    """Buy, import or align a number, or report why that is not possible."""
    if address in builder.decided:
        problem = problems.duplicate_number(want, address, live, builder.desired)
        builder.diagnostics.append(problem)
        return
    builder.decided.add(address)

    if live is None:
        if _may_buy(builder, want, entry):
            builder.actions += number.buy(want, builder.our_urls)
        else:
            problem = problems.number_missing(want, address, entry, builder.observed)
            builder.diagnostics.append(problem)
        return

    found = _number_problem(builder, want, address, live)
    if found is not None:
        builder.diagnostics.append(found)
        return

    # What a platform writes, or has written for a run that died, counts as declared.
    registrations = builder.registrations
    registering = registrations.actions_of_number(address)
    freed = address in registrations.freed and (
        bool(registering) or values_without_route(live.wire).get("voice") is not None
    )
    rewritten = address in registrations.rewritten
    want = adopt_platform_writes(want, entry, live, rewritten=rewritten, freed=freed)

    update = None
    if entry is None:
        former = builder.find_former_entry(live.sid)
        actions = number.adopt(want, live, builder.our_urls, former, builder.adoptions)
    else:
        actions, update = number.align(want, entry, live, builder.our_urls)
        builder.diagnostics += problems.find_observed_changes(want, address, entry, live)

    # The trunk or application comes off last: until the platform has the number, calls go where
    # they went.
    if freed:
        actions = switch_last(actions, live, registering)
    builder.record(address, actions, update, live)


def _number_problem(
    builder: PlanBuilder, want: Desired, address: str, live: Live
) -> Diagnostic | None:
    """Return why a number cannot be managed as declared; note it as managed where it is one of
    ours.
    """
    if want.sid is not None and want.sid != live.sid:
        return problems.sid_mismatch(want, live)
    if live.sid in builder.managed_sids:
        return problems.duplicate_number(want, address, live, builder.desired)

    builder.managed_sids.add(live.sid)
    return sms_capability.sms_error(want, address, live)


def _may_buy(builder: PlanBuilder, want: Desired, entry: Entry | None) -> bool:
    """Return whether the number may be bought: declared so, never bound before, and in none of the
    accounts.
    """
    unbound = entry is None or not entry.sid
    return (
        want.profile.purchase is not None
        and unbound
        and not any(builder.observed.elsewhere(want.key))
    )


def _plan_other(builder: PlanBuilder, want: Desired) -> None:
    """Decide about a declared resource that is not a number."""
    builder.decided.add(want.address)
    recorded = builder.recorded.get(want.address)
    live = builder.observed.resources.get(want.address)

    entry = recorded
    if entry is not None and entry.account != want.profile.account:
        if entry.sid and not _is_same_resource(live, want, entry):
            # One error is enough: children share the account of their parent.
            if want.parent is None:
                builder.diagnostics.append(problems.other_account(want, entry))
            return

        # Without a SID it was about to be created in the other account, and nothing is there.
        if not entry.sid:
            entry = None

    problem = _identity_problem(builder, want, entry, live)
    if problem is not None:
        builder.diagnostics.append(problem)
        return

    # A run that died after a create left an entry without a SID: the live resource is the one it
    # made.
    if entry is not None and live is not None and not entry.sid:
        entry = msgspec.structs.replace(entry, sid=live.sid, last_applied=dict(live.attrs))

    actions, update = resource.decide(want, entry, live)
    if update is None and entry is not None and entry is not recorded:
        update = msgspec.structs.replace(entry, pending=None)
    builder.record(want.address, actions, update, live)


def _is_same_resource(live: Live | None, want: Desired, entry: Entry) -> bool:
    """Return whether the declared account has the very resource of the entry: only the account's
    name changed.
    """
    return live is not None and (live.account, live.sid) == (want.profile.account, entry.sid)


def _identity_problem(
    builder: PlanBuilder, want: Desired, entry: Entry | None, live: Live | None
) -> Diagnostic | None:
    """Return why a declaration names no single resource: several match, or the list it uses does
    not exist.
    """
    if live is not None and (entry is None or not entry.sid):
        sids = {live.sid}
        for other in find_same_key(want, live, builder.observed):
            sids.add(other.sid)
        return problems.ambiguous(want, sorted(sids)) if len(sids) > 1 else None

    if live is None and KINDS[want.kind].refers is not None:
        used_list = f"{KINDS[want.kind].refers}/{want.key}"
        if used_list not in builder.decided and used_list not in builder.observed.resources:
            return problems.list_unknown(want, used_list)
    return None


def _forget_names(builder: PlanBuilder) -> None:
    """Let entries that point at a forgotten trunk or application switch from its name to its SID.

    The name may be declared again for another resource; the SID stays unambiguous.
    """
    resources = builder.observed.resources
    sids: dict[str, str] = {}
    for action in builder.actions:
        forgotten = action.action == "forget" and action.kind in ("trunk", "application")
        if forgotten and action.address in resources:
            sids[action.address.split("/", 1)[1]] = resources[action.address].sid
    if not sids:
        return

    for address in builder.decided & builder.recorded.keys():
        entry = builder.state_updates.get(address, builder.recorded[address])
        renamed = names_to_sids(entry, sids)
        if renamed != entry:
            builder.state_updates[address] = renamed

    actions = []
    for action in builder.actions:
        if action.entry is not None:
            entry = names_to_sids(action.entry, sids)
            action = msgspec.structs.replace(action, entry=entry)
        actions.append(action)
    builder.actions = actions


def _build_plan(builder: PlanBuilder) -> Plan:
    """Sort everything that was decided, and count what is bound and what nobody declared."""
    bound = {
        **dict.fromkeys(KINDS, 0),
        **Counter([entry.kind for entry in builder.recorded.values()]),
    }
    total = sum(len(numbers) for numbers in builder.observed.numbers.values())

    registrations = builder.registrations
    touched = builder.touched | registrations.touched
    updates = builder.state_updates | registrations.refreshes
    return Plan(
        actions=tuple(sort_safely([*builder.actions, *registrations.actions])),
        state_updates=dict(sorted(updates.items())),
        diagnostics=tuple(sort_by_place([*builder.diagnostics, *registrations.diagnostics])),
        bound=bound,
        unmanaged=total - len(builder.managed_sids),
        fingerprints={address: fingerprint(live) for address, live in sorted(touched.items())},
    )


def fingerprint(live: Live) -> dict[str, WireValue]:
    """Return the raw fields of a live resource by which a saved plan detects that it has changed."""
    wire = {"friendly_name": live.name, **live.wire}
    return {"sid": live.sid, **{field: value or None for field, value in wire.items()}}
