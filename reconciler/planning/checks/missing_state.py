"""Find what a plan without its missing state gets wrong, by the newest stored version: resources
created twice, and numbers not imported; pure.

| resource in the stored version | plan without a state |
|---|---|
| a number | is imported, and keeps its prior values from the stored version |
| a number that the run leaves out | is refused: the new state would not know its prior values |
| another resource that still exists and would be created again | is refused: there would be two |
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
    """Return the addresses, sorted, that the plan would create although they still exist.

    `former` are the entries of the stored version.
    """
    if not former:
        return []

    existing = set()
    for live in observed.resources.values():
        existing.add((live.account, live.sid))

    duplicates = set()
    for action in actions:
        entry = former.get(action.address) if action.action == "create" else None
        if entry is not None and (entry.account, entry.sid) in existing:
            duplicates.add(action.address)
    return sorted(duplicates)


def find_forgotten(
    actions: Iterable[Action],
    former: Mapping[str, Entry],
    desired: Iterable[Desired],
    observed: Observed,
) -> list[str]:
    """Return the addresses, sorted, of numbers that the plan should import and does not.

    These numbers are in the stored version, declared and still on Twilio. A later run finds a state
    and does not read the stored version any more: it would import them with our own webhooks as
    their prior values.
    """
    recorded: dict[str, Entry] = {}
    for address, entry in former.items():
        if entry.kind in NUMBER_KINDS and entry.sid:
            recorded[address] = entry
    if not recorded:
        return []

    imported = {action.sid for action in actions if action.action == "import"}
    declared = {want.key for want in desired if want.kind in NUMBER_KINDS}
    forgotten = []
    for address, entry in recorded.items():
        is_declared = entry.key in declared or entry.sid in declared
        if entry.sid in imported or not is_declared:
            continue
        if observed.bound_number(entry.account, entry.key, entry.sid) is not None:
            forgotten.append(address)
    return sorted(forgotten)
