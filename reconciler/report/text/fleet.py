"""Render the stacks of a fleet as a table, those that need attention first, with their errors and the
counts of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.planning.checks.secrecy import mask
from reconciler.report.analysis.fleet_causes import group_causes, needs_attention
from reconciler.report.documents.fleet import FleetDocument, FleetStack, StackOutcome
from reconciler.report.text.style import Style
from reconciler.report.width import align_columns, cut, fit_columns
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
_HEAD = ("stack", "outcome", "", "seconds")
_MOST_ROWS = 50
"""Up to this many stacks that ended well are listed, and as many that did not; with -v all of them."""
_MOST_ERRORS = 3
_SAME = "(the same error)"
_FEW_FAILURES = 5
"""With more failures each stack shows its first error alone, in a line."""


def lines(document: FleetDocument, style: Style) -> Iterator[str]:
    """Return the table of stacks, the errors of each, what is left out, and the counts."""
    stacks = sort_by_urgency(document.stacks)
    shown = _choose(stacks, style)
    failures = len([stack for stack in stacks if needs_attention(stack)])
    is_short = failures > _FEW_FAILURES and not style.whole
    if shown:
        first, *rest = align_columns(_fit([_HEAD, *map(_cells, shown)], style))
        yield style("strong", first)
        former: list[str] = []
        for stack, line in zip(shown, rest, strict=True):
            yield style(_COLOURS.get(stack.outcome, "bad"), line)
            own = [*(_short_error(stack, style) if is_short else _error_lines(stack, style))]
            is_repeated = is_short and own == former
            yield from [f"    {_SAME}"] if is_repeated and own else own
            former = own

    names = {stack.name for stack in shown}
    yield from _left_out([stack for stack in stacks if stack.name not in names])
    if is_short:
        yield "-v shows each error in full."
    yield from _frequent(document)
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

    def urgency(stack: FleetStack) -> tuple[int, bool, bool]:
        # Of the plans, those that an apply would refuse, or that take over foreign values.
        is_harmless = not stack.summary.get("takeovers")
        return order.index(stack.outcome), not stack.would_refuse, is_harmless

    return sorted(stacks, key=urgency)


def describe_work(stack: FleetStack) -> str:
    """Return what a stack did or would do, in words."""
    summary = stack.summary
    words: list[str] = []
    by_action = summary.get("by_action")
    if isinstance(by_action, dict):
        for action, number in by_action.items():
            words.append(f"{action} {number:,}" if isinstance(number, int) else str(action))
    if isinstance(summary.get("drifted"), int) and summary["drifted"]:
        words.append(f"{summary['drifted']:,} drifted")
    takeovers = summary.get("takeovers")
    if isinstance(takeovers, int) and takeovers:
        words.append(count(takeovers, "takeover"))
    if stack.would_refuse:
        words.append(f"apply would refuse: {', '.join(stack.would_refuse)}")
    return printable(", ".join(words))


def _choose(stacks: list[FleetStack], style: Style) -> list[FleetStack]:
    """Return the stacks to list: the first of each kind, and those that ended well only when they are
    few.
    """
    if style.whole:
        return stacks
    failed: list[FleetStack] = []
    changed: list[FleetStack] = []
    others: list[FleetStack] = []
    for stack in stacks:
        if needs_attention(stack):
            failed.append(stack)
        elif stack.outcome == "changes":
            changed.append(stack)
        else:
            others.append(stack)
    if len(others) > _MOST_ROWS:
        others = []
    return [*failed[:_MOST_ROWS], *changed[:_MOST_ROWS], *others]


def _left_out(stacks: Sequence[FleetStack]) -> Iterator[str]:
    """Yield how many stacks of each outcome the table leaves out, with the first names of those that
    did not end well.
    """
    for outcome, words in WORDS.items():
        names = [printable(stack.name) for stack in stacks if stack.outcome == outcome]
        if not names:
            continue
        some = ""
        if outcome not in ("done", "changes"):
            some = f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        yield mask(f"{len(names):,} more: {words}{some}; -v lists them.")


def _frequent(document: FleetDocument) -> Iterator[str]:
    """Yield the causes that several stacks share."""
    words: list[str] = []
    for cause in group_causes(document.stacks)[:3]:
        if len(cause.stacks) > 1:
            words.append(f"{printable(cause.code)} in {count(len(cause.stacks), 'stack')}")
    if words:
        yield ""
        yield f"Most frequent: {', '.join(words)}."


def _fit(rows: Sequence[tuple[str, ...]], style: Style) -> Sequence[tuple[str, ...]]:
    return rows if style.width is None or style.whole else fit_columns(rows, (0, 2), style.width)


def _cells(stack: FleetStack) -> tuple[str, ...]:
    seconds = f"{stack.seconds:.1f}" if stack.seconds else ""
    return (printable(stack.name), WORDS[stack.outcome], describe_work(stack), seconds)


def _short_error(stack: FleetStack, style: Style) -> Iterator[str]:
    """Yield the place and the summary of the first error of a stack."""
    for each in stack.diagnostics[:1]:
        place = place_of(each)
        where = f"{printable(place)}: " if place else ""
        line = mask(f"{where}{each.code}: {printable(each.summary)}")
        yield f"    {cut(line, style.width - 4) if style.width else line}"


def _error_lines(stack: FleetStack, style: Style) -> Iterator[str]:
    """Yield the first errors of a stack, indented below it."""
    shown = stack.diagnostics if style.whole else stack.diagnostics[:_MOST_ERRORS]
    for each in shown:
        place = place_of(each)
        where = f"{printable(place)}: " if place else ""
        text = printable(each.detail.splitlines()[0] if each.detail else each.summary)
        for line in style.wrap(mask(f"{where}{each.code}: {text}"), margin=4):
            yield f"    {line}"
    rest = len(stack.diagnostics) - len(shown)
    if rest > 0:
        yield f"    {rest} more {'error' if rest == 1 else 'errors'}; -v lists them."
