"""Move the actions that switch a number's calls to its platform to the end, after the platform has
registered the number; pure.

On Twilio a trunk hides an application and an application hides a URL. A platform that is reached by
webhooks writes them behind what hides them. So the trunk or application is taken off last: if the
platform refuses the number, its calls go where they went before.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.model.action import Action, Change, RouteChange
from reconciler.model.live import Live
from reconciler.model.route import Value

_SHOWN_AS = {
    "trunk_sid": "trunk",
    "voice_application_sid": "voice_application",
    "sms_application_sid": "sms_application",
}
"""Wire field that hides a webhook → the field of a change that shows it."""


def switch_last(
    actions: Sequence[Action], live: Live, registrations: Sequence[Action]
) -> list[Action]:
    """Return a number's actions with those that uncover its webhooks at the end, waiting for its
    registration.

    `registrations` are the actions of this number on its platform.
    """
    if not registrations or not any(action.unset for action in actions):
        return list(actions)

    # What is not uncovered yet is still as Twilio shows it: the planned entries know only the end
    # of the chain.
    first: list[Action] = []
    last: list[Action] = []
    for action in actions:
        if action.unset:
            last.append(_clear_only(action, registrations))
        else:
            first.append(_record_live_parts(action, live))
    return [*first, *last]


def attach_last(actions: Sequence[Action], registrations: Sequence[Action]) -> list[Action]:
    """Return a number's actions with all writes waiting for its registration, if one of them joins
    the number to its trunk.

    The trunk leads to the platform, which would reject the calls of a number that it does not have;
    if it refuses the number, nothing has been written. A trunk that somebody has taken off is put
    back at once where the platform has the number.
    """
    if not any(action.action == "attach_trunk" for action in actions):
        return list(actions)

    missing = [each for each in registrations if each.action in ("register", "reassign")]
    waiting: list[Action] = []
    for action in actions:
        needed = missing if action.overwrites_drift else registrations
        if needed and action.action not in ("import", "purchase"):
            depends_on = (*action.depends_on, needed[-1].address)
            action = msgspec.structs.replace(action, depends_on=depends_on, joins=True)
        waiting.append(action)
    return waiting


def _record_live_parts(action: Action, live: Live) -> Action:
    """Let the entry of an action before the switch hold the live values of what a platform writes."""
    entry = action.entry
    if entry is None:
        return action

    shown: dict[str, Value] = {
        part: live.attrs.get(part) for part in entry.options.platform_written
    }
    applied = {**entry.last_applied, **shown, **action.set}
    entry = msgspec.structs.replace(entry, last_applied=applied)
    return msgspec.structs.replace(action, entry=entry)


def _clear_only(action: Action, registrations: Sequence[Action]) -> Action:
    """Keep only what is cleared: the platform writes the webhooks behind it."""
    shown = {_SHOWN_AS[field] for field in action.unset if field in _SHOWN_AS}
    changes: list[Change] = []
    for change in action.changes:
        if change.field in shown:
            changes.append(Change(change.field, change.before, None))

    # From the switch on, calls take the route that the registration has set up.
    last = registrations[-1]
    route = action.route
    if route is not None and last.route is not None:
        route = RouteChange(route.before, last.route.after)

    return msgspec.structs.replace(
        action,
        set={},
        changes=tuple(changes),
        route=route,
        unhides=True,
        depends_on=(*action.depends_on, last.address),
    )
