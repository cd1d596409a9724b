"""Split a write that sets or clears the trunk or application that hides a number's URLs: send the
first part, read it back, and return the second part unsent.

On Twilio a trunk hides an application, and both hide the URLs. A reply may show a field that was
not stored. So when one write changes both the URLs and the trunk or application
that hides them, it is sent in two parts:

| the write          | first part                   | second part, after a read has shown the first |
|--------------------|------------------------------|-----------------------------------------------|
| sets what hides    | the trunk or the application | the URLs behind it                            |
| clears what hides  | the URLs behind it           | the clearing, with the URLs once more         |

The first part is left out when a read shows that it is in place already. Every other write stays a
single call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reconciler.execution.outcome import Failure, Outcome
from reconciler.execution.verify import fields_sent, find_unconfirmed
from reconciler.kinds.kind import Params
from reconciler.kinds.number import DEFAULT_METHOD, NUMBER, PARAMS, PARTS, hook_params
from reconciler.model.action import Action
from reconciler.model.route import Value, Webhook, Wire, WireValue

Row = Mapping[str, Any]
_COVERS = {"voice": ("TrunkSid", "VoiceApplicationSid"), "sms": ("SmsApplicationSid",)}
"""Part of a number → the parameters that hide its URLs."""


class TwoWrites(NamedTuple):
    """The two parts of a write, and the fields of the first that must be seen before the second is
    sent.
    """

    first: Params
    second: Params
    expected: dict[str, WireValue]


class RemainingWrite(NamedTuple):
    """The write that is still to be sent; not when `missing` names fields that a read does not
    show.
    """

    params: Params
    missing: list[str]


def split_write(params: Params) -> TwoWrites | None:
    """Return the two parts of a write to a number; None for one that can neither uncover nor hide
    anything else.
    """
    first = dict(params)
    second: Params = {}
    routes: Params = {}
    for part, covers in _COVERS.items():
        hidden: Params = {}
        hiding: Params = {}
        for name, value in params.items():
            if name in covers:
                hiding[name] = value
            elif _is_hidden(part, name):
                hidden[name] = value

        if any(hiding.values()) and hidden:
            # The write hides the URLs: send what hides them first.
            second |= hidden
            routes |= hiding
            for name in hidden:
                first.pop(name, None)
        elif hiding and not any(hiding.values()):
            # The write uncovers the URLs: send them first.
            second |= {**hidden, **hiding}
            routes |= hidden
            for name in hiding:
                first.pop(name, None)

    return TwoWrites(first, second, fields_sent(NUMBER, routes)) if second else None


def split_action(action: Action, params: Params) -> TwoWrites | None:
    """Return the two parts of the write of an action; None for a single call.

    Before a trunk is taken off, a read must show the webhook behind it. The webhooks of a platform
    (`unhides`) were checked when the platform was done.
    """
    # Fast path: most writes do not touch what hides URLs.
    touches_cover = any(not params.keys().isdisjoint(covers) for covers in _COVERS.values())
    parts = split_write(params) if touches_cover else None
    if parts is None or action.unhides:
        return None

    if action.action == "detach_trunk" and action.entry is not None and not parts.expected:
        behind = hook_params("voice", _webhook(action.entry.last_applied.get("voice")))
        return TwoWrites(behind, parts.second, fields_sent(NUMBER, behind))
    return parts if parts.expected else None


def prepare_switch(
    parts: TwoWrites,
    params: Params,
    before: Wire,
    shown: Row,
    write: Callable[[Params], Row],
    read: Callable[[], Row],
) -> RemainingWrite:
    """Write the first part unless it is in place already, and return what is to be sent after it.

    `before` is what the plan has seen, `shown` the reply to an earlier write of this run, empty
    without one. What a read does not show is sent once more. Raises what `write` and `read` raise.
    """
    # Ask Twilio only where what is known already shows the route.
    expected = _as_in_row(parts.expected, shown)
    if not find_missing(expected, {**before, **shown}) and not find_missing(expected, read()):
        whole = params if parts.first.keys() <= params.keys() else parts.second
        return RemainingWrite(whole, [])

    missing: list[str] = []
    for _ in range(2):
        reply = write(parts.first)
        expected = _as_in_row(parts.expected, reply)
        missing = find_missing(expected, read())
        if not missing:
            break
    return RemainingWrite(parts.second, missing)


def _as_in_row(expected: Wire, row: Row) -> dict[str, WireValue]:
    """Return the expected fields, each in the form in which this row shows it."""
    return {field: _as_shown(field, value, row) for field, value in expected.items()}


def find_missing(expected: Wire, row: Row) -> list[str]:
    """Return the fields of a route that a row does not show; a method that it leaves out is the
    default.
    """
    stored: dict[str, Any] = {}
    for field in expected:
        stored[field] = row.get(field) or (DEFAULT_METHOD if field.endswith("_method") else "")
    return find_unconfirmed(expected, stored)


def hides_webhooks(row: Row) -> bool:
    """Return whether a trunk or an application of this number answers in place of its URLs."""
    return bool(
        row.get("trunk_sid") or row.get("voice_application_sid") or row.get("sms_application_sid")
    )


def missing_route_outcome(action: Action, fields: list[str]) -> Outcome:
    """Return the outcome of an action that has left a number on its former route."""
    message = (
        f"Twilio accepted the write for {action.address}, but a read afterwards does not show it in "
        f"{', '.join(fields)}, even after one repair. The number stays on the route that answers it now, "
        "so that calls are not lost. Run apply again. If it happens again, set the field in Twilio's "
        "console to see why it is refused."
    )

    # The webhook was to take the place of a trunk; otherwise a value was dropped.
    if action.action == "detach_trunk":
        return Outcome(
            action=action, status="failed", error=Failure("webhook_not_written", message)
        )
    return Outcome(action=action, status="dropped", error=Failure("write_dropped", message))


def _as_shown(field: str, value: WireValue, shown: Row) -> WireValue:
    """Return the value in the form in which Twilio has shown it; only text that is not empty has
    another form.
    """
    return shown.get(field) or value if value else value


def _is_hidden(part: str, param: str) -> bool:
    return param not in _COVERS[part] and param in {PARAMS[field] for field in PARTS[part]}


def _webhook(value: Value) -> Webhook | None:
    return value if isinstance(value, Webhook) else None
