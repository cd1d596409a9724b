"""A document → text for people: what would ring differently first, how to go on last; readable without colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from reconciler.diagnostics import Diagnostic
from reconciler.model import Change, WireValue
from reconciler.planning.hosts import in_words, looks_like
from reconciler.report import checks
from reconciler.report.documents import (
    ActionOutcome,
    ApplyDocument,
    DoctorDocument,
    Document,
    DriftDocument,
    PlanDocument,
    PlannedAction,
    ResourceDocument,
    StateListDocument,
    ValidateDocument,
)
from reconciler.report.style import Style

SourceLine = Callable[[str, int], str | None]
"""(file, line) → that line of the configuration, None when it cannot be read."""

_SIGNS = {
    "import": ("+", "good"),
    "create": ("+", "good"),
    "register": ("+", "good"),
    "purchase": ("+", "good"),
    "delete": ("-", "bad"),
    "release": ("-", "bad"),
    "forget": ("-", "bad"),
    "unregister": ("-", "bad"),
}


def render(document: Document, style: Style) -> str:
    """The document as text for stdout; its diagnostics are rendered by `render_diagnostics`, for stderr."""
    match document:
        case PlanDocument():
            lines = _plan(document, style)
        case ApplyDocument():
            lines = _apply(document, style)
        case DriftDocument():
            lines = _drift(document, style)
        case ValidateDocument():
            lines = iter([style("good", _valid(document))])
        case StateListDocument():
            lines = (row.address for row in document.resources)
        case ResourceDocument():
            lines = _resource(document, style)
        case DoctorDocument():
            lines = checks.lines(document, style)
        case _:
            lines = iter(())
    return "".join(f"{line}\n" for line in lines)


def render_diagnostics(diagnostics: Sequence[Diagnostic], style: Style, source_line: SourceLine) -> str:
    """Diagnostics with their place, the line of the file and a caret below it."""
    return "".join(f"{line}\n" for d in diagnostics for line in _diagnostic(d, style, source_line))


def value(raw: WireValue) -> str:
    """A field's value in text; what is not set is a dash."""
    if raw is None or raw == "":
        return "–"
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def _diagnostic(d: Diagnostic, style: Style, source_line: SourceLine) -> Iterator[str]:
    place = ":".join(str(part) for part in (d.file, d.line, d.column) if part is not None)
    colour = "bad" if d.severity == "error" else "warn" if d.severity == "warning" else "info"
    yield f"{place + ': ' if place else ''}{style(colour, d.severity)} {style('strong', d.code)}: {d.summary}"
    source = source_line(d.file, d.line) if d.file and d.line else None
    if source is not None:
        yield f"    {source}"
        yield f"    {' ' * ((d.column or 1) - 1)}{style(colour, '^')}"
    for line in d.detail.splitlines():
        yield f"  {line}"


def _plan(document: PlanDocument, style: Style) -> Iterator[str]:
    for address, actions in groupby(document.actions, key=lambda action: action.address):
        yield from _resource_actions(address, list(actions), style)
    if document.actions:
        yield ""
    yield style("strong", _headline(document))
    if document.unmanaged:
        yield style("quiet", f"{_count(document.unmanaged, 'number')} on Twilio not declared here; left alone.")


def _resource_actions(address: str, actions: list[PlannedAction], style: Style) -> Iterator[str]:
    sign, colour = _SIGNS.get(actions[0].action, ("~", "change"))
    steps = ", ".join(f"{a.action}" for a in actions)
    reason = actions[-1].reason
    place = f"  {actions[0].file}:{actions[0].line}" if actions[0].file else ""
    yield f"{style(colour, sign)} {style('strong', address)}  {steps} ({reason}){style('quiet', place)}"
    for action in actions:
        yield from (f"    {_change(change)}" for change in action.changes)
        if action.route is not None:
            yield f"    calls: {action.route.before} → {style('strong', action.route.after)}"
            yield from (f"    {style('quiet', 'set, but without effect: ' + h)}" for h in action.route.hidden)
        for change in action.takeover:
            yield f"    {style('warn', '! takes over')} {change.field} {value(change.before)}"
        whose = looks_like(change.before for change in (*action.takeover, *action.changes))
        if whose is not None and (action.takeover or action.reason in ("drift", "conflict")):
            yield f"    {style('quiet', in_words(whose))}"
        if action.note:
            yield f"    {style('quiet', action.note)}"


