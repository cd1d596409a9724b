"""Define `Heal`, a foreign value that an apply overwrites with the value of this project, and keep
the newest of them; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reconciler.model.actor import Actor
from reconciler.model.route import WireValue

MOST_HEALS = 20
"""The most heals that the state keeps of one address; the oldest are forgotten."""
GONE = "sid"
"""The field of a heal that made a deleted resource again: `ours` is the new SID."""
PRESENT = "present"
"""The field of a heal that deleted an undeclared child."""


class Heal(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """One drifted field that was put back: the value that somebody else had set, and ours.

    Credentials in a foreign URL are masked. `actor` had set the foreign value; it is null where
    that is not known. `time` is when it was put back (RFC 3339 in UTC).
    """

    field: str
    foreign: WireValue
    ours: WireValue
    actor: Actor | None = None
    time: str = ""


def add_newer(heals: Sequence[Heal], more: Iterable[Heal]) -> tuple[Heal, ...]:
    """Return the newest of both, oldest first; `more` have happened after the others."""
    return tuple([*heals, *more][-MOST_HEALS:])


def join_heals(heals: Sequence[Heal], others: Iterable[Heal]) -> tuple[Heal, ...]:
    """Return the newest of two records of one address, oldest first; what both have counts once."""
    missing = [heal for heal in others if heal not in heals]
    if not missing:
        return tuple(heals)
    joined = sorted([*heals, *missing], key=lambda heal: heal.time)
    return tuple(joined[-MOST_HEALS:])
