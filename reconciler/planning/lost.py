"""What a state that is gone still says, by the newest version of it that is kept; pure.

| of what it held | a plan upon nothing |
|---|---|
| a number | is imported, and keeps the values from before that stand there |
| anything else that is still there and would be made again | is refused: there would be two of it |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model import Action, Entry
from reconciler.planning.observed import Observed


def numbers_of(*held: Iterable[Entry]) -> dict[str, Entry]:
    """The entries of numbers by SID; of several about one number the last one counts."""
    return {entry.sid: entry for entries in held for entry in entries if entry.kind in NUMBER_KINDS and entry.sid}


def made_twice(actions: Iterable[Action], former: Mapping[str, Entry], observed: Observed) -> list[str]:
    """The addresses, sorted, that would be made although a former state had them and they are still there."""
    if not former:
        return []
    there = {(live.account, live.sid) for live in observed.others.values()}
    made = {action.address for action in actions if action.action == "create"}
    return sorted(a for a in made if (entry := former.get(a)) is not None and (entry.account, entry.sid) in there)
