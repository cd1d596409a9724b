"""Return a text that names who changed resources that drifted alike, and when, by field where
actors differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reconciler.model.action import Change
from reconciler.model.actor import Actor, describe_origin
from reconciler.planning.decide.drift import Drifted
from reconciler.report.wording import printable

FieldActors = Sequence[tuple[str, Actor | None]]
"""The names of the drifted fields of one resource, each with who changed it."""


def actors_of_drift(drifted: Drifted) -> FieldActors:
    """Return the fields of a resource that drifted, with their actors."""
    return [(field.field, field.actor) for field in drifted.fields]


def actors_of_changes(changes: Iterable[Change]) -> FieldActors:
    """Return the changes that overwrite drift, with who set the value before."""
    found: list[tuple[str, Actor | None]] = []
    for change in changes:
        if change.actor is not msgspec.UNSET:
            found.append((change.field, change.actor))
    return found


def describe_actors(found: Sequence[FieldActors]) -> str:
    """Return who changed these resources, which have the same fields; empty where nothing is known.

    | actors of the fields   | text                                        |
    |------------------------|---------------------------------------------|
    | one for all fields     | ``by user US1 in the console at 12:00``     |
    | several, or some known | ``voice_url by user US1 …; sms_url by unknown`` |
    | none known             | empty                                       |
    """
    texts: dict[str, str] = {}
    for index, (name, _) in enumerate(found[0]):
        actors = [fields[index][1] for fields in found]
        texts[name] = _describe([actor for actor in actors if actor is not None])

    different = set(texts.values()) or {""}
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
