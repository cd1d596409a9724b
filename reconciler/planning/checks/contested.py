"""Warn of contested fields: somebody else sets them again each time that this project overwrites
them; pure.

A drifted field is contested when, within the last 7 days,

| this project            | and now                                              |
|-------------------------|------------------------------------------------------|
| put it back once        | the live value is the one that it overwrote          |
| took it over (import)   | the live value is the one from before the import     |
| put it back twice       | it has drifted again, whatever the value             |

The record in state decides, so it also works where Twilio has no events or refuses to show them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number import SID_FIELDS
from reconciler.model.actor import describe_actor
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.model.heal import MOST_HEALS, PRESENT, Heal
from reconciler.planning.checks.secrecy import mask_all
from reconciler.planning.decide.drift import Drifted, DriftedField
from reconciler.planning.decide.takeover import DEMO_HOST

WINDOW_DAYS = 7
"""Heals that are older say nothing about the present."""
_OFTEN = 2
"""Heals of one field after which any other value is contested."""
_ROUTES = frozenset(
    {
        "voice_url",
        "voice_fallback_url",
        "sms_url",
        "sms_fallback_url",
        "status_callback",
        *SID_FIELDS,
    }
)
"""The fields of a number that an import may take over."""


def find_contested(
    drifted: Sequence[Drifted], recorded: Mapping[str, Entry], since: str
) -> list[Diagnostic]:
    """Return a warning for each resource with contested fields, in the order of `drifted`.

    `since` is the time `WINDOW_DAYS` ago. All times are RFC 3339 in UTC, so their texts compare.
    """
    found: list[Diagnostic] = []
    for item in drifted:
        entry = recorded.get(item.address)
        if entry is not None:
            lines = list(_describe_contests(item, entry, since))
            if lines:
                found.append(_make_warning(item, entry, lines))
    return found


def _describe_contests(item: Drifted, entry: Entry, since: str) -> Iterator[str]:
    """Yield a line for each contested field."""
    heals = _list_heals(item, entry)
    for field in item.fields:
        recent = [heal for heal in heals if heal.field == field.field and heal.time >= since]
        was_taken_over = _is_former_value(field, entry) and (entry.prior_at or "") >= since
        is_back = was_taken_over or any(heal.foreign == mask_all(field.live) for heal in recent)
        if is_back or len(recent) >= _OFTEN:
            times = len(recent) + was_taken_over
            at_least = "at least " if len(heals) >= MOST_HEALS else ""
            yield (
                f"{field.field}: overwritten {at_least}{times} time{'s' if times > 1 else ''} in "
                f"the last {WINDOW_DAYS} days, and set again {_describe_writer(field, recent)}."
            )


def _list_heals(item: Drifted, entry: Entry) -> Sequence[Heal]:
    """Return the heals of an entry. A child with another SID was deleted by a run that died."""
    if entry.deleted and entry.sid != item.sid:
        return (*entry.healed, *entry.healing)
    return entry.healed


def _is_former_value(field: DriftedField, entry: Entry) -> bool:
    """Return whether the live route is the one that the import of this number took over.

    Nothing is taken over by a purchase, by watching, or from Twilio's demo.
    """
    if entry.kind not in NUMBER_KINDS or entry.options.observe_only or entry.created:
        return False
    if field.field not in _ROUTES:
        return False

    route = field.live
    former = entry.prior.get(SID_FIELDS.get(field.field, field.field))
    return bool(route) and route == former and DEMO_HOST not in str(route)


def _describe_writer(field: DriftedField, heals: Sequence[Heal]) -> str:
    """Return who has set the live value, as far as that is known."""
    if field.actor is not None:
        return f"by {describe_actor(field.actor)}"
    known = [heal.actor for heal in heals if heal.actor is not None]
    if known:
        return f"by an unknown actor (the last one known: {describe_actor(known[-1])})"
    return "by an unknown actor"


def _make_warning(item: Drifted, entry: Entry, lines: Sequence[str]) -> Diagnostic:
    listed = "\n".join([f"  {line}" for line in lines])
    cure = "Find the other writer, and let only one of the two set it."
    if entry.kind in NUMBER_KINDS:
        cure += (
            " If another project manages the number, release it there:\n"
            f"  reconciler release {item.address}\n"
            "If another program sets one part of it, leave that part out of `manage`."
        )
    elif any(field.field == PRESENT for field in item.fields):
        cure += " `unlisted: keep` leaves the children of others in place."

    return Diagnostic(
        severity="warning",
        code="contested",
        summary="Two writers overwrite each other",
        detail=f"{item.address}: somebody else sets again what this project overwrites.\n{listed}\n{cure}",
        address=item.address,
        file=item.file,
        line=item.line,
        column=item.column,
    )
