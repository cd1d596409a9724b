"""Decide which heals of an interrupted run have happened: those whose value Twilio shows; pure.

A run records what it is about to put back before it writes. If it dies between the write and its
outcome, the next plan finds our value on Twilio.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.model.entry import Entry
from reconciler.model.heal import GONE, Heal, add_newer
from reconciler.model.live import Live
from reconciler.planning.decide.fields import flatten
from reconciler.planning.decide.live_values import live_attrs


def settle_heals(entry: Entry, live: Live) -> tuple[Heal, ...]:
    """Return the heals of a bound resource, with those of an interrupted run that have happened."""
    if not entry.healing:
        return entry.healed
    names = entry.pending or {"friendly_name": None, **live.attrs}
    shown = flatten(entry.kind, live_attrs(live, names))

    happened: list[Heal] = []
    for heal in entry.healing:
        if heal.field == GONE:
            happened.append(msgspec.structs.replace(heal, ours=live.sid))
        elif shown.get(heal.field) == heal.ours:
            happened.append(heal)
    return add_newer(entry.healed, happened)


def settle_deletions(before: Entry | None, live: Live) -> tuple[Heal, ...]:
    """Return the heals of an undeclared child that exists now; `before` is the entry of its address.

    With another SID it was deleted, and added again since.
    """
    if before is None:
        return ()
    happened: Iterable[Heal] = before.healing if before.sid != live.sid else ()
    return add_newer(before.healed, happened)
