"""Render the documents of `state mv`, `rm`, `push`, `history` and `repair` as text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.state import (
    StateChangeDocument,
    StateDocument,
    StateHistoryDocument,
    StateRepairDocument,
)
from reconciler.report.text.style import Style

_SIGNS = {"added": ("+", "good"), "changed": ("~", "change"), "removed": ("-", "bad")}


def state_lines(document: StateDocument, style: Style) -> Iterator[str]:
    """Return the lines of a document."""
    match document:
        case StateChangeDocument():
            return _changes(document, style)
        case StateHistoryDocument():
            return _history(document, style)
        case StateRepairDocument():
            return _repair(document, style)
        case _:
            return iter(())


def _changes(document: StateChangeDocument, style: Style) -> Iterator[str]:
    for row in document.changes:
        sign, colour = _SIGNS[row.change]
        yield f"{style(colour, sign)} {style('strong', row.address)}"

    if not document.changes:
        yield "Nothing to change in state."
    elif document.serial_after is None:
        yield "Dry run: nothing was written."
    else:
        yield (
            f"The state is now at serial {document.serial_after}; serial {document.serial_before} stays in its history. "
            "Nothing was written to Twilio."
        )


def _history(document: StateHistoryDocument, style: Style) -> Iterator[str]:
    for version in document.versions:
        details = "  ".join(
            part for part in (version.at, version.who, version.run, version.job_url) if part
        )
        yield f"{style('strong', str(version.serial).rjust(6))}  {details}".rstrip()
    if not document.versions:
        yield "There is no state yet."


def _repair(document: StateRepairDocument, style: Style) -> Iterator[str]:
    if not document.damaged:
        yield style("good", "Nothing is damaged.")
        return
    yield f"Damaged: {', '.join(document.damaged)}."
    yield f"{document.from_file} resources can be read in the file; {document.from_history} more in former versions; "
    yield f"{document.from_journal} records of the journal continue them. In all: {document.resources} resources."

    # A hand edit and a changed bit look the same, so a person has to check each of these.
    if document.changes:
        yield "The file does not match its digest. These resources differ from the version before; check each of them:"
        for row in document.changes:
            sign, colour = _SIGNS[row.change]
            yield f"{style(colour, sign)} {style('strong', row.address)}"

    if document.dry_run:
        yield "Dry run: nothing was written."
    else:
        aside = f"; the damaged files are {', '.join(document.aside)}" if document.aside else ""
        yield f"Written again{aside}. Run `reconciler plan` and check its actions."
