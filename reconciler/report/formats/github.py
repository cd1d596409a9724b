"""A document → workflow commands of GitHub Actions: an annotation at each line of YAML that needs attention.

A runner obeys every line of a log that begins with ``::``, so what comes from YAML or Twilio is escaped as GitHub
asks for it: neither a new line nor a property can be smuggled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.report.analysis.risks import Finding, list_findings
from reconciler.report.documents.types import Document
from reconciler.report.wording import printable

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_MOST = 10
"""GitHub shows so many annotations of a kind for one step, and drops the rest without a word."""


def render(document: Document) -> str:
    """One line for each annotation; of more than GitHub shows, the last says how many there are."""
    ordered = sorted(
        list_findings(document), key=lambda finding: list(_COMMANDS).index(finding.severity)
    )
    return "".join(
        f"{line}\n"
        for severity, same in groupby(ordered, lambda f: f.severity)
        for line in _lines(severity, list(same))
    )


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
    """A message, on several lines where it has them."""
    lines = "\n".join(printable(line) for line in raw.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(raw: str) -> str:
    return _data(printable(raw)).replace(":", "%3A").replace(",", "%2C")
