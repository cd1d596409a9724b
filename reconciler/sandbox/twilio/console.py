"""Somebody changes a number in Twilio's console: the rules of the API, told as done by a user from the web."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.auth import Actor
from reconciler.sandbox.twilio.numbers import NUMBERS, PARAMS, Number, update_number

DEFAULT_USER = "US" + "5a4db0" + "0" * 26
"""The user who did it, when nobody is named."""

DEFAULT_ADDRESS = "203.0.113.7"
"""The address from which it was done, when none is named."""

_BY_FIELD = {param.field: param.name for param in PARAMS}


def console_user(sid: str = DEFAULT_USER, ip: str = DEFAULT_ADDRESS) -> Actor:
    """A user of the console."""
    return Actor(sid, type="user", source="web", ip=ip)


def edit_number(store: Store, name: str, *, fields: Mapping[str, object], actor: Actor) -> Number:
    """Change fields (``voice_url`` …; null clears) of the number with this E.164 or SID.

    Raises `KeyError` for a number that is not there, `ValueError` for a field that cannot be edited, `Refused` for what
    Twilio refuses.
    """
    unknown = sorted(set(fields) - set(_BY_FIELD))
    if unknown:
        raise ValueError(f"unknown field `{unknown[0]}`; known are {', '.join(_BY_FIELD)}")
    form = {_BY_FIELD[field]: _text(value) for field, value in fields.items()}
    with store.lock:
        table = store.table(NUMBERS)
        number = table.get_by_key(name) or table.get(name)
        if number is None:
            raise KeyError(name)
        update_number(store, number, form=form, actor=actor)
        return number


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
