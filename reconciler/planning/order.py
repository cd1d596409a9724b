"""The order in which actions are shown and started: what is referred to first, removals last and the other way round.

Within one address the order in which the planner gave them is kept: it is what keeps a number reachable. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.kinds.table import KINDS
from reconciler.model import Action

_REMOVALS = frozenset({"delete", "release", "restore_webhooks", "forget", "unregister"})


def in_safe_order(actions: Iterable[Action]) -> list[Action]:
    """Sort by rank and address, and let every removal wait for what it would pull the ground from under."""
    ordered = sorted(actions, key=_key)
    waits = _waits(ordered)
    present = {action.address for action in ordered}
    return [_with_after(action, waits, present) for action in ordered]


def _key(action: Action) -> tuple[bool, int, str]:
    removal = action.action in _REMOVALS
    rank = KINDS[action.kind].rank
    return (removal, -rank if removal else rank, action.address)


def _waits(actions: list[Action]) -> dict[str, list[str]]:
    """For each trunk to delete: the addresses that have to leave it first."""
    deletes = {a.address for a in actions if a.action == "delete" and a.kind == "trunk"}
    if not deletes:
        return {}
    children = {address: [a.address for a in actions if a.parent == address] for address in deletes}
    leaving = sorted({a.address for a in actions if a.route is not None or "trunk_sid" in a.restore})
    return {address: [*children[address], *leaving] for address in deletes}


def _with_after(action: Action, waits: dict[str, list[str]], present: set[str]) -> Action:
    after = tuple(a for a in (*action.after, *waits.get(action.address, ())) if a in present and a != action.address)
    return action if after == action.after else msgspec.structs.replace(action, after=after)
