"""Convert a plan, drift or apply to the table rows of the HTML page, as plain data: one for each
resource or outcome, with common text stored once.

Everything here is text, not HTML, and the page shows it as text.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.model.action import Change
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.actors import actors_of_drift, describe_actors
from reconciler.report.analysis.drift_groups import is_gone
from reconciler.report.analysis.groups import Resource, Urgency, resources_of
from reconciler.report.documents.types import (
    ActionOutcome,
    ApplyDocument,
    Document,
    DriftDocument,
    PlanDocument,
)
from reconciler.report.wording import NOTHING, printable, repeats_route, show_value

KINDS = {
    Urgency.TAKEOVER: "takeover",
    Urgency.PURCHASE: "purchase",
    Urgency.HIDDEN: "hidden route",
    Urgency.REMOVAL: "removal",
    Urgency.ROUTE: "calls change",
    Urgency.REST: "other",
}
"""Names of the kinds of changes on the page, the most urgent first."""


FieldText = tuple[str, str, str, bool]
"""Name, value before, value after, and whether a foreign value is lost."""


class RowText(msgspec.Struct, frozen=True, array_like=True):
    """The text of a row: its kind, the steps, the reason, the agent or actor, `fields` as (name,
    before, after, lost), the route of calls, and notes.
    """

    kind: str
    what: str
    why: str
    who: str
    fields: tuple[FieldText, ...] = ()
    calls: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()


class Rows(msgspec.Struct, frozen=True):
    """`rows` are (address, place, index into `told`)."""

    kinds: list[str]
    told: list[RowText]
    rows: list[tuple[str, str, int]]


def rows_of(document: Document) -> Rows:
    """Return all rows, in the order of the document."""
    seen: dict[RowText, int] = {}
    rows: list[tuple[str, str, int]] = []
    for address, place, text in _row_texts(document):
        rows.append((address, place, seen.setdefault(text, len(seen))))

    told = list(seen)
    return Rows(list(dict.fromkeys(_in_order(told))), told, rows)


def _in_order(told: list[RowText]) -> list[str]:
    urgent = list(KINDS.values())
    kinds = {each.kind for each in told}
    return [kind for kind in urgent if kind in kinds] + sorted(kinds - set(urgent))


def _row_texts(document: Document) -> Iterator[tuple[str, str, RowText]]:
    match document:
        case PlanDocument():
            for resource in resources_of(document):
                place = f"{resource.place[0]}:{resource.place[1]}" if resource.place else ""
                yield printable(resource.address), printable(place), _plan_text(resource)
        case DriftDocument():
            for drifted in document.drifted:
                place = f"{drifted.file}:{drifted.line}" if drifted.file else ""
                yield printable(drifted.address), printable(place), _drift_text(drifted)
        case ApplyDocument():
            for outcome in document.outcomes:
                yield printable(outcome.address), "", _outcome_text(outcome)


def _outcome_text(outcome: ActionOutcome) -> RowText:
    error = outcome.error
    note = printable(error.message if error else outcome.note or "")
    code = error.code if error else ""
    return RowText(outcome.status, outcome.action, code, "", notes=(note,) if note else ())


def _plan_text(resource: Resource) -> RowText:
    route = resource.route
    notes: list[str] = []
    for words in route.hidden if route else ():
        notes.append(f"set, but without effect: {printable(words)}")
    notes += map(printable, resource.notes)

    actors = describe_actors([resource.actors])
    agent = printable(resource.agent or "")
    if resource.agent_change is not None:
        agent = f"{show_value(resource.agent_change.before)} → {agent or NOTHING}"
    told = route is None or any(repeats_route(route, change) for change in resource.changes)
    return RowText(
        kind=KINDS[resource.urgency],
        what=", ".join(resource.steps),
        why=resource.reason,
        who="; ".join(filter(None, (agent, actors))),
        fields=tuple(_plan_fields(resource)),
        calls=(printable(route.before), printable(route.after)) if route and not told else None,
        notes=tuple(notes),
    )


def _plan_fields(resource: Resource) -> Iterator[FieldText]:
    """Yield the fields that change, then foreign values that are lost without a change of ours."""
    lost = {(change.field, change.before) for change in resource.takeover}
    changed: set[str] = set()
    for change in resource.changes:
        changed.add(change.field)
        yield (*_field(change), (change.field, change.before) in lost)

    for change in resource.takeover:
        if change.field not in changed:
            yield (*_field(change), True)


def _drift_text(drifted: Drifted) -> RowText:
    fields: list[FieldText] = []
    for each in drifted.fields:
        recorded, live = show_value(each.recorded), show_value(each.live)
        fields.append((printable(each.field), recorded, live, False))

    kind = "gone" if is_gone(drifted) else "drifted"
    return RowText(kind, kind, "drift", describe_actors([actors_of_drift(drifted)]), tuple(fields))


def _field(change: Change) -> tuple[str, str, str]:
    return printable(change.field), show_value(change.before), show_value(change.after)