def _change(change: Change) -> str:
    return f"{change.field}: {value(change.before)} → {value(change.after)}"


def _headline(document: PlanDocument) -> str:
    errors = document.summary.get("errors", 0)
    if errors and not document.actions:
        return f"Not planned: {_count(errors, 'error')}."
    if not document.actions and document.summary["errors"]:
        return f"Nothing can be done: {_count(document.summary['errors'], 'error')}."
    if not document.actions:
        learned = f" ({_count(document.summary['refreshes'], 'entry', 'entries')} of state to refresh)"
        return "Nothing to do: what is declared is what is there." + (learned if document.refreshes else "")
    counts = ", ".join(f"{count} {action}" for action, count in document.summary["by_action"].items())
    takeovers = document.summary["takeovers"]
    warning = f" {_count(takeovers, 'takeover')} of foreign values." if takeovers else ""
    addresses = _count(document.summary["addresses"], "resource")
    refused = f" {_count(errors, 'error')}: it cannot be applied." if errors else ""
    return f"Plan: {_count(len(document.actions), 'action')} on {addresses}: {counts}.{warning}{refused}"


def _apply(document: ApplyDocument, style: Style) -> Iterator[str]:
    for outcome in document.outcomes:
        if outcome.error is not None or outcome.note:
            yield from _failed(outcome, style)
    if document.summary.get("interrupted"):
        yield style("warn", "Stopped before the end; what was done is saved. Run apply again to finish.")
    if not document.outcomes:
        yield style("strong", "Nothing to do: what is declared is what is there.")
        return
    colour = "good" if document.failed_count == 0 else "bad"
    yield style(colour, f"Applied: {document.success_count} succeeded, {document.failed_count} failed.")


def _valid(document: ValidateDocument) -> str:
    names = {
        "numbers": "number",
        "bridge_numbers": "bridge number",
        "registrations": "registration on a platform",
        "trunks": "trunk",
        "agents": "agent",
    }
    many = {"registrations": "registrations on platforms"}
    summary = document.summary
    counts = [_count(summary[key], name, many.get(key)) for key, name in names.items() if summary.get(key)]
    warnings = document.summary["warnings"]
    return f"Valid: {', '.join(counts) or 'nothing declared'}" + (
        f"; {_count(warnings, 'warning')}." if warnings else "."
    )


def _failed(outcome: ActionOutcome, style: Style) -> Iterator[str]:
    if outcome.error is None:
        yield f"{style('warn', outcome.status)} {outcome.address} {outcome.action}: {outcome.note}"
        return
    head = f"{style('bad', outcome.status)} {style('strong', outcome.address)} {outcome.action}"
    yield f"{head}: {outcome.error.code}: {outcome.error.message}"


def _drift(document: DriftDocument, style: Style) -> Iterator[str]:
    for drifted in document.drifted:
        yield f"{style('change', '~')} {style('strong', drifted.address)}" + (
            f"  {style('info', drifted.actor)}" if drifted.actor else ""
        )
        for field in drifted.fields:
            yield f"    {field.field}: {value(field.recorded)} (recorded) → {value(field.live)} (live)"
        if drifted.looks_like:
            yield f"    {style('quiet', in_words(drifted.looks_like))}"
    if document.drifted:
        yield ""
        yield style(
            "bad", f"{_count(len(document.drifted), 'resource')} drifted. `reconciler plan` shows what apply would do."
        )
    else:
        yield style("good", "No drift: what was applied is what is there.")
    if document.pending:
        yield f"{_count(document.pending, 'resource')} waiting for other changes; see `reconciler plan`."
    if document.unmanaged:
        yield style("quiet", f"{_count(document.unmanaged, 'number')} on Twilio not declared here.")


def _resource(document: ResourceDocument, style: Style) -> Iterator[str]:
    width = max((len(key) for key in document.resource), default=0)
    for key, raw in document.resource.items():
        if not isinstance(raw, dict):
            yield f"{style('strong', key.ljust(width))}  {value(raw)}"
    for key, raw in document.resource.items():
        if isinstance(raw, dict):
            yield f"{style('strong', key)}"
            yield from (f"  {field}: {value(inner)}" for field, inner in raw.items())


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
