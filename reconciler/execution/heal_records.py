"""Record which drift an action is about to put back and has put back, in the entry that the run
records anyway. No I/O.

| record of the run  | `healing`                       | `healed`                        |
|--------------------|---------------------------------|---------------------------------|
| intent             | what the actions will put back  | as before                       |
| success of a step  | what the remaining steps will   | also what this step has put back |
| failure of a step  | as in the intent                | as before                       |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.heal import GONE, PRESENT, Heal, add_newer, join_heals

Heals = Mapping[str, Sequence[Heal]]
"""The drift that a plan puts back, by address."""
NO_HEALS: Heals = {}


def add_heals(
    entry: Entry,
    former: Entry | None,
    heals: Heals,
    now: str,
    *,
    rest: Iterable[Action],
    done: Action | None = None,
    sid: str | None = None,
) -> Entry:
    """Return an entry to record with the heals of its address.

    `former` is the entry before, whose heals are kept, `done` the action that has succeeded, `rest`
    are those that are still to come; `sid` is the SID of a resource that was made again.
    """
    recorded = former.healed if former is not None else ()
    happened = _stamp(_heals_of(done, heals, former), now, sid) if done is not None else ()
    planned: list[Heal] = []
    for action in rest:
        planned += _stamp(_heals_of(action, heals, former), now)

    # Hardly any entry has heals: the others stay the same objects.
    if not (recorded or happened or planned or entry.healed or entry.healing):
        return entry
    healed = add_newer(join_heals(recorded, entry.healed), happened)
    return msgspec.structs.replace(entry, healed=healed, healing=tuple(planned))


def _heals_of(action: Action, heals: Heals, former: Entry | None) -> list[Heal]:
    """Return the heals of one action: those of the fields that it changes."""
    of_address = heals.get(action.address, ())
    if action.creates:
        # A run that died before its create has left an entry without a SID, which looks new.
        begun = former.healing if former is not None else ()
        return [heal for heal in (*of_address, *begun) if heal.field == GONE][:1]
    if not (of_address and action.overwrites_drift):
        return []

    fields = {change.field for change in action.changes}
    if action.action == "delete":
        fields = {PRESENT}
    return [heal for heal in of_address if heal.field in fields]


def _stamp(heals: Iterable[Heal], now: str, sid: str | None = None) -> tuple[Heal, ...]:
    stamped: list[Heal] = []
    for heal in heals:
        ours = sid if heal.field == GONE and sid else heal.ours
        stamped.append(msgspec.structs.replace(heal, ours=ours, time=now))
    return tuple(stamped)
