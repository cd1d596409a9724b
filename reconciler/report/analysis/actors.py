"""Return a text that names who changed resources that drifted alike, and when, by field where
actors differ; remove the time from an actor, to compare actors.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.model.actor import Actor, describe_origin
from reconciler.planning.decide.drift import Drifted
from reconciler.report.wording import printable


def without_time(actor: Actor | None) -> Actor | None:
    """Return the actor without the time, by which changes of one actor differ."""
    return msgspec.structs.replace(actor, time="") if actor is not None else None


def describe_actors(found: Sequence[Drifted]) -> str:
    """Return who changed these resources; empty where nothing is known.

    | actors of the fields   | text                                        |
    |------------------------|---------------------------------------------|
    | one for all fields     | ``by user US1 in the console at 12:00``     |
    | several, or some known | ``voice_url by user US1 …; sms_url by unknown`` |
    | none known             | empty                                       |
    """
    texts: dict[str, str] = {}
    for index, field in enumerate(found[0].fields):
        actors = [drifted.fields[index].actor for drifted in found]
        texts[field.field] = _describe([actor for actor in actors if actor is not None])

    different = set(texts.values())
    if different == {""}:
        return ""
    if len(different) == 1:
        return printable(f"by {different.pop()}")
    return printable("; ".join(f"{name} by {text or 'unknown'}" for name, text in texts.items()))


def _describe(actors: Sequence[Actor]) -> str:
    if not actors:
        return ""
    first, last = min(actor.time for actor in actors), max(actor.time for actor in actors)
    time = f"at {first}" if first == last else f"from {first} to {last}"
    return f"{describe_origin(actors[0])} {time}"
