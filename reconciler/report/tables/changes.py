"""Convert groups of planned changes or of drift to the sections, entries and rows of `model`, which
text, Markdown and HTML render.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from reconciler.kinds.known_hosts import describe_guess
from reconciler.model.route import WireValue
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.drift_groups import DriftGroup, group_drift
from reconciler.report.analysis.groups import FEW, TITLES, Group
from reconciler.report.tables.model import Entry, Meaning, Row, Section, Value
from reconciler.report.wording import count, printable, repeats_route, show_value


def plan_sections(groups: Iterable[Group]) -> Iterator[Section]:
    """Return a section for each urgency; `groups` are in the order of urgency."""
    columns = ("Resources", "Field", "Before", "After")
    for title, found in groupby(groups, lambda group: TITLES.get(group.first.urgency, "Changes")):
        alike = list(found)
        yield Section(title, columns, len(alike), map(plan_entry, alike))


def plan_entry(group: Group) -> Entry:
    """Return the entry of a group of a plan."""
    first = group.first
    before = first.agent_change.before if first.agent_change is not None else None
    return Entry(
        addresses=group.addresses,
        rows=[*_agent_rows(group), *_field_rows(group), *_route_rows(group)],
        action=f"{', '.join(first.steps)} ({first.reason})",
        place=_place({resource.place for resource in group.resources if resource.place}),
        agent=printable(first.agent or ""),
        agent_before=show_value(before) if first.agent_change is not None else None,
        notes=tuple([printable(note) for note in first.notes]),
        actors=group.actors,
    )


def _agent_rows(group: Group) -> Iterator[Row]:
    """Return the change of the agent; of several resources the subject shows it.

    A registration shows the ids of the agents already.
    """
    change = group.first.agent_change
    shows_ids = any(field.name == "agent" for field in group.fields)
    if change is not None and len(group.resources) == 1 and not shows_ids:
        yield Row("agent", _one_of([change.before]), _one_of([change.after]))


def _field_rows(group: Group) -> Iterator[Row]:
    lost = {field.name for field in group.losses}
    changed = {field.name for field in group.fields}
    for field in group.fields:
        meaning: Meaning = "takeover" if field.name in lost else "change"
        yield Row(printable(field.name), _one_of(field.before), _one_of(field.after), meaning)

    for field in group.losses:
        if field.name not in changed:
            yield Row(printable(field.name), _one_of(field.before), _one_of(field.after), "loss")


def _route_rows(group: Group) -> Iterator[Row]:
    """Return the change of the route, unless the fields show it already, and values without
    effect.
    """
    before, after = group.routes
    if not after:
        return

    # A change of `voice_url` is the change of the route, if that is the same for the whole group.
    same = len(before) == len(after) == 1
    if not (same and _shows_route(group)):
        yield Row("calls", _one_of(before), _one_of(after), "calls")

    for words in group.hidden[:FEW]:
        yield Row("set, but without effect", Value(printable(words)), meaning="hidden")
    if len(group.hidden) > FEW:
        more = Value(f"{len(group.hidden) - FEW:,} more")
        yield Row("set, but without effect", more, meaning="hidden")


def _shows_route(group: Group) -> bool:
    first = group.first
    if first.route is None:
        return False
    return any(repeats_route(first.route, change) for change in first.changes)


def _one_of(values: Sequence[WireValue]) -> Value:
    return Value(show_value(values[0]), len(values))


def _place(found: Iterable[tuple[str, int]]) -> str:
    """Return the file and the range of lines, or the number of files."""
    places = sorted(found)
    if not places:
        return ""

    files = {file for file, _ in places}
    if len(files) > 1:
        return count(len(files), "file")

    first, last = places[0][1], places[-1][1]
    lines = str(first) if first == last else f"{first}–{last}"
    return f"{printable(places[0][0])}:{lines}"


def drift_section(drifted: Sequence[Drifted]) -> Section:
    """Return the section of everything that drifted."""
    columns = ("Resources", "Field", "Recorded", "Live")
    groups = group_drift(drifted)
    return Section("Drifted", columns, len(groups), map(drift_entry, groups))


def drift_entry(group: DriftGroup) -> Entry:
    """Return the entry of resources that drifted alike."""
    first = group.first
    notes = (describe_guess(first.looks_like),) if first.looks_like else ()

    if group.is_gone:
        rows = [Row("gone from Twilio", Value(show_value(first.sid)), meaning="gone")]
    else:
        rows = []
        for field in group.fields:
            recorded, live = _one_of(field.before), _one_of(field.after)
            rows.append(Row(printable(field.name), recorded, live))
    return Entry(
        group.addresses, rows, place=_place(group.places), notes=notes, actors=group.actors
    )
