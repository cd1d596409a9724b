"""Render a document as workflow commands of GitHub Actions: an annotation for each finding, at its
line of YAML, at most ten of a severity.

A runner executes every line of a log that begins with ``::``, so text from YAML or Twilio is
escaped as GitHub documents it: it can add neither a line nor a property.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.report.analysis.risks import Finding, list_findings
from reconciler.report.documents.types import Document
from reconciler.report.wording import printable

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_MOST = 10
"""GitHub shows this many annotations of a kind for one step, and drops the rest silently."""


def render(document: Document) -> str:
    """Render a document as one line for each annotation; the last line counts those that GitHub
    would drop.
    """
    ordered = sorted(
        list_findings(document), key=lambda finding: list(_COMMANDS).index(finding.severity)
    )

    lines: list[str] = []
    for severity, same in groupby(ordered, lambda f: f.severity):
        lines += _lines(severity, list(same))
    return "".join(f"{line}\n" for line in lines)


def _lines(severity: str, found: Sequence[Finding]) -> Iterator[str]:
    shown = found if len(found) <= _MOST else found[: _MOST - 1]
    yield from (_command(finding) for finding in shown)
    if len(shown) < len(found):
        yield f"::{_COMMANDS[severity]} title=reconciler::{len(found) - len(shown):,} more; other reports have them"


def _command(finding: Finding) -> str:
    properties = {"file": finding.file, "line": finding.line, "col": finding.column}
    given = [f"{name}={_property(str(raw))}" for name, raw in properties.items() if raw is not None]
    given.append(f"title={_property(f'{finding.rule}: {finding.summary}')}")
    return f"::{_COMMANDS[finding.severity]} {','.join(given)}::{_data(finding.message)}"


def _data(raw: str) -> str:
    """Escape a message; line breaks stay."""
    lines = "\n".join(printable(line) for line in raw.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(raw: str) -> str:
    return _data(printable(raw)).replace(":", "%3A").replace(",", "%2C")
