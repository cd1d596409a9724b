"""A document → the rows of its page as plain data: one for each resource, what many have in common written once.

Knows nothing of HTML: everything in here is text, and the page shows it as text.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import msgspec

from reconciler.model import Change
from reconciler.report.documents import ApplyDocument, Document, DriftDocument, PlanDocument
from reconciler.report.groups import Resource, Urgency, resources
from reconciler.report.text_results import is_gone
from reconciler.report.words import clean, says_the_same, value

KINDS = {
    Urgency.TAKEOVER: "takeover",
    Urgency.PURCHASE: "purchase",
    Urgency.HIDDEN: "hidden route",
    Urgency.REMOVAL: "removal",
    Urgency.ROUTE: "calls change",
    Urgency.REST: "other",
}
"""How the page calls what a plan does, the most urgent first."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What there is to say of a row: its kind, what is done and why, about whom, `fields` as (name, before, after,
    lost), whom calls reach, and remarks."""

    kind: str
    what: str
    why: str
    who: str
    fields: tuple[tuple[str, str, str, bool], ...] = ()
    calls: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()


class Rows(msgspec.Struct, frozen=True):
    """`rows` are (address, place, index into `told`)."""

    kinds: list[str]
    told: list[Told]
    rows: list[tuple[str, str, int]]


def rows_of(document: Document) -> Rows:
    """All rows, in the order of the document."""
    seen: dict[Hashable, int] = {}
    rows = [(address, place, seen.setdefault(told, len(seen))) for address, place, told in _told(document)]
    told = [each for each in seen if isinstance(each, Told)]
    return Rows(list(dict.fromkeys(_in_order(told))), told, rows)


def _in_order(told: list[Told]) -> list[str]:
    urgent = list(KINDS.values())
    kinds = {each.kind for each in told}
    return [kind for kind in urgent if kind in kinds] + sorted(kinds - set(urgent))


def _told(document: Document) -> Iterator[tuple[str, str, Told]]:
    match document:
        case PlanDocument():
            for resource in resources(document):
                place = f"{resource.place[0]}:{resource.place[1]}" if resource.place else ""
                yield clean(resource.address), clean(place), _planned(resource)
        case DriftDocument():
            for drifted in document.drifted:
                fields = tuple((clean(f.field), value(f.recorded), value(f.live), False) for f in drifted.fields)
                kind = "gone" if is_gone(drifted) else "drifted"
                yield clean(drifted.address), "", Told(kind, kind, "drift", clean(drifted.actor or ""), fields)
        case ApplyDocument():
            for outcome in document.outcomes:
                why = outcome.error.code if outcome.error else ""
                said = clean(outcome.error.message if outcome.error else outcome.note or "")
                told = Told(outcome.status, outcome.action, why, "", notes=(said,) if said else ())
                yield clean(outcome.address), "", told


def _planned(resource: Resource) -> Told:
    lost = {(change.field, change.before) for change in resource.takeover}
    shown = [*resource.changes, *(c for c in resource.takeover if c.field not in {f.field for f in resource.changes})]
    route = resource.route
    told = route is None or any(says_the_same(route, change) for change in resource.changes)
    hidden = [f"set, but without effect: {clean(words)}" for words in (route.hidden if route else ())]
    return Told(
        kind=KINDS[resource.urgency],
        what=", ".join(resource.steps),
        why=resource.reason,
        who=clean(resource.agent or ""),
        fields=tuple((*_field(c), (c.field, c.before) in lost) for c in shown),
        calls=(clean(route.before), clean(route.after)) if route and not told else None,
        notes=(*hidden, *(clean(note) for note in resource.notes)),
    )


def _field(change: Change) -> tuple[str, str, str]:
    return clean(change.field), value(change.before), value(change.after)
