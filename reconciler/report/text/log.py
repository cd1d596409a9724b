"""Render the entries of `log`: a line with time, resource and action, then who did it and what it
changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.actor import describe_origin
from reconciler.planning.checks.secrecy import mask
from reconciler.planning.log.entries import LogEntry
from reconciler.report.documents.log import LogDocument
from reconciler.report.text.style import Style
from reconciler.report.width import cut
from reconciler.report.wording import NOTHING, count, printable

_INDENT = "    "


def lines(document: LogDocument, style: Style) -> Iterator[str]:
    """Return each entry, and a sentence with the counts."""
    for entry in document.entries:
        colour = "info" if entry.source == "reconciler" else "change"
        yield f"{printable(entry.time)}  {style('strong', printable(entry.address))}  {style(colour, entry.action)}"
        who = printable(_who(entry, with_actor=style.whole))
        for line in style.wrap(who, margin=len(_INDENT), indent="  "):
            yield _INDENT + line
        for change in entry.changes:
            yield _fit(_change(change.field, change.before, change.after), style)

    if document.entries:
        yield ""
    yield _summary(document)


def _who(entry: LogEntry, *, with_actor: bool) -> str:
    """Return who made a change, in words; -v also shows how Twilio names our own credentials."""
    actor = describe_origin(entry.actor) if entry.actor is not None else ""
    if entry.source == "twilio":
        return f"by {actor}"
    own = f"by this project, {entry.by}" if entry.by else "by this project"
    return f"{own}; {actor}" if actor and with_actor else own


def _change(field: str, before: object, after: object) -> str:
    return f"{_INDENT}{printable(field)}: {_value(before)} → {_value(after)}"


def _value(value: object) -> str:
    if value in (None, ""):
        return NOTHING
    return str(value).lower() if isinstance(value, bool) else mask(printable(str(value)))


def _fit(line: str, style: Style) -> str:
    """Return a line that fits the terminal; a log, or -v, gets it whole."""
    return line if style.width is None or style.whole else cut(line, style.width)


def _summary(document: LogDocument) -> str:
    """Return the counts; what could not be read is not counted as nothing."""
    counts = document.summary["by_source"]
    own, others = counts.get("reconciler", 0), counts.get("twilio", 0)
    missing = document.summary["unread_accounts"]
    unread = (
        f" The events of {', '.join(map(printable, missing))} are not known." if missing else ""
    )
    if not document.entries:
        return f"No change is known in this time.{unread}"
    total = count(len(document.entries), "change")
    return f"{total}: {own} by this project, {others} from Twilio's event log.{unread}"
