"""Define `Actor`, the user or program that made a change on Twilio, and describe it in words; reads
no event log.
"""

from __future__ import annotations

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """The user or program that made one change, as Twilio's event log has it.

    `type` is user (somebody in the console), account (the API), twilio-admin …; `via` is console,
    api or twilio. `sid` and `ip` are null where Twilio does not name them.
    """

    sid: str | None
    type: str
    via: str
    ip: str | None
    time: str


def without_time(actor: Actor | None) -> Actor | None:
    """Return the actor without the time, by which changes of one actor differ."""
    return msgspec.structs.replace(actor, time="") if actor is not None else None


_PLACES = {"console": "in the console", "api": "through the API"}


def describe_actor(actor: Actor) -> str:
    """Return who made a change, from where and when."""
    return f"{describe_origin(actor)} at {actor.time}"


def describe_origin(actor: Actor) -> str:
    """Return who made a change and from where."""
    words = [actor.type, actor.sid or "", _PLACES.get(actor.via, f"by {actor.via}")]
    if actor.ip:
        words.append(f"from {actor.ip}")
    return " ".join([word for word in words if word])
