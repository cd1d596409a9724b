"""Render the stacks of a fleet as a table, those that need attention first, with their errors and the
counts of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.planning.checks.secrecy import mask
from reconciler.report.documents.fleet import FleetDocument, FleetStack, StackOutcome
from reconciler.report.text.style import Style
from reconciler.report.width import align_columns
from reconciler.report.wording import count, place_of, printable

WORDS: dict[StackOutcome, str] = {
    "partial": "applied in part",
    "failed": "failed",
    "crashed": "crashed",
    "refused": "refused",
    "invalid": "invalid",
    "locked": "locked",
    "not_started": "not started",
    "running": "running",
    "waiting": "waiting",
    "changes": "changes",
    "done": "done",
}
"""Outcome → words, those that need attention first."""
_COLOURS: dict[StackOutcome, str] = {
    "done": "good",
    "changes": "change",
    "not_started": "warn",
    "running": "warn",
    "waiting": "warn",
}
_MOST_ROWS = 50
"""Up to this many stacks that ended well are listed; with -v all of them."""
_MOST_ERRORS = 3


def lines(document: FleetDocument, style: Style) -> Iterator[str]:
    """Return the table of stacks, the errors of each, and the counts."""
    stacks = sort_by_urgency(document.stacks)
    shown, left_out = _choose(stacks, style)
    if shown:
        table = [("stack", "outcome", "", "seconds"), *map(_cells, shown)]
        first, *rest = align_columns(table)
        yield style("strong", first)
        for stack, line in zip(shown, rest, strict=True):
            yield style(_COLOURS.get(stack.outcome, "bad"), line)
            yield from _error_lines(stack, style)
    if left_out:
        yield f"{left_out:,} more ended well; -v lists them."

    yield ""
    yield headline(document)


def headline(document: FleetDocument) -> str:
    """Return a sentence with the number of stacks and how they ended."""
    outcomes = document.summary.get("outcomes", {})
    words = []
    for outcome, name in WORDS.items():
        if outcomes.get(outcome):
            words.append(f"{outcomes[outcome]:,} {name}")
    stacks = count(len(document.stacks), "stack")
    return f"{stacks}: {', '.join(words) or 'none'}, in {document.summary['seconds']:.1f} s."


def sort_by_urgency(stacks: Sequence[FleetStack]) -> list[FleetStack]:
    """Return the stacks, those that need attention first; the order of the fleet stays otherwise."""
    order = list(WORDS)
    return sorted(stacks, key=lambda stack: order.index(stack.outcome))


def describe_work(stack: FleetStack) -> str:
    """Return what a stack did or would do, in words."""
    summary = stack.summary
    words: list[str] = []
    by_action = summary.get("by_action")
    if isinstance(by_action, dict):
        for action, number in by_action.items():
            words.append(f"{action} {number}")
    if isinstance(summary.get("drifted"), int) and summary["drifted"]:
        words.append(f"{summary['drifted']} drifted")
    return printable(", ".join(words))


def _choose(stacks: list[FleetStack], style: Style) -> tuple[list[FleetStack], int]:
    """Return the stacks to list, and how many that ended well are left out."""
    well = [stack for stack in stacks if stack.outcome == "done"]
    if style.whole or len(well) <= _MOST_ROWS:
        return stacks, 0
    return [stack for stack in stacks if stack.outcome != "done"], len(well)


def _cells(stack: FleetStack) -> tuple[str, ...]:
    seconds = f"{stack.seconds:.1f}" if stack.seconds else ""
    return (printable(stack.name), WORDS[stack.outcome], describe_work(stack), seconds)


def _error_lines(stack: FleetStack, style: Style) -> Iterator[str]:
    """Yield the first errors of a stack, indented below it."""
    shown = stack.diagnostics if style.whole else stack.diagnostics[:_MOST_ERRORS]
    for each in shown:
        place = place_of(each)
        where = f"{printable(place)}: " if place else ""
        text = printable(each.detail.splitlines()[0] if each.detail else each.summary)
        yield mask(f"    {where}{each.code}: {text}")
    rest = len(stack.diagnostics) - len(shown)
    if rest > 0:
        yield f"    {rest} more errors; -v lists them."
