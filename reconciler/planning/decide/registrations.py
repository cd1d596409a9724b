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
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.table import PLATFORM_KINDS, platform_name, registration_address
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, Reason
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide import problems, registration, unregister
from reconciler.planning.decide.platform_effects import PlatformEffects, add_dependency
from reconciler.planning.decide.platform_losses import Number
from reconciler.planning.decide.platform_notes import list_notes
from reconciler.planning.decide.registration import RegistrationDecision
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
    an import or a removal had begun, and the platform may have written to the number.
    """

    address: str
    number: str | None
    result: RegistrationDecision
    leaves: bool = False
    interrupted: bool = False


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
        numbers = _map_number_accounts(desired, observed)
        decided += [_decide_undeclared(address, numbers, context) for address in undeclared]

    decision = join_decisions(each.result.decision for each in decided)
    actions: Sequence[Action] = decision.actions
    if undeclared:
        actions = _order_moves(_fill_number_sids(actions, recorded), decided)

    notes = list_notes([(each.address, each.result) for each in decided], platforms.types)
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
    number = None
    if declared.parent is not None:
        number, key = _find_number(declared, context)
        declared = _with_number_address(declared, platform, key, number)

        # The number is not there, which the decision about the number reports.
        if number is None:
            return _Decided(declared.address, None, RegistrationDecision())

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
    result = registration.decide(
        declared,
        context.recorded.get(declared.address),
        live,
        number,
        kind,
        context.our_urls,
    )
    return _Decided(declared.address, number.address if number is not None else None, result)


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
    if declared.parent is None:
        return None  # a number outside Twilio has no account
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
    partial = context.observed.partial.get(platform_name(address))
    if live is None and partial is not None:
        unread = problems.registration_unread(address, partial)
        return _Decided(address, None, RegistrationDecision(Decision.refuse(unread)))

    # An import that never ended, and of which the platform has nothing, has no platform to leave.
    never_arrived = not entry.sid and live is None
    kind: PlatformKind | None = None if never_arrived else PLATFORM_KINDS[platform_type]
    reason: Reason = "config" if entry.parent in numbers else "removed"
    result = unregister.unregister(address, entry, live, kind, reason=reason)

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


def _fill_number_sids(actions: Iterable[Action], recorded: Mapping[str, Entry]) -> list[Action]:
    """Return the actions with the SIDs of their numbers, which state has for undeclared ones."""
    filled: list[Action] = []
    for action in actions:
        if not action.number_sid:
            sid = _find_number_sid(action, recorded)
            action = msgspec.structs.replace(action, number_sid=sid)
        filled.append(action)
    return filled


def _find_number_sid(action: Action, recorded: Mapping[str, Entry]) -> str | None:
    """Return the SID that state has for the number of a registration, which may have another
    address since.
    """
    registration_entry = recorded.get(action.address)
    former = registration_entry.parent if registration_entry is not None else None
    for address in (action.parent, former):
        number = recorded.get(address or "")
        if number is not None and number.kind in NUMBER_KINDS and number.sid:
            return number.sid
    return None


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

    return PlatformEffects(
        frozenset(rewritten), frozenset(freed), _index_leaving(decided), frozenset(cleared), writes
    )


def _find_number(declared: Desired, context: _Context) -> tuple[Number | None, str]:
    """Find the number that a registration is about, and its E.164 as far as that is known.

    A number that is yet to be bought has no SID.
    """
    account, kind = declared.profile.account, Address.parse(declared.parent or "").kind
    observed = context.observed
    live = observed.number(account, declared.key)
    if live is None:
        entry = _find_entry(kind, declared.key, context.recorded)
        if entry is not None:
            live = observed.bound_number(account, declared.key, entry.sid)
        elif declared.profile.purchase is not None and not any(observed.elsewhere(declared.key)):
            live = Live("", declared.key, account, {}, dict.fromkeys(("voice", "sms", "status")))

        if live is None:
            return None, entry.key if entry is not None else declared.key

    address = f"{kind}/{live.key}"
    return Number(address, context.recorded.get(address), live), live.key


def _find_entry(kind: str, key: str, recorded: Mapping[str, Entry]) -> Entry | None:
    """Return the bound entry of a number with this SID or E.164."""
    for entry in recorded.values():
        if entry.kind == kind and entry.sid and key in (entry.sid, entry.key):
            return entry
    return None


def _with_number_address(
    declared: Desired, platform: str, key: str, number: Number | None
) -> Desired:
    """Return the declaration under the E.164 of its number, which may be declared by its SID."""
    parent = number.address if number is not None else declared.parent
    if key == declared.key and parent == declared.parent:
        return declared
    address = registration_address(platform, key)
    return msgspec.structs.replace(declared, address=address, key=key, parent=parent)


def _map_number_accounts(desired: Sequence[Desired], observed: Observed) -> dict[str, str]:
    """Map the addresses of all declared numbers to their accounts.

    Those declared by SID have their E.164.
    """
    found: dict[str, str] = {}
    for declared in desired:
        if declared.kind not in NUMBER_KINDS:
            continue

        account = declared.profile.account
        live = None
        if declared.key.startswith("PN"):
            live = observed.number(account, declared.key)
        address = declared.address if live is None else f"{declared.kind}/{live.key}"
        found[address] = account
    return found
