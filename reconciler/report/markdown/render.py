"""Render a document as Markdown for a comment, cut to GitHub's limit: the risk, then what changes,
then problems and folded details.

The comment stays below GitHub's limit and reports how much it leaves out. Its first line is a
marker that is the same in the next report of the same project, so that one comment can be updated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.report.analysis.groups import (
    FEW,
    Resource,
    group_resources,
    outcome_groups,
    resources_of,
)
from reconciler.report.documents.fleet import FleetDocument
from reconciler.report.documents.types import ApplyDocument, Document, DriftDocument, PlanDocument
from reconciler.report.markdown.escape import (
    FIRST_COLUMN,
    LAST_COLUMN,
    LIMIT,
    LONGEST,
    code,
    fit_rows,
    fold,
    head,
    row,
    size,
    text,
)
from reconciler.report.markdown.fleet import fleet_parts
from reconciler.report.markdown.tables import ELSEWHERE, Part, write_table
from reconciler.report.tables.changes import drift_section, plan_sections
from reconciler.report.tables.model import Entry, Row, Section, Value
from reconciler.report.text.overview import Overview, build_overview
from reconciler.report.truncate import shorten, shorten_pair
from reconciler.report.wording import NOTHING, count, key_of, place_of

_SIGNS = {"none": "⚪", "low": "🟢", "medium": "🟡", "high": "🔴", "blocked": "⛔"}


def render(document: Document, project: str) -> str:
    """Render a document as Markdown."""
    found = build_overview(document, project)
    out = [_top(found) + _digest(document)]

    parts: Iterator[Part]
    match document:
        case PlanDocument():
            parts = _plan(document)
        case DriftDocument():
            parts = iter([_section_part(drift_section(document.drifted))])
        case ApplyDocument():
            parts = iter([_apply])
        case FleetDocument():
            parts = fleet_parts(document)
        case _:
            parts = iter(())

    out += _fill(document, parts, LIMIT - size(out[0]))
    return "".join(out).rstrip() + "\n"


def _fill(document: Document, parts: Iterator[Part], room: int) -> Iterator[str]:
    """Return parts that fit the room: each may take half of the rest; problems come after the
    plan, details last.
    """
    for part in [*parts, _problems]:
        written = part(document, room // 2)
        room -= size(written)
        yield written

    if isinstance(document, PlanDocument) and document.actions:
        yield _all_resources(document, room)


def _top(found: Overview) -> str:
    title = f"### {_SIGNS[found.level]} `reconciler {found.command}` {code(found.project)}: {found.verdict}\n\n"
    aside = f"{text(found.aside)}\n\n" if found.aside else ""
    facts = f"**{text(' · '.join(found.facts))}**\n\n" if found.facts else ""
    return f"{found.marker}\n{title}{facts}{text(found.headline)}\n\n{aside}"


def _digest(document: Document) -> str:
    """Return the digest of a plan with actions, for `apply --expect`."""
    if not isinstance(document, PlanDocument) or not document.actions:
        return ""
    return f"Digest of the plan: {code(document.digest)}\n\n"


def _plan(document: PlanDocument) -> Iterator[Part]:
    return map(_section_part, plan_sections(group_resources(document)))


def _section_part(section: Section) -> Part:
    rows = map(_entry_rows, section.entries)
    subject, field, before, after = section.columns
    columns = (subject, f"{field}: {before.lower()} → {after.lower()}")
    return lambda _, room: write_table(section.title, section.total, rows, room, columns)


def _entry_rows(entry: Entry) -> str:
    """Return a row for each row of the entry; the first one names the resources."""
    subject = _subject(entry)
    rows: list[str] = []
    for each in entry.rows or [Row("", Value(""))]:
        rows.append(row(subject, _change(each)))
        subject = ""
    return "".join(rows)


def _change(line: Row) -> str:
    """Return a change in one cell: a column of its own would be hidden in a narrow comment."""
    match line.meaning:
        case "hidden":
            return f"{line.name}: {_value(line.before, line.before.example)}"
        case "calls":
            name = f"**{line.name}**"
        case "takeover" | "loss":
            name = f"⚠️ takes over {_last(line.name)}"
        case "gone":
            return f"{_last(line.name)}: {_value(line.before, line.before.example)}"
        case "change":
            # Without any row an entry still has its line.
            if not line.name:
                return ""
            name = _last(line.name)

    pair = shorten_pair(line.before.example, line.after.example, LONGEST)
    before, after = _value(line.before, pair[0]), _value(line.after, pair[1])
    is_short = len(before) + len(after) <= LAST_COLUMN
    gap = " " if is_short else "<br>"
    return f"{name}:{gap}{before}{gap}→ {after}"


def _value(value: Value, example: str) -> str:
    return value.prefix + _last(example)


def _first(raw: str) -> str:
    """Return code for the first column of a table."""
    return code(raw, width=FIRST_COLUMN)


def _last(raw: str) -> str:
    """Return code for the last column of a table."""
    return code(raw, width=LAST_COLUMN)


def _subject(entry: Entry) -> str:
    names = _names(entry.addresses)
    if entry.is_group:
        agent = f" of agent {_first(entry.agent)} " if entry.agent else " "
        if entry.agent_before is not None:
            agent = f": agent {_first(entry.agent_before)} → {_first(entry.agent or NOTHING)}<br>"
        names = f"**{entry.count_text}**{agent}{names}"

    # A group is declared at many places; the table of all resources has them.
    place = text(entry.place, FIRST_COLUMN) if entry.place and not entry.is_group else ""
    where = " ".join(filter(None, (entry.action, place)))
    notes = [text(note, FIRST_COLUMN) for note in entry.remarks]
    return "<br>".join(filter(None, (names, where, *notes)))


def _names(addresses: Sequence[str]) -> str:
    if len(addresses) == 1:
        return _first(addresses[0])
    shown = ", ".join([_first(key_of(address)) for address in addresses[:FEW]])
    return shown + (f" and {len(addresses) - FEW:,} more" if len(addresses) > FEW else "")


def _apply(document: Document, room: int) -> str:
    assert isinstance(document, ApplyDocument)
    rows: list[str] = []
    for found in outcome_groups(document.outcomes):
        first = found[0]
        why = f"{code(first.error.code)} " if first.error else ""
        said = (first.error.message if first.error else first.note) or ""
        reason = text(shorten(said, 1000), LAST_COLUMN)

        names = _names([outcome.address for outcome in found])
        rows.append(row(names, f"{first.action}: {first.status}<br>{why}{reason}"))

    stopped = "Stopped on request; what was done is saved. Run apply again to finish.\n\n"
    columns = ("Resources", "Result")
    table = write_table("Failures and notes", len(rows), rows, room, columns)
    return (stopped if document.summary.get("interrupted") else "") + table


def _problems(document: Document, room: int) -> str:
    """Return errors in full and warnings folded."""
    errors = [d for d in document.diagnostics if d.severity == "error"]
    others = [d for d in document.diagnostics if d.severity != "error"]
    written = _list(f"#### {count(len(errors), 'error')}\n\n", errors, room // 2)
    listed = _list("", others, room // 2)
    return written + (fold(count(len(others), "warning"), listed) if listed else "")


def _list(title: str, problems: Sequence[Diagnostic], room: int) -> str:
    if not problems:
        return ""

    # 200 bytes are for the sentence about the rest.
    shown = list(fit_rows(map(_problem, problems), room - size(title) - 200))
    rest = len(problems) - len(shown)
    return (
        title
        + "".join(shown)
        + (f"- {rest:,} more left out here. {ELSEWHERE}\n" if rest else "")
        + "\n"
    )


def _problem(d: Diagnostic) -> str:
    place = place_of(d)
    detail = "".join([f"<br>{text(line.strip())}" for line in d.detail.splitlines()])
    return f"- {code(place) + ' ' if place else ''}**{d.code}** {text(d.summary)}{detail}\n"


def _all_resources(document: PlanDocument, room: int) -> str:
    """Return a row for every resource, as far as there is room."""
    found = resources_of(document)
    if len(found) <= FEW:
        return ""

    # Measure the frame first; the rows take the rest.
    title = f"All {count(len(found), 'resource')}"
    top = head("Resource", "Actions")
    frame = size(fold(title, top)) + 200
    shown = list(fit_rows(map(_resource, found), room - frame))
    if not shown:
        return ""
    rest = len(found) - len(shown)
    left_out = (
        f"\n{rest:,} of {len(found):,} resources are left out here. {ELSEWHERE}\n" if rest else ""
    )
    return fold(
        title if not rest else f"{len(shown):,} of {len(found):,} resources",
        f"{top}{''.join(shown)}{left_out}",
    )


def _resource(resource: Resource) -> str:
    place = f"{resource.place[0]}:{resource.place[1]}" if resource.place else ""
    names = _first(resource.address) + (f"<br>{text(place, FIRST_COLUMN)}" if place else "")

    calls = ""
    if resource.route:
        calls = f"<br>calls: {code(resource.route.after, 80, LAST_COLUMN)}"
    return row(names, f"{', '.join(resource.steps)} ({resource.reason}){calls}")
