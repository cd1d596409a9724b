"""Decide about all registrations of a plan, the declared ones and those declared no longer, and
collect their effects on the numbers; pure.

They are decided before the numbers they are about. What happens on a platform decides what a
number's webhooks mean: overwritten by an import, they are no drift; taken off a platform first,
they are restored after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.kind import PlatformKind, uses_own_trunk
from reconciler.kinds.platforms.table import PLATFORM_KINDS, agent_in_key, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, Reason
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.decide import problems, registration, unregister
from reconciler.planning.decide.agent_split import decide_split, remove_split
from reconciler.planning.decide.platform_effects import PlatformEffects, add_dependency
from reconciler.planning.decide.platform_notes import list_notes
from reconciler.planning.decide.registration import RegistrationDecision
from reconciler.planning.decide.registration_numbers import (
    fill_number_sids,
    find_number,
    map_number_accounts,
    with_number_address,
)
from reconciler.planning.decision import Decision, join_decisions
from reconciler.planning.identity.observed import Observed

_WRITES_ON_TWILIO = frozenset({"register", "link", "update", "reassign"})
"""Actions after which a platform may have written to the number."""


class Platforms(msgspec.Struct, frozen=True):
    """The declared platforms: the type of each by name, and the accounts that declare an auth token
    of their own (`tokens`), or any credentials of their own (`logins`). The credentials of a parent
    account are not those of its subaccount.
    """

    types: Mapping[str, str] = {}
    tokens: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()


NO_PLATFORMS = Platforms()


class PlatformDecisions(msgspec.Struct, frozen=True):
    """The decision about all registrations, their addresses, and the effects on their numbers."""

    decision: Decision
    addresses: frozenset[str]
    effects: PlatformEffects


class _Context(msgspec.Struct, frozen=True):
    """The input that the decisions about all registrations share."""

    recorded: Mapping[str, Entry]
    observed: Observed
    our_urls: Collection[str]
    platforms: Platforms


class _Decided(msgspec.Struct, frozen=True):
    """The decision about one registration, at its address, with the address of its number.

    `leaves`: the number leaves the platform before anything else is written to it. `interrupted`:
    an import or a removal had begun, and the platform may have written to the number. `own_trunk`:
    a declared trunk takes its calls, and the platform writes nothing to it.
    """

    address: str
    number: str | None
    result: RegistrationDecision
    leaves: bool = False
    interrupted: bool = False
    own_trunk: bool = False


def decide_registrations(
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    observed: Observed,
    our_urls: Collection[str],
    platforms: Platforms,
) -> PlatformDecisions:
    """Decide about every registration that is declared or recorded."""
    context = _Context(recorded, observed, our_urls, platforms)
    decided: list[_Decided] = []
    for declared in desired:
        if declared.kind == REGISTRATION:
            decided.append(_decide_declared(declared, context))

    addresses = {each.address for each in decided}
    undeclared = _list_undeclared(addresses, context)
    if undeclared:
        numbers = map_number_accounts(desired, observed)
        decided += [_decide_undeclared(address, numbers, context) for address in undeclared]

    decision = join_decisions(each.result.decision for each in decided)
    actions: Sequence[Action] = decision.actions
    if undeclared:
        actions = _order_moves(fill_number_sids(actions, recorded), decided)

    results = [(each.address, each.result) for each in decided]
    notes = list_notes(results, platforms.types, observed.problems)
    return PlatformDecisions(
        msgspec.structs.replace(
            decision,
            actions=tuple(actions),
            diagnostics=(*decision.diagnostics, *notes),
        ),
        frozenset([*addresses, *undeclared]),
        _collect_effects(decided, actions),
    )


def _list_undeclared(addresses: Collection[str], context: _Context) -> list[str]:
    """List the recorded registrations that are not among these addresses."""
    # Without platforms in the configuration the prefix of an address is quicker to test than the
    # kind: most states hold numbers only.
    has_platforms = bool(addresses) or bool(context.platforms.types)
    prefix = f"{REGISTRATION}/"

    found: list[str] = []
    for address, entry in context.recorded.items():
        if not has_platforms and not address.startswith(prefix):
            continue
        if entry.kind == REGISTRATION and address not in addresses:
            found.append(address)
    return sorted(found)


def _decide_declared(declared: Desired, context: _Context) -> _Decided:
    platform = platform_name(declared.address)
    kind = PLATFORM_KINDS[context.platforms.types[platform]]
    if agent_in_key(declared.key) is not None:
        entry = context.recorded.get(declared.address)
        live = context.observed.resources.get(declared.address)
        split = decide_split(declared, entry, live)
        return _Decided(declared.address, None, RegistrationDecision(split))

    number = None
    if declared.parent is not None:
        number, key = find_number(declared, context.recorded, context.observed)
        declared = with_number_address(declared, platform, key, number)

        # The number is not there, which the decision about the number reports.
        if number is None:
            return _Decided(declared.address, None, RegistrationDecision())

    own_trunk = uses_own_trunk(declared.profile.attrs)
    missing = _find_missing_login(declared, kind, context.platforms)
    if missing is not None:
        return _Decided(declared.address, None, RegistrationDecision(Decision.refuse(missing)))

    live = context.observed.resources.get(declared.address)
    if live is None and platform in context.observed.partial:
        reason = context.observed.partial[platform]
        unread = problems.registration_unread(declared.address, reason, declared)
        return _Decided(declared.address, None, RegistrationDecision(Decision.refuse(unread)))

    if number is not None and not number.live.can_text:
        declared = _without_messages(declared, kind)

    # By a trunk of ours the platform neither reads nor writes the number, unless it leaves webhooks
    # behind that it wrote before.
    leaves_webhooks = live is not None and not uses_own_trunk(live.attrs)
    entry = context.recorded.get(declared.address)
    result = registration.decide(
        declared,
        entry,
        live,
        None if own_trunk and not leaves_webhooks else number,
        kind,
        context.our_urls,
    )
    if own_trunk and number is not None:
        result = _wait_for(result, (number.address, *declared.needs))
    address = number.address if number is not None else None
    return _Decided(declared.address, address, result, own_trunk=own_trunk)


def _wait_for(result: RegistrationDecision, addresses: Sequence[str]) -> RegistrationDecision:
    """Return the decision with actions that wait for the actions of these addresses."""
    actions: list[Action] = []
    for action in result.decision.actions:
        depends_on = (*dict.fromkeys((*action.depends_on, *addresses)),)
        actions.append(msgspec.structs.replace(action, depends_on=depends_on))
    decision = msgspec.structs.replace(result.decision, actions=tuple(actions))
    return msgspec.structs.replace(result, decision=decision)


def _without_messages(declared: Desired, kind: PlatformKind) -> Desired:
    """Return the registration of a number that cannot receive messages: its platform must not write
    the SMS webhook.
    """
    attrs = declared.profile.attrs
    if not kind.sms_switch or not attrs.get(kind.sms_switch):
        return declared
    profile = msgspec.structs.replace(declared.profile, attrs={**attrs, kind.sms_switch: False})
    return msgspec.structs.replace(declared, profile=profile)


def _find_missing_login(
    declared: Desired, kind: PlatformKind, platforms: Platforms
) -> Diagnostic | None:
    """Return an error when the account lacks the credentials that an import sends."""
    account = declared.profile.account
    # A number outside Twilio has no account; by a trunk of ours the platform signs in with its user.
    if declared.parent is None or uses_own_trunk(declared.profile.attrs):
        return None
    if kind.needs_token and account not in platforms.tokens:
        return unregister.auth_token_missing(declared, kind)
    if kind.needs_login and account not in platforms.logins:
        return unregister.login_missing(declared, kind)
    return None


def _decide_undeclared(address: str, numbers: Mapping[str, str], context: _Context) -> _Decided:
    """Decide about a recorded registration; `numbers` maps declared numbers to their accounts."""
    entry = _with_declared_number(context.recorded[address], numbers)
    platform_type = context.platforms.types.get(platform_name(address))
    if entry.options.protect:
        problem = problems.resource_protected(address, entry)
        return _Decided(address, None, RegistrationDecision(Decision.refuse(problem)))
    if platform_type is None:
        problem = unregister.unknown_platform(address)
        return _Decided(address, None, RegistrationDecision(Decision.refuse(problem)))

    live = context.observed.resources.get(address)
    if agent_in_key(entry.key) is not None:
        return _Decided(address, None, RegistrationDecision(remove_split(address, entry, live)))

    partial = context.observed.partial.get(platform_name(address))
    if live is None and partial is not None:
        unread = problems.registration_unread(address, partial)
        return _Decided(address, None, RegistrationDecision(Decision.refuse(unread)))

    # An import that never ended, and of which the platform has nothing, has no platform to leave.
    never_arrived = not entry.sid and live is None
    kind: PlatformKind | None = None if never_arrived else PLATFORM_KINDS[platform_type]
    reason: Reason = "config" if entry.parent in numbers else "removed"
    result = unregister.unregister(address, entry, live, kind, reason=reason)

    # By a trunk of ours, the number gets another route first, so that its calls are always answered.
    if uses_own_trunk(entry.last_applied) and entry.parent is not None:
        result = _wait_for(result, (entry.parent,))
        return _Decided(address, entry.parent, result, own_trunk=True)

    # An import or a removal that has begun may have written to the number before the run died.
    # Whether the platform has the number by now or not, what the number shows may be its doing.
    return _Decided(
        address,
        entry.parent,
        result,
        leaves=any(action.action != "forget" for action in result.decision.actions),
        interrupted=registration.is_unfinished(entry),
    )


def _with_declared_number(entry: Entry, numbers: Mapping[str, str]) -> Entry:
    """Return the entry with the address that its number has now.

    A bridge number that became a number leaves the platform under its new address: whatever is
    written to it waits for that, and what the platform leaves on it is recorded there.
    """
    if entry.parent is None or entry.parent in numbers:
        return entry

    key = Address.parse(entry.parent).name
    for kind in sorted(NUMBER_KINDS):
        address = str(Address.of(kind, key))
        if numbers.get(address) == entry.account:
            return msgspec.structs.replace(entry, parent=address)
    return entry


def _order_moves(actions: Iterable[Action], decided: Iterable[_Decided]) -> list[Action]:
    """Let a number join one platform only after it has left another."""
    leaving = _index_leaving(decided)

    ordered: list[Action] = []
    for action in actions:
        needed = leaving.get(action.parent or "")
        if needed is not None and needed != action.address:
            action = add_dependency(action, needed)
        ordered.append(action)
    return ordered


def _index_leaving(decided: Iterable[_Decided]) -> dict[str, str]:
    """Map numbers to the registrations that end before anything else is written to them."""
    leaving: dict[str, str] = {}
    for each in decided:
        if each.leaves and each.number is not None:
            leaving[each.number] = each.address
    return leaving


def _collect_effects(decided: Sequence[_Decided], actions: Iterable[Action]) -> PlatformEffects:
    """Return what these decisions and their actions mean for the numbers."""
    rewritten: set[str] = set()
    freed: set[str] = set()
    cleared: set[str] = set()
    for each in decided:
        if each.number is None:
            continue
        if each.result.rewrites:
            rewritten.add(each.number)
        if each.result.frees:
            freed.add(each.number)
        if each.interrupted:
            cleared.add(each.number)

    writes: dict[str, list[Action]] = {}
    for action in actions:
        if action.parent is not None and action.action in _WRITES_ON_TWILIO:
            writes.setdefault(action.parent, []).append(action)

    by_own_trunk = frozenset(each.number for each in decided if each.own_trunk and each.number)
    return PlatformEffects(
        frozenset(rewritten),
        frozenset(freed),
        _index_leaving(decided),
        frozenset(cleared),
        writes,
        by_own_trunk,
    )
