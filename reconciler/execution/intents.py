"""Group actions by address, and build the entries to record: before the first write, after a step,
after an undo, and after a platform's write. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.execution.heal_records import NO_HEALS, Heals, add_heals
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.platforms.table import agent_in_key
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.planning.decide.unregister import WITHDRAWN


def group_by_address(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Return the actions of each address in the order of the plan; each needs the success of the
    one before it.
    """
    chains: dict[str, list[Action]] = {}
    for action in actions:
        chains.setdefault(action.address, []).append(action)
    return chains


def build_intents(
    chain_of: Mapping[str, Sequence[Action]],
    base: Mapping[str, Entry],
    now: str,
    heals: Heals = NO_HEALS,
) -> dict[str, Entry]:
    """Return, for each address to be written, its entry with prior values and with what is
    `pending`; `heals` are the drift that the actions put back.

    When the run dies between a write and its outcome, the next run knows from `pending` that the
    value on Twilio is ours, and from an empty SID that a resource found there was created by us.
    """
    intents: dict[str, Entry] = {}
    for address, chain in chain_of.items():
        present = base.get(address)
        intent = _intent(chain, present)
        if intent is not None:
            intent = add_heals(intent, present, heals, now, rest=chain)
            intents[address] = stamp_times(intent, now)

    return intents


def _intent(chain: Sequence[Action], present: Entry | None) -> Entry | None:
    """Return the entry to record before the first action of an address; None where nothing is
    written.
    """
    action, first = chain[0].action, chain[0].entry
    if first is None or action in ("forget", "release"):
        return None
    if action == "restore_webhooks" and not chain[0].set:
        return None
    if action == "delete":
        # Recorded as it is, so that `undo` can create it again.
        return first
    if action == "unregister":
        return msgspec.structs.replace(first, pending={WITHDRAWN: True})

    if action == "import":
        start = first
    elif action in ("create", "purchase", "register"):
        start = msgspec.structs.replace(first, last_applied={})
    else:
        start = msgspec.structs.replace(
            _without_observed(present or first), prior=first.prior, options=first.options
        )
    return msgspec.structs.replace(start, pending=_pending_values(chain))


def _without_observed(entry: Entry) -> Entry:
    """Return the entry without values that were only observed: under other options they would pass
    for ours.
    """
    return msgspec.structs.replace(entry, last_applied={}) if entry.options.observe_only else entry


def entry_after_step(entry: Entry, rest: Sequence[Action], now: str) -> Entry:
    """Return the entry after a step, with what the remaining steps of its address are about to
    write.
    """
    return stamp_times(msgspec.structs.replace(entry, pending=_pending_values(rest)), now)


def entry_after_undo(entry: Entry, sid: str | None, now: str) -> Entry | None:
    """Return the entry of a registration after an undo: as before its action; None where there was
    none before.
    """
    if not entry.sid:
        return None
    known = without_noted_fields(entry)
    return stamp_times(
        msgspec.structs.replace(known, sid=sid or entry.sid, pending=None, healing=()), now
    )


def without_noted_fields(entry: Entry) -> Entry:
    """Return the entry of a registration without the raw fields of its number, which were noted for
    an undo.

    The prior values of an agent are its own, and stay for its removal.
    """
    if agent_in_key(entry.key) is not None:
        return entry
    return msgspec.structs.replace(entry, prior={})


def accept_platform_writes(entry: Entry, learned: Mapping[str, Value], now: str) -> Entry:
    """Return the entry of a number with the webhooks that its platform has written as its last
    applied values.
    """
    applied = dict(entry.last_applied)
    for part in entry.options.platform_written or entry.last_applied:
        if part in learned:
            applied[part] = learned[part]
    return stamp_times(msgspec.structs.replace(entry, last_applied=applied, normalised={}), now)


def stamp_times(entry: Entry, now: str) -> Entry:
    """Return the entry with its times; the first time is when it was imported and its prior values
    were read.
    """
    return msgspec.structs.replace(
        entry,
        prior_at=entry.prior_at or (None if entry.created else now),
        imported_at=entry.imported_at or now,
        updated_at=now,
    )


def _pending_values(chain: Sequence[Action]) -> dict[str, Value] | None:
    """Return the values in effect after the last of these actions; None when they write nothing.

    Actions that uncover a platform's webhooks are left out: those are unknown until the platform
    has written them.
    """
    final: Entry | None = None
    names: set[str] = set()
    for action in chain:
        if action.unhides:
            continue
        names.update(action.set)
        if action.unset:
            names.add("voice")
        if action.entry is not None and (action.set or action.unset):
            final = action.entry

    if final is None:
        return None
    pending = {name: value for name, value in final.last_applied.items() if name in names}

    # A number on its way back to its former messaging service is in none for a moment: the entry
    # after it has no membership, but the next run must know.
    for action in chain:
        if MEMBERSHIP in action.set and MEMBERSHIP not in pending:
            pending[MEMBERSHIP] = action.set[MEMBERSHIP]
    return pending
