"""Add to the changes of one planned action who has set the values before, and return the actor that
all of them have in common; reads no event log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reconciler.model.action import Action, Change
from reconciler.model.actor import Actor, without_time
from reconciler.model.heal import GONE, PRESENT, Heal


def attribute_changes(action: Action, heals: Sequence[Heal]) -> list[Change]:
    """Return the changes of an action with the actor of each that overwrites drift.

    `heals` are those of its address. Actions of other reasons are returned as they are.
    """
    if not action.overwrites_drift:
        return list(action.changes)

    actors: dict[str, Actor | None] = {heal.field: heal.actor for heal in heals}
    changes: list[Change] = []
    for change in action.changes:
        actor: Actor | msgspec.UnsetType | None = None
        if action.creates or action.action == "delete":
            # The actor deleted, or added, the whole resource.
            actor = actors.get(GONE if action.creates else PRESENT)
        elif change.field in actors:
            actor = actors[change.field]
        elif action.reason == "conflict" and heals:
            actor = msgspec.UNSET
        changes.append(msgspec.structs.replace(change, actor=actor))
    return changes


def find_only_actor(changes: Iterable[Change]) -> Actor | None:
    """Return the actor of all changes that have one, at the last time; None where one is not known,
    or where there are several.
    """
    found: list[Actor] = []
    for change in changes:
        if change.actor is None:
            return None
        if change.actor is not msgspec.UNSET:
            found.append(change.actor)

    if len({without_time(actor) for actor in found}) != 1:
        return None
    return max(found, key=lambda actor: actor.time)
