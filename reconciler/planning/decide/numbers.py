"""Identify one declared number, then decide to buy, import or align it, or report why that is
impossible; pure.

| live number          | recorded | decision                                                       |
|----------------------|----------|----------------------------------------------------------------|
| none                 | no       | buy it where a purchase is declared, else an error             |
| none                 | yes      | an error: it is gone, or in another account                    |
| there                | no       | import it, then write what differs                             |
| there                | yes      | write what differs                                             |
| declared twice       | any      | an error                                                       |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide import number, problems
from reconciler.planning.decide.capabilities import find_voice_problem
from reconciler.planning.decide.emergency_address import find_emergency_problems
from reconciler.planning.decide.platform_effects import PlatformEffects
from reconciler.planning.decide.platform_writes import adopt_platform_writes, values_without_route
from reconciler.planning.decide.switch_route import attach_last, switch_last
from reconciler.planning.decision import Decision
from reconciler.planning.identity.observed import Observed


class FormerEntries:
    """Older entries of numbers whose declared address has no entry, by SID.

    They are the entries of addresses that are declared no longer (a number may have become a bridge
    number), else those of a state that went missing.
    """

    def __init__(
        self,
        declared: Sequence[Desired],
        recorded: Mapping[str, Entry],
        recovered: Mapping[str, Entry],
    ) -> None:
        self._declared = declared
        self._recorded = recorded
        self._recovered = recovered
        self._by_sid: dict[str, Entry] | None = None

    def find(self, sid: str) -> Entry | None:
        """Return the older entry of the number with this SID."""
        # Most plans import no number: the index is built for the first that does.
        if self._by_sid is None:
            self._by_sid = self._index()
        return self._by_sid.get(sid)

    def _index(self) -> dict[str, Entry]:
        declared = {each.address for each in self._declared}
        undeclared: list[Entry] = []
        for address, entry in self._recorded.items():
            if address not in declared:
                undeclared.append(entry)
        return _index_numbers_by_sid([*self._recovered.values(), *undeclared])


class NumberContext(msgspec.Struct, frozen=True):
    """The input that the decisions about all numbers share.

    `our_urls` are the URLs that the configuration declares. `adoptions` keeps what imports of
    numbers that are alike have in common.
    """

    declared: Sequence[Desired]
    recorded: Mapping[str, Entry]
    observed: Observed
    our_urls: Collection[str]
    platforms: PlatformEffects
    former: FormerEntries
    adoptions: number.Adoptions


class IdentifiedNumber(NamedTuple):
    """A declared number with its address, and its entry and live number where there are any."""

    declared: Desired
    address: str
    entry: Entry | None
    live: Live | None

    @property
    def sid_to_manage(self) -> str | None:
        """Return the SID that the declaration manages; None where it pins another one."""
        if self.live is None or self.declared.sid not in (None, self.live.sid):
            return None
        return self.live.sid


def identify_number(declared: Desired, context: NumberContext) -> IdentifiedNumber:
    """Find the address, the entry and the live number of a declaration."""
    account = declared.profile.account
    by_sid = declared.key.startswith("PN")
    live = context.observed.number(account, declared.key)

    # A number that is declared by its SID has its E.164 as its address, from Twilio or from its
    # entry.
    address = declared.address
    if by_sid and live is not None:
        address = f"{declared.kind}/{live.key}"
    elif by_sid:
        address = _find_recorded_address(declared, context.recorded) or address

    # A run that died after a purchase left an entry without a SID.
    entry = context.recorded.get(address)
    if entry is not None and not entry.sid and live is not None:
        entry = msgspec.structs.replace(entry, sid=live.sid)

    # The recorded SID counts: the E.164 of a number can change.
    if entry is not None and (live is None or live.sid != entry.sid):
        live = context.observed.bound_number(account, declared.key, entry.sid)
    return IdentifiedNumber(declared, address, entry, live)


def decide_number(
    identified: IdentifiedNumber,
    context: NumberContext,
    decided: Collection[str],
    managed_sids: Collection[str],
) -> Decision:
    """Decide about one number.

    `decided` are the addresses, and `managed_sids` the SIDs, that earlier declarations have.
    """
    declared, address, entry, live = identified
    if address in decided:
        return Decision.refuse(_duplicate(identified, context))
    if live is None:
        return _buy_or_refuse(identified, context)

    problem = _find_problem(identified, live, context, managed_sids)
    if problem is not None:
        return Decision.refuse(problem)

    # What a platform writes, or has written for a run that died, counts as declared.
    platforms = context.platforms
    writes = platforms.writes.get(address, ())
    freed = address in platforms.freed and (
        bool(writes) or values_without_route(live.wire).get("voice") is not None
    )
    rewritten = address in platforms.rewritten
    declared = adopt_platform_writes(declared, entry, live, rewritten=rewritten, freed=freed)

    update: Entry | None = None
    warnings: list[Diagnostic] = []
    actions: Sequence[Action]
    if entry is None:
        former = context.former.find(live.sid)
        actions = number.adopt(declared, live, context.our_urls, former, context.adoptions)
    else:
        actions, update = number.align(declared, entry, live, context.our_urls)
        warnings = problems.find_observed_changes(declared, address, entry, live)
    warnings += find_emergency_problems(declared, address, live)

    # The trunk or application comes off last: until the platform has the number, calls go where
    # they went.
    if freed:
        actions = switch_last(actions, live, writes)
    elif address in platforms.by_own_trunk:
        actions = attach_last(actions, writes)
    actions = platforms.wait_for_leaving(address, actions)
    return Decision.about(address, actions, live=live, update=update, diagnostics=warnings)


def _find_recorded_address(declared: Desired, recorded: Mapping[str, Entry]) -> str | None:
    """Return the address that state has for a number that is declared by its SID."""
    for address, entry in recorded.items():
        if entry.sid == declared.key and entry.kind == declared.kind:
            return address
    return None


def _buy_or_refuse(identified: IdentifiedNumber, context: NumberContext) -> Decision:
    """Buy a number that was never bound and that no account has, or report that it is missing."""
    declared, address, entry, _ = identified
    was_bound = entry is not None and bool(entry.sid)
    may_buy = declared.profile.purchase is not None and not was_bound
    if may_buy and not any(context.observed.elsewhere(declared.key)):
        problem = find_voice_problem(declared, address, None)
        if problem is not None:
            return Decision.refuse(problem)
        actions: Sequence[Action] = number.buy(declared, context.our_urls)
        platforms = context.platforms
        if address in platforms.by_own_trunk:
            actions = attach_last(actions, platforms.writes.get(address, ()))
        return Decision(tuple(actions))

    missing = problems.number_missing(declared, address, entry, context.observed)
    return Decision.refuse(missing)


def _find_problem(
    identified: IdentifiedNumber,
    live: Live,
    context: NumberContext,
    managed_sids: Collection[str],
) -> Diagnostic | None:
    """Return the reason why a live number cannot be managed as declared."""
    if identified.sid_to_manage is None:
        return problems.sid_mismatch(identified.declared, live)

    # The same number may be declared by its E.164 and by its SID.
    if live.sid in managed_sids:
        return _duplicate(identified, context)
    return find_voice_problem(identified.declared, identified.address, live)


def _duplicate(identified: IdentifiedNumber, context: NumberContext) -> Diagnostic:
    return problems.duplicate_number(
        identified.declared, identified.address, identified.live, context.declared
    )


def _index_numbers_by_sid(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Map SIDs to the entries of numbers; of several about one number the last one counts."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind in NUMBER_KINDS and entry.sid:
            found[entry.sid] = entry
    return found
