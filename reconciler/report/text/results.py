"""Render drift and the outcomes of an apply as text: the worst first, similar ones once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds.known_hosts import describe_guess
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.groups import (
    FEW,
    drift_groups,
    is_gone,
    outcome_groups,
    outcome_reason,
)
from reconciler.report.documents.types import ActionOutcome, ApplyDocument, DriftDocument
from reconciler.report.text.plan import change_lines, no_action_sentence
from reconciler.report.text.style import Style
from reconciler.report.wording import count, examples, kind_of, printable, show_value


def drift_lines(document: DriftDocument, style: Style) -> Iterator[str]:
    """Return deleted resources first, then changed ones, with the actor; then the next steps."""
    for found in drift_groups(document.drifted):
        alike = [found] if len(found) > FEW and not style.whole else [[each] for each in found]
        for each in alike:
            yield from _drift_entry(each, style)

    if document.drifted:
        yield ""
        many = count(len(document.drifted), "resource")
        yield style("bad", f"{many} drifted. `reconciler plan` shows what apply would do.")
    else:
        yield style("good", "No drift: the live values equal the last applied values.")
    if document.pending:
        yield f"{count(document.pending, 'resource')} waiting for other changes; see `reconciler plan`."
    if document.unmanaged:
        yield style("quiet", f"{count(document.unmanaged, 'number')} on Twilio not declared here.")


def apply_lines(document: ApplyDocument, style: Style) -> Iterator[str]:
    """Return failures, values that Twilio stored differently, and the counts."""
    for found in outcome_groups(document.outcomes):
        alike = [found] if len(found) > FEW and not style.whole else [[each] for each in found]
        for each in alike:
            yield _outcome(each, style)

    if document.summary.get("interrupted"):
        yield style(
            "warn", "Stopped on request; what was done is saved. Run apply again to finish."
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
    counts = ", ".join(
        f"{number:,} {action}" for action, number in document.summary.get("by_action", {}).items()
    )
    done = f"{document.success_count:,} succeeded, {document.failed_count:,} failed"
    return f"Applied: {done}{f' ({counts})' if counts else ''}."


def _drift_entry(found: Sequence[Drifted], style: Style) -> Iterator[str]:
    first = found[0]
    gone = is_gone(first)
    who = _who([each.address for each in found])
    actor = f"  by {printable(first.actor)}" if first.actor else ""
    yield (
        style("bad" if gone else "change", "-" if gone else "~")
        + f" {style('strong', who)}{style('info', actor)}"
    )

    if gone:
        yield f"    {style('bad', 'gone from Twilio')}" + (
            f" ({show_value(first.sid)})" if len(found) == 1 else ""
        )

    for field in () if gone else first.fields:
        head, length = f"{printable(field.field)}: ", len(field.field) + 2
        old, new = f"{show_value(field.recorded)} (recorded)", f"{show_value(field.live)} (live)"
        yield from change_lines(head, old, new, style, length)
    if first.looks_like:
        yield f"    {style('quiet', describe_guess(first.looks_like))}"
    if len(found) > 1:
        yield f"    {style('quiet', examples([each.address for each in found]))}"


def _outcome(found: Sequence[ActionOutcome], style: Style) -> str:
    first = found[0]
    who = _who([each.address for each in found])
    some = f" ({examples([each.address for each in found])})" if len(found) > 1 else ""
    colour = "warn" if first.error is None or first.status == "skipped" else "bad"
    return f"{style(colour, first.status)} {style('strong', who)}{some} {first.action}: {outcome_reason(first)}"


def _who(addresses: Sequence[str]) -> str:
    return (
        printable(addresses[0])
        if len(addresses) == 1
        else count(len(addresses), kind_of(addresses[0]))
    )
