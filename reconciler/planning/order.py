"""The order in which actions are shown and started: what is referred to first, removals last and the other way round.

Within one address the order in which the planner gave them is kept: it is what keeps a number reachable. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.kinds.table import NUMBER_KINDS, RANKS, REGISTRATION
from reconciler.model import Action

_REMOVALS = frozenset({"delete", "release", "restore_webhooks", "forget", "unregister"})


def in_safe_order(actions: Iterable[Action]) -> list[Action]:
    """Sort by rank and address, and let every removal wait for what it would pull the ground from under."""
    actions = list(actions)
    leaving = {a.address for a in actions if a.kind == REGISTRATION and a.action in ("unregister", "forget")}
    ordered = sorted(actions, key=lambda action: _key(action, leaving))
    waits = _waits(ordered)
    present = {action.address for action in ordered}
    return [_with_after(action, waits, present) for action in ordered]


_BEFORE_NUMBERS = 25


def _key(action: Action, leaving: set[str]) -> tuple[bool, int, str]:
    """A number that stays and leaves its platform does so before anything is written to it."""
    if action.address in leaving and action.reason != "removed":
        return (False, _BEFORE_NUMBERS, action.address)
    removal = action.action in _REMOVALS or action.address in leaving
    rank = RANKS[action.kind]
    return (removal, -rank if removal else rank, action.address)


def _waits(actions: list[Action]) -> dict[str, list[str]]:
    """For each address, beyond what the planner said: whom its actions have to wait for.

    | action                       | waits for                                                       |
    |------------------------------|-----------------------------------------------------------------|
    | delete a trunk               | what hangs below it, and the numbers that leave it              |
    | delete an origination URL    | those that come or change on the same trunk, and as above       |
    | (a number) joins a trunk     | the origination URLs that come or change on it                  |
    """
    waits: dict[str, list[str]] = {}
    children: dict[str, list[Action]] = {}
    for action in actions:
        if action.parent is not None:
            children.setdefault(action.parent, []).append(action)
    for trunk, below in children.items():
        arriving = waits[f"into {trunk}"] = [a.address for a in below if a.action in ("create", "update")]
        leaving = _leaving(actions, trunk)
        waits |= {a.address: [*arriving, *leaving] for a in below if a.action == "delete"}
    for action in actions:
        if action.action == "delete" and action.kind == "trunk":
            below = children.get(action.address, [])
            waits[action.address] = [*(a.address for a in below), *_leaving(actions, action.address)]
    return waits


def _leaving(actions: list[Action], trunk: str) -> list[str]:
    route = "trunk " + trunk.partition("/")[2]
    return sorted({a.address for a in actions if a.route is not None and a.route.before == route})


def _with_after(action: Action, waits: dict[str, list[str]], present: set[str]) -> Action:
    into = [need for trunk in action.after for need in waits.get(f"into {trunk}", ()) if action.kind in NUMBER_KINDS]
    needs = dict.fromkeys((*action.after, *into, *waits.get(action.address, ())))
    after = tuple(need for need in needs if need in present and need != action.address)
    return action if after == action.after else msgspec.structs.replace(action, after=after)
