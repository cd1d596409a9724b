"""What must be on disk before the first write: prior values, and what each resource is about to become. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.route import Value
from reconciler.planning.decide.unregister import WITHDRAWN


def group_by_address(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """The actions of each address, in the order of the plan: one must have succeeded before the next is tried."""
    out: dict[str, list[Action]] = {}
    for action in actions:
        out.setdefault(action.address, []).append(action)
    return out


def build_intents(
    chain_of: Mapping[str, Sequence[Action]], base: Mapping[str, Entry], now: str
) -> dict[str, Entry]:
    """For each address that is going to be written: its entry with prior values and with what is `pending`.

    Should the run die between a write and its outcome, the next one knows from `pending` that the value it finds on
    Twilio is ours, and from an empty SID that a resource found there was created by us.
    """
    out: dict[str, Entry] = {}
    for address, chain in chain_of.items():
        first = chain[0].entry
        if first is not None and chain[0].action == "delete":
            out[address] = stamp_times(
                first, now
            )  # what is about to be deleted, so that `undo` can make it again
            continue
        if first is None or chain[0].action in ("forget", "delete", "release", "restore_webhooks"):
            continue
        known = base.get(address)
        if chain[0].action == "unregister":
            out[address] = stamp_times(
                msgspec.structs.replace(first, pending={WITHDRAWN: True}), now
            )
            continue
        if chain[0].action == "import":
            start = first
        elif chain[0].action in ("create", "purchase", "register"):
            start = msgspec.structs.replace(first, last_applied={})
        else:
            start = msgspec.structs.replace(
                _ours(known or first), prior=first.prior, options=first.options
            )
        out[address] = stamp_times(msgspec.structs.replace(start, pending=_pending(chain)), now)
    return out


def _ours(entry: Entry) -> Entry:
    """The entry without what was only watched: under other options it would pass for what we wrote."""
    return msgspec.structs.replace(entry, last_applied={}) if entry.options.observe_only else entry


def entry_after_step(entry: Entry, rest: Sequence[Action], now: str) -> Entry:
    """The entry once a step has succeeded, with what the remaining steps of its address are about to write."""
    return stamp_times(msgspec.structs.replace(entry, pending=_pending(rest)), now)


def entry_after_undo(entry: Entry, sid: str | None, now: str) -> Entry | None:
    """The entry of a registration whose action was undone: as before it; None where there was nothing before."""
    if not entry.sid:
        return None
    return stamp_times(
        msgspec.structs.replace(entry, sid=sid or entry.sid, pending=None, prior={}), now
    )


def accept_platform_writes(entry: Entry, learned: Mapping[str, Value], now: str) -> Entry:
    """The entry of a number whose webhooks a platform has written: from now on that is what was applied."""
    parts = {
        part: learned[part]
        for part in entry.options.platform_written or entry.last_applied
        if part in learned
    }
    return stamp_times(
        msgspec.structs.replace(entry, last_applied={**entry.last_applied, **parts}, normalised={}),
        now,
    )


def stamp_times(entry: Entry, now: str) -> Entry:
    """The entry with its times: the first one says when it was imported and its prior values were read."""
    return msgspec.structs.replace(
        entry,
        prior_at=entry.prior_at or (None if entry.created else now),
        imported_at=entry.imported_at or now,
        updated_at=now,
    )


def _pending(chain: Sequence[Action]) -> dict[str, Value] | None:
    """What is in effect after the last of these actions, as far as they write anything.

    What uncovers a platform's webhooks is left out: what those are is known once the platform has written them.
    """
    chain = [action for action in chain if not action.unhides]
    final = next(
        (a.entry for a in reversed(chain) if a.entry is not None and (a.set or a.unset)), None
    )
    if final is None:
        return None
    names = {
        name for action in chain for name in (*action.set, *(("voice",) if action.unset else ()))
    }
    return {name: value for name, value in final.last_applied.items() if name in names}
