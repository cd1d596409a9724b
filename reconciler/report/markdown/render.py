"""Render a document as Markdown for a comment: the risk, then what changes, then details, folded.

The comment stays below GitHub's limit and reports how much it leaves out. Its first line is a
marker that is the same in the next report of the same project, so that one comment can be updated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.known_hosts import describe_guess
from reconciler.model.route import WireValue
from reconciler.report.analysis.groups import (
    FEW,
    TITLES,
    Field,
    Group,
    Resource,
    drift_groups,
    group_resources,
    is_gone,
    outcome_groups,
    resources_of,
)
from reconciler.report.documents.types import ApplyDocument, Document, DriftDocument, PlanDocument
from reconciler.report.markdown.escape import LIMIT, code, fit_rows, fold, head, row, size, text
from reconciler.report.text.overview import Overview, build_overview
from reconciler.report.truncate import shorten
from reconciler.report.wording import count, key_of, kind_of, repeats_route, show_value

_SIGNS = {"none": "⚪", "low": "🟢", "medium": "🟡", "high": "🔴", "blocked": "⛔"}
_ELSEWHERE = "`--format json` and `--report html=FILE` have everything."
_TABLE = ("Resources", "Field", "Before", "After")


def render(document: Document, project: str) -> str:
    """Render a document as Markdown."""
    found = build_overview(document, project)
    out = [_top(found) + _digest(document)]
    match document:
        case PlanDocument():
            sections = _plan(document)
        case DriftDocument():
            sections = iter([_drift])
        case ApplyDocument():
            sections = iter([_apply])
        case _:
            sections = iter(())
    out += _fill(document, sections, LIMIT - size(out[0]))
    return "".join(out).rstrip() + "\n"


Section = Callable[[Document, int], str]
"""(document, room) → Markdown that takes no more than the room."""


def _fill(document: Document, sections: Iterator[Section], room: int) -> Iterator[str]:
    """Return sections that fit the room: each may take half of the rest; problems come after the
    plan, details last.
    """
    for section in [*sections, _problems]:
        written = section(document, room // 2)
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


def _plan(document: PlanDocument) -> Iterator[Section]:
    groups = group_resources(document)
    for urgency, title in TITLES.items():
        yield _part(title, [group for group in groups if group.first.urgency is urgency])
    yield _part("Changes", [group for group in groups if group.first.urgency not in TITLES])


def _part(title: str, groups: Sequence[Group]) -> Section:
    return lambda _, room: _table(f"#### {title}", len(groups), map(_group_rows, groups), room)


def _table(
    title: str, total: int, rows: Iterable[str], room: int, titles: Sequence[str] = _TABLE
) -> str:
    """Return a table, without the last rows if they do not fit; empty when there are none."""
    if not total:
        return ""
    top = f"{title}\n\n{head(*titles)}"
    shown = list(fit_rows(rows, room - size(top) - 200))
    rest = total - len(shown)
    left_out = (
        f"\n{rest:,} of {total:,} entries of this table are left out here. {_ELSEWHERE}\n"
        if rest
        else ""
    )
    return f"{top}{''.join(shown)}{left_out}\n"


def _group_rows(group: Group) -> str:
    """Return one row for each field; the first names the resources."""
    lost = {field.name for field in group.losses}
    fields = [
        *group.fields,
        *(field for field in group.losses if field.name not in {f.name for f in group.fields}),
    ]
    cells = [_field(field, taken=field.name in lost) for field in fields]
    cells += _route(group)
    who = _who(group)

    first, *more = cells or [("", "", "")]
    return row(who, *first) + "".join(row("", *each) for each in more)


def _who(group: Group) -> str:
    first = group.first
    many = len(group.resources) > 1
    names = _names(group.addresses)
    who = f"**{count(len(group.resources), kind_of(first.address))}**" if many else ""
    agent = f" of agent {code(first.agent)}" if many and first.agent else ""
    place = f" {text(f'{first.place[0]}:{first.place[1]}')}" if first.place and not many else ""
    notes = "".join(f"<br>{text(note)}" for note in first.notes)
    return f"{who}{agent}{' ' if who else ''}{names}<br>{', '.join(first.steps)} ({first.reason}){place}{notes}"


def _names(addresses: Sequence[str]) -> str:
    if len(addresses) == 1:
        return code(addresses[0])
    shown = ", ".join(code(key_of(address)) for address in addresses[:FEW])
    return shown + (f" and {len(addresses) - FEW:,} more" if len(addresses) > FEW else "")


def _field(field: Field, *, taken: bool) -> tuple[str, str, str]:
    mark = "⚠️ takes over " if taken else ""
    return f"{mark}{code(field.name)}", _one_of(field.before), _one_of(field.after)


def _route(group: Group) -> Iterator[tuple[str, str, str]]:
    before, after = group.routes
    route = group.first.route
    single = route is not None and len(before) == len(after) == 1
    if route is not None and not (
        single and any(repeats_route(route, change) for change in group.first.changes)
    ):
        yield "**calls**", _one_of(before), _one_of(after)

    for words in group.hidden[:FEW]:
        yield "set, but without effect", code(words), ""


def _one_of(values: Sequence[WireValue]) -> str:
    if len(values) == 1:
        return code(show_value(values[0]))
    return f"{len(values):,} different, such as {code(show_value(values[0]))}"


def _drift(document: Document, room: int) -> str:
    assert isinstance(document, DriftDocument)
    rows = []
    for found in drift_groups(document.drifted):
        first = found[0]
        many = f"**{count(len(found), kind_of(first.address))}** " if len(found) > 1 else ""
        by = f"<br>by {text(first.actor)}" if first.actor else ""
        by += f"<br>{describe_guess(first.looks_like)}" if first.looks_like else ""

        fields = [(f.field, show_value(f.recorded), show_value(f.live)) for f in first.fields]
        cells = [("gone from Twilio", show_value(first.sid), "")] if is_gone(first) else fields
        who = f"{many}{_names([d.address for d in found])}{by}"
        rows.append(
            "".join(
                row(who if n == 0 else "", *(code(c) for c in each)) for n, each in enumerate(cells)
            )
        )
    return _table("#### Drifted", len(rows), rows, room, ("Resources", "Field", "Recorded", "Live"))


def _apply(document: Document, room: int) -> str:
    assert isinstance(document, ApplyDocument)
    rows = []
    for found in outcome_groups(document.outcomes):
        first = found[0]
        why = f"{code(first.error.code)} " if first.error else ""
        reason = text(shorten((first.error.message if first.error else first.note) or "", 1000))
        rows.append(
            row(_names([o.address for o in found]), first.action, first.status, why + reason)
        )

    stopped = "Stopped on request; what was done is saved. Run apply again to finish.\n\n"
    table = _table(
        "#### Failures and notes", len(rows), rows, room, ("Resources", "Action", "Result", "Why")
    )
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
    shown = list(fit_rows(map(_problem, problems), room - size(title) - 200))
    rest = len(problems) - len(shown)
    return (
        title
        + "".join(shown)
        + (f"- {rest:,} more left out here. {_ELSEWHERE}\n" if rest else "")
        + "\n"
    )


def _problem(d: Diagnostic) -> str:
    place = ":".join(str(part) for part in (d.file, d.line, d.column) if part is not None)
    detail = "".join(f"<br>{text(line.strip())}" for line in d.detail.splitlines())
    return f"- {code(place) + ' ' if place else ''}**{d.code}** {text(d.summary)}{detail}\n"


def _all_resources(document: PlanDocument, room: int) -> str:
    """Return a row for every resource, as far as there is room."""
    found = resources_of(document)
    if len(found) <= FEW:
        return ""

    # Measure the frame first; the rows take the rest.
    title = f"All {count(len(found), 'resource')}"
    top = head("Resource", "Actions", "Calls", "Declared at")
    frame = size(fold(title, top)) + 200
    shown = list(fit_rows((_resource(each) for each in found), room - frame))
    if not shown:
        return ""
    rest = len(found) - len(shown)
    left_out = (
        f"\n{rest:,} of {len(found):,} resources are left out here. {_ELSEWHERE}\n" if rest else ""
    )
    return fold(
        title if not rest else f"{len(shown):,} of {len(found):,} resources",
        f"{top}{''.join(shown)}{left_out}",
    )


def _resource(resource: Resource) -> str:
    calls = code(resource.route.after, 80) if resource.route else ""
    place = text(f"{resource.place[0]}:{resource.place[1]}") if resource.place else ""
    return row(
        code(resource.address), f"{', '.join(resource.steps)} ({resource.reason})", calls, place
    )
