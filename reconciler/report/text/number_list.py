"""Render the numbers of `list` as a table, with the number of rows by status."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.planning.checks.secrecy import mask
from reconciler.report.documents.numbers import ListDocument, NumberRow
from reconciler.report.text.style import Style
from reconciler.report.width import align_columns, fit_columns
from reconciler.report.wording import NOTHING, count, printable

_WORDS = {"in_sync": "in sync", "unknown": "not read"}
_COLOURS = {"drifted": "warn", "pending": "change", "missing": "bad"}
_FLEXIBLE = ("friendly name", "agent", "calls", "messages", "labels")
"""The columns that become narrower on a narrow terminal."""


def lines(document: ListDocument, style: Style) -> Iterator[str]:
    """Return the table, and a sentence with the counts."""
    if not document.numbers:
        yield "No number matches."
        return

    # The account says something only where there are several.
    several = len({row.account for row in document.numbers}) > 1
    head = ["number", *(["account"] if several else []), "friendly name", "agent", "calls"]
    head += ["messages", "labels", "status"]
    table = [tuple(head), *[_cells(row, several) for row in document.numbers]]

    # A log gets whole values; so does a terminal with `-v`.
    if style.width is not None and not style.whole:
        flexible = [index for index, name in enumerate(head) if name in _FLEXIBLE]
        table = fit_columns(table, flexible, style.width)

    first, *rest = align_columns(table)
    yield style("strong", first)
    for row, line in zip(document.numbers, rest, strict=True):
        colour = _COLOURS.get(row.status or "")
        yield style(colour, line) if colour else line

    yield ""
    yield f"{count(len(document.numbers), 'number')}: {_count_words(document)}."


def _cells(row: NumberRow, with_account: bool) -> tuple[str, ...]:
    labels = ", ".join([f"{name}={value}" for name, value in row.labels.items()])
    account = [printable(row.account)] if with_account else []
    return (
        printable(row.e164 or row.sid or row.address),
        *account,
        printable(row.friendly_name or NOTHING),
        printable(row.agent or NOTHING),
        mask(printable(row.route.voice or "not known")),
        mask(printable(row.route.sms or "not known")),
        printable(labels or NOTHING),
        _WORDS.get(row.status or "unknown", row.status or ""),
    )


def _count_words(document: ListDocument) -> str:
    parts: list[str] = []
    for status, number in document.summary["by_status"].items():
        parts.append(f"{number:,} {_WORDS.get(status, status)}")
    return ", ".join(parts)
