"""Change a number as Twilio's console does: by the rules of the API, with a user as the author."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.auth import Actor
from reconciler.sandbox.twilio.numbers import (
    EMERGENCY_STATES,
    NUMBERS,
    PARAMS,
    Number,
    set_fields,
    update_number,
)

DEFAULT_USER = "US" + "5a4db0" + "0" * 26
"""The author of an edit that names none."""

DEFAULT_ADDRESS = "203.0.113.7"
"""The IP address of an edit that names none."""

_STATE = "emergency_address_status"
_BY_FIELD = {param.field: param.name for param in PARAMS}


def console_user(sid: str = DEFAULT_USER, ip: str = DEFAULT_ADDRESS) -> Actor:
    """Return a user of the console as the author of a change."""
    return Actor(sid, type="user", source="web", ip=ip)


def edit_number(store: Store, name: str, *, fields: Mapping[str, object], actor: Actor) -> Number:
    """Change fields (``voice_url`` …; null clears) of the number with this E.164 or SID.

    Raises `KeyError` for a number that does not exist, `ValueError` for a field that cannot be
    edited, and `Refused` for a change that Twilio refuses. `emergency_address_status` is set as
    Twilio sets it once an emergency address is registered, or is not.
    """
    unknown = sorted(set(fields) - {*_BY_FIELD, _STATE})
    if unknown:
        raise ValueError(
            f"unknown field `{unknown[0]}`; known are {', '.join([*_BY_FIELD, _STATE])}"
        )
    state = fields.get(_STATE)
    if state is not None and state not in EMERGENCY_STATES:
        raise ValueError(f"`{_STATE}` is one of {', '.join(EMERGENCY_STATES)}")

    form = {_BY_FIELD[name]: _text(value) for name, value in fields.items() if name != _STATE}

    with store.lock:
        table = store.table(NUMBERS)
        number = table.get_by_key(name) or table.get(name)
        if number is None:
            raise KeyError(name)
        update_number(store, number, form=form, actor=actor)
        if state is not None:
            set_fields(store, number, values={_STATE: state}, actor=actor)
        return number


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
