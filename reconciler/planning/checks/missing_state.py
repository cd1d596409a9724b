"""What a state that is gone still says, by the newest version of it that is kept; pure.

| of what it held | a plan upon nothing |
|---|---|
| a number | is imported, and keeps the values from before that stand there |
| a number that the run leaves out | is refused: the state that begins would not know that there was another |
| anything else that is still there and would be made again | is refused: there would be two of it |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.observed import Observed


def find_duplicates(
    actions: Iterable[Action], former: Mapping[str, Entry], observed: Observed
) -> list[str]:
    """The addresses, sorted, that would be made although a former state had them and they are still
    there.
    """
    if not former:
        return []
    there = {(live.account, live.sid) for live in observed.resources.values()}
    made = {action.address for action in actions if action.action == "create"}
    return sorted(
        a
        for a in made
        if (entry := former.get(a)) is not None and (entry.account, entry.sid) in there
    )


def find_forgotten(
    actions: Iterable[Action],
    former: Mapping[str, Entry],
    desired: Iterable[Desired],
    observed: Observed,
) -> list[str]:
    """The addresses, sorted, of numbers that a former state had, that are declared and there, and
    are not imported.

    Once a state has begun anew nobody looks for a former one: they would be imported later with our
    own webhooks as the values from before.
    """
    known = {
        address: entry
        for address, entry in former.items()
        if entry.kind in NUMBER_KINDS and entry.sid
    }
    if not known:
        return []
    imported = {action.sid for action in actions if action.action == "import"}
    declared = {want.key for want in desired if want.kind in NUMBER_KINDS}
    return sorted(
        address
        for address, entry in known.items()
        if entry.sid not in imported
        and not declared.isdisjoint((entry.key, entry.sid))
        and observed.bound_number(entry.account, entry.key, entry.sid) is not None
    )
