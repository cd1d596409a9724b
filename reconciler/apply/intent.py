"""What must be on disk before the first write: prior values, and what each resource is about to become. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.model import Action, Entry, Value
from reconciler.planning.withdrawal import WITHDRAWN


def chains(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """The actions of each address, in the order of the plan: one must have succeeded before the next is tried."""
    out: dict[str, list[Action]] = {}
    for action in actions:
        out.setdefault(action.address, []).append(action)
    return out


def intents(chain_of: Mapping[str, Sequence[Action]], base: Mapping[str, Entry], now: str) -> dict[str, Entry]:
    """For each address that is going to be written: its entry with prior values and with what is `pending`.

    Should the run die between a write and its outcome, the next one knows from `pending` that the value it finds on
    Twilio is ours, and from an empty SID that a resource found there was created by us.
    """
    out: dict[str, Entry] = {}
    for address, chain in chain_of.items():
        first = chain[0].entry
        if first is not None and chain[0].action == "delete":
            out[address] = stamped(first, now)  # what is about to be deleted, so that `undo` can make it again
            continue
        if first is None or chain[0].action in ("forget", "delete", "release", "restore_webhooks"):
            continue
        known = base.get(address)
        if chain[0].action == "unregister":
            out[address] = stamped(msgspec.structs.replace(first, pending={WITHDRAWN: True}), now)
            continue
        if chain[0].action == "import":
            start = first
        elif chain[0].action in ("create", "purchase", "register"):
            start = msgspec.structs.replace(first, applied={})
        else:
            start = msgspec.structs.replace(_ours(known or first), prior=first.prior, options=first.options)
        out[address] = stamped(msgspec.structs.replace(start, pending=_pending(chain)), now)
    return out


def _ours(entry: Entry) -> Entry:
    """The entry without what was only watched: under other options it would pass for what we wrote."""
    return msgspec.structs.replace(entry, applied={}) if entry.options.watch else entry


def after_step(entry: Entry, rest: Sequence[Action], now: str) -> Entry:
    """The entry once a step has succeeded, with what the remaining steps of its address are about to write."""
    return stamped(msgspec.structs.replace(entry, pending=_pending(rest)), now)


def taken_back(entry: Entry, sid: str | None, now: str) -> Entry | None:
    """The entry of a registration whose action was undone: as before it; None where there was nothing before."""
    if not entry.sid:
        return None
    return stamped(msgspec.structs.replace(entry, sid=sid or entry.sid, pending=None, prior={}), now)


def rebased(entry: Entry, learned: Mapping[str, Value], now: str) -> Entry:
    """The entry of a number whose webhooks a platform has written: from now on that is what was applied."""
    parts = {part: learned[part] for part in entry.options.baseline or entry.applied if part in learned}
    return stamped(msgspec.structs.replace(entry, applied={**entry.applied, **parts}, normalised={}), now)


def stamped(entry: Entry, now: str) -> Entry:
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
    final = next((a.entry for a in reversed(chain) if a.entry is not None and (a.writes or a.clears)), None)
    if final is None:
        return None
    names = {name for action in chain for name in (*action.writes, *(("voice",) if action.clears else ()))}
    return {name: value for name, value in final.applied.items() if name in names}
