"""The order in which actions are shown and started: what is referred to first, removals last and
the other way round.

Within one address the order in which the planner gave them is kept: it is what keeps a number
reachable. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.kinds.table import KINDS, NUMBER_KINDS, RANKS, REGISTRATION
from reconciler.model.action import Action


def sort_safely(actions: Iterable[Action]) -> list[Action]:
    """Sort by rank and address, and let every removal wait for whatever still uses it."""
    actions = list(actions)
    leaving = {
        a.address
        for a in actions
        if a.kind == REGISTRATION and a.action in ("unregister", "forget")
    }
    ordered = sorted(actions, key=lambda action: _key(action, leaving))
    waits = _waits(ordered)
    present = {action.address for action in ordered}
    return [_with_after(action, waits, present) for action in ordered]


_BEFORE_NUMBERS = 25


def _key(action: Action, leaving: set[str]) -> tuple[bool, int, str]:
    """A number that stays and leaves its platform does so before anything is written to it."""
    if action.address in leaving and action.reason != "removed":
        return (False, _BEFORE_NUMBERS, action.address)
    if action.unhides:
        return (False, RANKS[REGISTRATION] + 1, action.address)
    removal = action.removes or action.address in leaving
    rank = RANKS[action.kind]
    return (removal, -rank if removal else rank, action.address)


def _waits(actions: list[Action]) -> dict[str, list[str]]:
    """Map addresses to those their actions wait for, beyond what the planner has set.

    | action                             | waits for                                                   |
    |------------------------------------|-------------------------------------------------------------|
    | delete a trunk, an application     | what hangs below it, and the numbers that leave it          |
    | delete a list                      | what is on it, unless that waits for the list, and the      |
    |                                    | trunks that use it no longer                                |
    | delete what hangs below a resource | what comes or changes below it, and as above                |
    | (a number) joins a trunk           | what comes or changes below the trunk                       |
    """
    waits: dict[str, list[str]] = {}
    children: dict[str, list[Action]] = {}
    for action in actions:
        if action.parent is not None:
            children.setdefault(action.parent, []).append(action)
    for above, below in children.items():
        arriving = waits[f"into {above}"] = [
            a.address for a in below if a.action in ("create", "update")
        ]
        leaving = _list_leaving(actions, above)
        waits |= {a.address: [*arriving, *leaving] for a in below if a.action == "delete"}
    for action in actions:
        if action.action == "delete" and action.parent is None:
            below = children.get(action.address, [])
            ended = [a.address for a in actions if a.action == "delete" and _refers_to(a, action)]
            waits[action.address] = [
                *(a.address for a in below if action.address not in a.depends_on),
                *ended,
                *_list_leaving(actions, action.address, action.sid),
            ]
    return waits


def _refers_to(action: Action, to: Action) -> bool:
    return (
        action.kind in KINDS
        and KINDS[action.kind].refers == to.kind
        and action.address.endswith("/" + to.address.split("/", 1)[1])
    )


ROUTE_SID_FIELDS = {
    "trunk": ("trunk_sid",),
    "application": ("voice_application_sid", "sms_application_sid"),
}
"""The fields of a number that hold the SID of a resource of this kind."""

_SHOWN = {"trunk": ("trunk",), "application": ("voice_application", "sms_application")}
"""The same fields as changes call them."""


def leaves_resource(action: Action, kind: str, called: Collection[str]) -> bool:
    """Return whether a number's action takes it off this trunk or application, `called` by name or
    by SID.
    """
    if action.kind not in NUMBER_KINDS:
        return False
    if action.route is not None and action.route.before in [f"{kind} {name}" for name in called]:
        return True
    shown = (*ROUTE_SID_FIELDS[kind], *_SHOWN[kind])
    return any(change.field in shown and change.before in called for change in action.changes)


def _list_leaving(actions: list[Action], above: str, sid: str | None = None) -> list[str]:
    kind, _, name = above.partition("/")
    called = (name, sid) if sid else (name,)
    return (
        sorted({a.address for a in actions if leaves_resource(a, kind, called)})
        if kind in ROUTE_SID_FIELDS
        else []
    )


def _with_after(action: Action, waits: dict[str, list[str]], present: set[str]) -> Action:
    into = [
        need
        for trunk in action.depends_on
        for need in waits.get(f"into {trunk}", ())
        if action.kind in NUMBER_KINDS
    ]
    needs = dict.fromkeys((*action.depends_on, *into, *waits.get(action.address, ())))
    after = tuple(need for need in needs if need in present and need != action.address)
    return (
        action if after == action.depends_on else msgspec.structs.replace(action, depends_on=after)
    )
