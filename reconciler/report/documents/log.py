"""Build the document of `log`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.planning.decide.drift import EventLog
from reconciler.planning.log.entries import LogEntry
from reconciler.report.documents.types import Document, ReadSummary


class LogDocument(Document, kw_only=True):
    """The output of `log`, oldest first. `summary.events` is `read`, `denied` or `unavailable`: the
    events of `summary.unread_accounts` are not known. Our own writes are known since
    `summary.own_since`, null when they are known for the whole time.
    """

    summary: ReadSummary
    entries: list[LogEntry]


def log_document(
    entries: Sequence[LogEntry],
    diagnostics: Sequence[Diagnostic],
    *,
    events: EventLog,
    own_since: str | None,
    unread_accounts: Sequence[str],
) -> LogDocument:
    """Build the document."""
    by_source = Counter(entry.source for entry in entries)
    return LogDocument(
        command="log",
        summary={
            "entries": len(entries),
            "by_source": dict(sorted(by_source.items())),
            "events": events,
            "own_since": own_since,
            "unread_accounts": list(unread_accounts),
        },
        diagnostics=sort_by_place(list(diagnostics)),
        entries=list(entries),
    )
