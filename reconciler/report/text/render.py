"""Render any document as text, each type by its own renderer, with credentials masked except in an
export; render diagnostics with the line of the file and a caret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.planning.checks.secrecy import mask
from reconciler.report.documents.explain import ExplainDocument
from reconciler.report.documents.fleet import FleetDocument
from reconciler.report.documents.fleet_runs import FleetRunsDocument
from reconciler.report.documents.log import LogDocument
from reconciler.report.documents.numbers import ListDocument
from reconciler.report.documents.state import StateDocument
from reconciler.report.documents.types import (
    ApplyDocument,
    DoctorDocument,
    Document,
    DriftDocument,
    ExportDocument,
    FormatDocument,
    InitDocument,
    LintDocument,
    NumbersDocument,
    PlanDocument,
    ResourceDocument,
    StateListDocument,
    UnlockDocument,
    ValidateDocument,
)
from reconciler.report.text import authoring, doctor, plan, results
from reconciler.report.text.state import state_lines
from reconciler.report.text.style import Style
from reconciler.report.wording import count, examples, place_of, printable, show_value

SourceLine = Callable[[str, int, int], tuple[str, str] | None]
"""(file, line, column) → that line of the configuration and the part before the column, both
without secrets.
"""

MANY_ERRORS = 10
"""Up to this many equal errors are shown; the rest is one line."""
MOST_ERRORS = 200
"""Up to this many errors of one code are shown."""
MANY = 3
"""Up to this many warnings of one code are shown; the rest is one line."""


def render(document: Document, style: Style) -> str:
    """Render a document for stdout; `render_diagnostics` renders its diagnostics for stderr."""
    lines: Iterable[str] = ()
    for shape, to_lines in RENDERERS.items():
        if isinstance(document, shape):
            lines = to_lines(document, style)
            break

    # An export is YAML to be used as it is, so nothing in it is masked.
    text = "".join([f"{line}\n" for line in lines])
    return text if isinstance(document, ExportDocument) else mask(text)


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], style: Style, source_line: SourceLine
) -> str:
    """Render diagnostics with their place, the line of the file and a caret below it.

    Of many that are alike, the first few are shown, and how many more there are.
    """
    shown, folded = _limit(diagnostics, style)

    lines: list[str] = []
    for diagnostic in shown:
        lines += _diagnostic(diagnostic, style, source_line)
    for same in folded:
        lines.append(_fold(same, style))
    return mask("".join(f"{line}\n" for line in lines))


def static_sentence(warnings: int, style: Style) -> str:
    """Return a sentence with the number of warnings of the configuration that are not shown."""
    verb = "shows it" if warnings == 1 else "shows them"
    number = style("warn", count(warnings, "warning"))
    return f"{number} of the configuration; `reconciler validate` {verb}."


def _limit(
    diagnostics: Sequence[Diagnostic], style: Style
) -> tuple[list[Diagnostic], list[list[Diagnostic]]]:
    """Return the diagnostics to show, and the others in groups that are alike."""
    seen: Counter[tuple[str, str]] = Counter()
    shown: list[Diagnostic] = []
    left_out: dict[tuple[str, str], list[Diagnostic]] = {}
    for d in diagnostics:
        # Warnings of one code are alike, errors only with the same detail. The number of errors of
        # one code is limited too.
        alike = (d.code, d.detail if d.severity == "error" else d.severity)
        of_code = (d.code, "*")
        seen[alike] += 1
        seen[of_code] += 1

        enough = seen[alike] > MANY_ERRORS or seen[of_code] > MOST_ERRORS
        if style.whole or not (enough if d.severity == "error" else seen[alike] > MANY):
            shown.append(d)
        else:
            by_code = d.severity == "error" and seen[alike] <= MANY_ERRORS
            left_out.setdefault(of_code if by_code else alike, []).append(d)
    return shown, list(left_out.values())


def _fold(found: Sequence[Diagnostic], style: Style) -> str:
    first = found[0]
    addresses = [d.address for d in found if d.address]
    whom = f" ({examples(addresses)})" if addresses else ""
    head = (
        f"{style('warn', first.severity)} {style('strong', first.code)}: {printable(first.summary)}"
    )
    if first.severity == "error":
        return f"{head}: {len(found):,} more like this{whom}; -v shows all"
    return f"{head}: {len(found):,} more{whom}; -v shows all"


_UNQUOTED = frozenset({"state_damaged"})
"""Codes whose source line is never shown: the state may be named like a configuration, and holds
URLs with tokens.
"""


def _diagnostic(d: Diagnostic, style: Style, source_line: SourceLine) -> Iterator[str]:
    place = printable(place_of(d))
    colour = "bad" if d.severity == "error" else "warn" if d.severity == "warning" else "info"
    yield f"{place + ': ' if place else ''}{style(colour, d.severity)} {style('strong', d.code)}: {printable(d.summary)}"

    pointed = d.file is not None and d.line is not None and d.code not in _UNQUOTED
    source = source_line(d.file or "", d.line or 1, d.column or 1) if pointed else None
    if source is not None:
        from reconciler.report.width import cell_width  # a valid configuration needs no widths

        line, before = map(mask, source)
        yield f"    {printable(line)}"
        yield f"    {' ' * cell_width(printable(before))}{style(colour, '^')}"
    for line in d.detail.splitlines():
        for part in style.wrap(printable(line), margin=2):
            yield f"  {part}"


def valid_sentence(document: ValidateDocument) -> str:
    """Return a sentence with the counts of what is declared."""
    names = {
        "numbers": "number",
        "bridge_numbers": "bridge number",
        "registrations": "registration on a platform",
        "trunks": "trunk",
        "agents": "agent",
    }
    plurals = {"registrations": "registrations on platforms"}
    counts: list[str] = []
    for key, name in names.items():
        if document.summary.get(key):
            counts.append(count(document.summary[key], name, plurals.get(key)))

    warnings = document.summary["warnings"]
    ending = f"; {count(warnings, 'warning')}." if warnings else "."
    return f"Valid: {', '.join(counts) or 'nothing declared'}{ending}"


def _resource(document: ResourceDocument, style: Style) -> Iterator[str]:
    width = max((len(key) for key in document.resource), default=0)
    for key, raw in document.resource.items():
        if not isinstance(raw, dict | list):
            yield f"{style('strong', key.ljust(width))}  {show_value(raw)}"

    # Groups of fields come below the single ones.
    for key, raw in document.resource.items():
        if isinstance(raw, dict):
            yield f"{style('strong', key)}"
            for field, inner in raw.items():
                value = inner
                if isinstance(inner, dict):
                    value = ", ".join([f"{name}={text}" for name, text in inner.items()])
                yield f"  {printable(field)}: {show_value(value)}"
        elif isinstance(raw, list):
            yield f"{style('strong', key)} ({len(raw):,})"
            yield from [f"  {show_value(value)}" for value in raw]


def _unlock_line(document: UnlockDocument) -> str:
    if not document.unlocked:
        return "The state is not locked."
    who = "unknown"
    if document.holder:
        who = "{who} on {host}, since {since}, for `{command}`".format(**document.holder)
    return f"Unlocked. The lock was held by: {who}."


def _numbers_for_sale(document: NumbersDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import for_sale  # one command needs it

    return for_sale.lines(document, style)


def _numbers(document: ListDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import number_list  # one command needs it

    return number_list.lines(document, style)


def _log(document: LogDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import log  # one command needs it

    return log.lines(document, style)


def _fleet_runs(document: FleetRunsDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import fleet_runs  # one command needs it

    return fleet_runs.lines(document, style)


def _fleet(document: FleetDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import fleet  # one command needs it

    return fleet.lines(document, style)


def _explanation(document: ExplainDocument, style: Style) -> Iterator[str]:
    from reconciler.report.text import explain  # one command needs it

    return explain.lines(document, style)


RENDERERS: dict[type[Document], Callable[[Any, Style], Iterable[str]]] = {
    PlanDocument: plan.lines,
    ApplyDocument: results.apply_lines,
    DriftDocument: results.drift_lines,
    ValidateDocument: lambda document, style: [style("good", valid_sentence(document))],
    StateListDocument: lambda document, style: [
        printable(row.address) for row in document.resources
    ],
    ResourceDocument: _resource,
    DoctorDocument: doctor.lines,
    FormatDocument: authoring.format_lines,
    LintDocument: authoring.lint_lines,
    InitDocument: authoring.init_lines,
    ExportDocument: authoring.export_lines,
    NumbersDocument: _numbers_for_sale,
    ListDocument: _numbers,
    LogDocument: _log,
    FleetDocument: _fleet,
    FleetRunsDocument: _fleet_runs,
    ExplainDocument: _explanation,
    StateDocument: state_lines,
    UnlockDocument: lambda document, style: [_unlock_line(document)],
}
"""Shape of a document → the function that returns its lines."""
