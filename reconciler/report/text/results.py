"""Render drift and the outcomes of an apply as text: the worst first, similar ones once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import UnsetType

from reconciler.kinds.known_hosts import describe_guess
from reconciler.report.analysis.drift_groups import DriftGroup, group_drift, split_small
from reconciler.report.analysis.groups import FEW, outcome_groups, outcome_reason
from reconciler.report.documents.types import (
    AcceptedChanges,
    ActionOutcome,
    ApplyDocument,
    DriftDocument,
)
from reconciler.report.tables.changes import drift_entry
from reconciler.report.tables.model import Entry
from reconciler.report.text.plan import change_lines, no_action_sentence, note_lines
from reconciler.report.text.style import Style
from reconciler.report.wording import count, examples, list_counts, printable


def drift_lines(document: DriftDocument, style: Style) -> Iterator[str]:
    """Return deleted resources first, then changed ones, with the actor; then the next steps."""
    groups = split_small(group_drift(document.drifted), whole=style.whole)
    for group in groups:
        yield from _drift_entry(group, style)

    if not isinstance(document.accepted, UnsetType):
        yield from _accepted_lines(document.accepted, len(document.drifted), style)
    elif document.drifted:
        yield ""
        many = count(len(document.drifted), "resource")
        yield style("bad", f"{many} drifted. `reconciler plan` shows what apply would do.")
    else:
        yield style("good", "No drift: the live values equal the last applied values.")
    if any(len(group.members) > 1 for group in groups):
        yield style(
            "quiet", "Similar drift is shown once; -v or --format json shows every resource."
        )
    if document.pending:
        yield f"{count(document.pending, 'resource')} waiting for other changes; see `reconciler plan`."
    if document.unmanaged:
        yield style("quiet", f"{count(document.unmanaged, 'number')} on Twilio not declared here.")


def _accepted_lines(accepted: AcceptedChanges, drifted: int, style: Style) -> Iterator[str]:
    """Return the differences of the files, and what was and was not accepted."""
    for file in accepted.files:
        yield ""
        for line in file.diff.splitlines():
            colour = {"+": "good", "-": "bad", "@": "info"}.get(line[:1], "")
            yield style(colour, printable(line)) if colour else printable(line)

    yield ""
    left = drifted - len(accepted.addresses)
    many = count(len(accepted.addresses), "resource")
    if accepted.files:
        yield style("good", f"{many} accepted: the files declare the live values now.")
        yield "Commit the files. The next apply records the values and writes nothing to Twilio."
    elif accepted.addresses:
        yield style("good", f"{many} accepted: the files declared the live values already.")
        yield "The next apply records the values and writes nothing to Twilio."
    else:
        yield "Nothing accepted, and no file changed."
    if left:
        yield style("bad", f"{count(left, 'resource')} drifted and not accepted.")


def apply_lines(document: ApplyDocument, style: Style) -> Iterator[str]:
    """Return failures, values that Twilio stored differently, and the counts."""
    for found in outcome_groups(document.outcomes):
        alike = [found] if len(found) > FEW and not style.whole else [[each] for each in found]
        for each in alike:
            yield from _outcome(each, style)

    if document.summary.get("interrupted"):
        yield style(
            "warn", "Stopped on request. Completed actions are saved. Run apply again to finish."
        )
    if not document.outcomes:
        yield style("strong", no_action_sentence(document) + _names(document))
        return

    colour = "good" if document.failed_count == 0 else "bad"
    yield style(colour, apply_sentence(document))


def _names(document: ApplyDocument) -> str:
    """Return a sentence about renames, which change only the state."""
    renames = document.summary.get("renames", 0)
    return f" In state {count(renames, 'name')} changed." if renames else ""


def apply_sentence(document: ApplyDocument) -> str:
    """Return a sentence with the counts of an apply."""
    counts = list_counts(document.summary.get("by_action", {}))
    done = f"{document.success_count:,} succeeded, {document.failed_count:,} failed"
    return f"Applied: {done}{f' ({counts})' if counts else ''}."


def _drift_entry(group: DriftGroup, style: Style) -> Iterator[str]:
    entry, first = drift_entry(group), group.first
    sign = style("bad", "-") if group.is_gone else style("change", "~")
    actors = style("info", f"  {entry.actors}") if entry.actors else ""
    place = style("quiet", f"  {entry.place}") if entry.place else ""
    yield f"{sign} {style('strong', entry.subject)}{actors}{place}"

    for row in entry.rows:
        if row.meaning == "gone":
            # Each resource of a group has a SID of its own.
            sid = "" if entry.is_group else f" ({row.before})"
            yield f"    {style('bad', row.name)}{sid}"
        else:
            old, new = f"{row.before} (recorded)", f"{row.after} (live)"
            yield from change_lines(f"{row.name}: ", old, new, style, len(row.name) + 2)

    if first.looks_like:
        yield from note_lines(describe_guess(first.looks_like), style)
    if entry.is_group:
        yield f"    {style('quiet', examples(entry.addresses))}"


def _outcome(found: Sequence[ActionOutcome], style: Style) -> Iterator[str]:
    first = found[0]
    entry = Entry([each.address for each in found], rows=[])
    reason = outcome_reason(first)
    some = f" ({examples(entry.addresses)})" if entry.is_group else ""
    colour = "warn" if first.error is None or first.status == "skipped" else "bad"
    head = f"{first.status} {entry.subject}"
    first_line, *rest = style.wrap(
        f"{head}{some} {first.action}: {reason}", margin=0, indent="    "
    )
    shown = f"{style(colour, first.status)} {style('strong', entry.subject)}"
    yield shown + first_line.removeprefix(head) if first_line.startswith(head) else first_line
    yield from rest
