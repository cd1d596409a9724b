"""Sort actions: referred resources first, then those that refer to them; removals last and reversed.

Within one address the order of the planner is kept: it keeps a number reachable. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import KIND as MESSAGING_SERVICE
from reconciler.kinds.number import SID_FIELDS
from reconciler.kinds.platforms.kind import uses_own_trunk
from reconciler.kinds.table import KINDS, NUMBER_KINDS, RANKS, REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import Address


def sort_safely(actions: Iterable[Action]) -> list[Action]:
    """Sort by rank and address, and let every removal wait for whatever still uses it."""
    actions = list(actions)
    leaving: set[str] = set()
    for action in actions:
        if action.kind == REGISTRATION and action.action in ("unregister", "forget"):
            leaving.add(action.address)

    ordered = sorted(actions, key=lambda action: _sort_key(action, leaving))
    waits = _find_waits(ordered)
    present = {action.address for action in ordered}
    return [_add_dependencies(action, waits, present) for action in ordered]


_BEFORE_NUMBERS = 25


def _sort_key(action: Action, leaving: set[str]) -> tuple[bool, int, str]:
    # A number that stays and leaves its platform does so before anything is written to it.
    # One that has a trunk of ours leaves after its calls have another route.
    if action.address in leaving and action.parent in action.depends_on:
        return (True, -_BEFORE_NUMBERS, action.address)
    if action.address in leaving and action.reason != "removed":
        return (False, _BEFORE_NUMBERS, action.address)

    # Calls are switched to a platform after it has registered the number.
    if action.waits_midway:
        return (False, RANKS[REGISTRATION] + 1, action.address)

    is_removal = action.removes or action.address in leaving
    rank = RANKS[action.kind]
    return (is_removal, -rank if is_removal else rank, action.address)


class _Waits(NamedTuple):
    """The addresses to wait for, by the address that waits.

    `into` are those that a number or a platform waits for which gets a trunk, by the address of the
    trunk.
    """

    of_address: dict[str, list[str]]
    into: dict[str, list[str]]


def _find_waits(actions: list[Action]) -> _Waits:
    """Map addresses to those their actions wait for, beyond what the planner has set.

    | action                             | waits for                                                   |
    |------------------------------------|-------------------------------------------------------------|
    | delete a trunk, an application     | what hangs below it, and the numbers that leave it          |
    | delete a list                      | what is on it, unless that waits for the list, and the      |
    |                                    | trunks that use it no longer                                |
    | delete what hangs below a resource | what comes or changes below it, and as above                |
    | (a number) joins a trunk           | what comes or changes below the trunk                       |
    | (a platform) gets a trunk          | the same                                                    |
    | delete a trunk, its URLs and users | the registrations on platforms that use or leave a trunk    |
    """
    children: dict[str, list[Action]] = {}
    for action in actions:
        if action.parent is not None:
            children.setdefault(action.parent, []).append(action)

    waits = _Waits({}, {})
    for above, below in children.items():
        arriving = waits.into[above] = []
        for child in below:
            if child.action in ("create", "update"):
                arriving.append(child.address)

        leaving = _list_leaving(actions, above)
        for child in below:
            if child.action == "delete":
                waits.of_address[child.address] = [*arriving, *leaving]

    for action in actions:
        if action.action == "delete" and action.parent is None:
            below = children.get(action.address, [])
            waits.of_address[action.address] = _list_waits_of_deletion(action, below, actions)

    by_trunk = _list_registrations_by_trunk(actions)
    for action in actions if by_trunk else ():
        if action.action == "delete":
            own = waits.of_address.get(action.address, [])
            waits.of_address[action.address] = [*own, *by_trunk]
    return waits


def _list_registrations_by_trunk(actions: Iterable[Action]) -> list[str]:
    """List the registrations that change or end, and whose platforms call through our trunks."""
    found: dict[str, None] = {}
    for action in actions:
        if action.kind != REGISTRATION or action.entry is None:
            continue
        if uses_own_trunk(action.entry.last_applied):
            found[action.address] = None
    return list(found)


def _list_waits_of_deletion(
    deletion: Action, below: Iterable[Action], actions: list[Action]
) -> list[str]:
    """List the addresses that the deletion of a trunk, a list or an application waits for."""
    children = [child.address for child in below if deletion.address not in child.depends_on]

    ended_uses: list[str] = []
    for action in actions:
        if action.action == "delete" and _refers_to(action, deletion):
            ended_uses.append(action.address)

    leaving = _list_leaving(actions, deletion.address, deletion.sid)
    return [*children, *ended_uses, *leaving]


def _refers_to(action: Action, other: Action) -> bool:
    """Return whether an action is about the use of a list that another action is about."""
    if action.kind not in KINDS or KINDS[action.kind].refers != other.kind:
        return False
    return action.address.endswith("/" + Address.parse(other.address).name)


ROUTE_SID_FIELDS = {
    "trunk": ("trunk_sid",),
    "application": ("voice_application_sid", "sms_application_sid"),
    MESSAGING_SERVICE: (MEMBERSHIP,),
}
"""The fields of a number that hold the SID of a resource of this kind."""


def leaves_resource(action: Action, kind: str, names: Collection[str]) -> bool:
    """Return whether a number's action takes it off this trunk or application, in any part.

    `names` are the name and the SID of the resource.
    """
    return bool(find_left_fields(action, kind, names))


def find_left_fields(action: Action, kind: str, names: Collection[str]) -> set[str]:
    """Return the fields (`trunk_sid` …) in which a number's action ends the use of this resource.

    A number may use one application for its calls and for its messages: to leave it for one part
    is not to leave it for the other.
    """
    if action.kind not in NUMBER_KINDS:
        return set()

    left: set[str] = set()
    fields = ROUTE_SID_FIELDS[kind]
    if action.route is not None and action.route.before in [f"{kind} {name}" for name in names]:
        left.add(fields[0])  # the route is that of the calls

    for change in action.changes:
        field = SID_FIELDS.get(change.field, change.field)
        if field in fields and change.before in names:
            left.add(field)
    return left


def _list_leaving(actions: list[Action], above: str, sid: str | None = None) -> list[str]:
    """List the numbers that leave the trunk or application at this address."""
    kind, name = Address.parse(above)
    if kind not in ROUTE_SID_FIELDS:
        return []

    names = (name, sid) if sid else (name,)
    leaving = {action.address for action in actions if leaves_resource(action, kind, names)}
    return sorted(leaving)


def _add_dependencies(action: Action, waits: _Waits, present: set[str]) -> Action:
    """Return the action with all addresses of the plan that it waits for, each once."""
    # Most actions wait for nothing.
    own = waits.of_address.get(action.address, ())
    if not action.depends_on and not own:
        return action

    needs = dict.fromkeys(action.depends_on)
    if action.kind in NUMBER_KINDS or action.kind == REGISTRATION:
        for joined in action.depends_on:
            needs |= dict.fromkeys(waits.into.get(joined, ()))
    needs |= dict.fromkeys(own)

    depends_on = tuple([need for need in needs if need in present and need != action.address])
    if depends_on == action.depends_on:
        return action
    return msgspec.structs.replace(action, depends_on=depends_on)
