"""Write the parts of the HTML page that only a fleet has: the causes of failures, and the table of
stacks that a script fills, with the plan of each stack inside its row.

The page is bounded: what it leaves out is counted in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.report.analysis.fleet_causes import group_causes
from reconciler.report.documents.fleet import FleetDocument, FleetItem, FleetStack, find_share
from reconciler.report.text.fleet import WORDS, describe_work, sort_by_urgency
from reconciler.report.truncate import shorten
from reconciler.report.wording import count, place_of, printable

MOST_STACKS = 10_000
MOST_ITEM_TEXT = 6_000_000
"""Characters of all actions, outcomes and drifted resources on the page."""
MOST_ERROR_TEXT = 2_000_000
_MOST_CAUSES = 50
_NAMED = 5
_LONGEST = 300
_LONGEST_ERROR = 600

TABLE = """<section><h2 id="table">Every stack</h2>
<div class="tools"><label>Search <input id="search" type="search" autocomplete="off"
placeholder="stack, number, code"></label>
<span class="hint">press <kbd>/</kbd></span>
<div id="kinds" role="group" aria-label="Show only"></div><output id="count" aria-live="polite"></output></div>
<table class="fleet"><thead><tr></tr></thead><tbody></tbody></table>
<button id="more" type="button" hidden>Show more</button>
<noscript><p>The table needs JavaScript; the part above does not.</p></noscript></section>
"""


class ErrorText(msgspec.Struct, frozen=True, array_like=True):
    """One error of a stack."""

    code: str
    place: str
    text: str


class ItemText(msgspec.Struct, frozen=True, array_like=True):
    """One action, outcome or drifted resource; `fields` are (name, before, after, lost)."""

    address: str
    what: str
    why: str
    fields: list[tuple[str, str, str, bool]]


class StackText(msgspec.Struct, frozen=True, array_like=True):
    """One stack; `left_out` counts its errors and items that are not on the page."""

    name: str
    directory: str
    outcome: str
    work: str
    seconds: float
    errors: list[ErrorText]
    items: list[ItemText]
    left_out: int


class FleetRows(msgspec.Struct, frozen=True):
    """The data of the table; `outcomes` are in the order of their buttons."""

    outcomes: list[str]
    stacks: list[StackText]


def fleet_rows(document: FleetDocument) -> FleetRows:
    """Return the stacks, those that need attention first, as far as the page may have them."""
    stacks = sort_by_urgency(document.stacks)[:MOST_STACKS]
    most_items = find_share(
        [list(map(_measure_item, stack.items)) for stack in stacks], MOST_ITEM_TEXT
    )
    most_errors = find_share(
        [list(map(_measure_error, stack.diagnostics)) for stack in stacks], MOST_ERROR_TEXT
    )

    rows = [_stack_text(stack, most_errors, most_items) for stack in stacks]
    present = {row.outcome for row in rows}
    return FleetRows([words for words in WORDS.values() if words in present], rows)


def _measure_item(item: FleetItem) -> int:
    """Return how much text an item takes on the page."""
    texts = [item.address, item.what, item.why]
    for change in item.changes:
        texts += (change.field, change.before, change.after)
    return sum([min(len(text), _LONGEST) + 10 for text in texts])


def _measure_error(error: Diagnostic) -> int:
    return 100 + min(len(error.detail or error.summary), _LONGEST_ERROR)


def _stack_text(stack: FleetStack, most_errors: int, most_items: int) -> StackText:
    errors = stack.diagnostics[:most_errors]
    items = stack.items[:most_items]
    left_out = stack.left_out + len(stack.diagnostics) - len(errors) + len(stack.items) - len(items)

    texts: list[ErrorText] = []
    for each in errors:
        texts.append(ErrorText(_short(each.code), _short(place_of(each)), _error_text(each)))
    rows: list[ItemText] = []
    for item in items:
        fields: list[tuple[str, str, str, bool]] = []
        for change in item.changes:
            pair = _short(change.before), _short(change.after)
            fields.append((_short(change.field), *pair, change.takeover))
        rows.append(ItemText(_short(item.address), _short(item.what), _short(item.why), fields))
    return StackText(
        name=_short(stack.name),
        directory=_short(stack.directory),
        outcome=WORDS[stack.outcome],
        work=_short(describe_work(stack) or ", ".join({text.code: None for text in texts[:3]})),
        seconds=stack.seconds,
        errors=texts,
        items=rows,
        left_out=left_out,
    )


def left_out_sentence(document: FleetDocument, rows: FleetRows) -> str:
    """Return what the page leaves out, in words; empty when it has everything."""
    words: list[str] = []
    stacks = len(document.stacks) - len(rows.stacks)
    if stacks:
        words.append(count(stacks, "stack"))
    entries = sum(stack.left_out for stack in rows.stacks)
    if entries:
        words.append(
            f"{count(entries, 'action or error', 'actions and errors')} of the stacks below"
        )
    if not words:
        return ""
    return (
        f"This page leaves out {' and '.join(words)}: each stack has its first ones. Run a stack alone "
        "to see all of them."
    )


def causes(document: FleetDocument) -> Iterator[str]:
    """Yield what keeps stacks from ending well, what most stacks have first."""
    found = group_causes(document.stacks)
    if not found:
        return
    yield '<section><h2>What failed</h2>\n<ul class="problems">'
    for cause in found[:_MOST_CAUSES]:
        names = ", ".join([_e(_short(name)) for name in cause.stacks[:_NAMED]])
        rest = len(cause.stacks) - _NAMED
        more = f" and {rest:,} more" if rest > 0 else ""
        code = _e(_short(cause.code))
        button = f'<button class="cause" type="button" data-search="{code}">{code}</button>'
        yield (
            f"<li class=error>{button} <b>{count(len(cause.stacks), 'stack')}</b>: {_e(_short(cause.summary))}"
            f"<p>{names}{more}</p>"
        )
        if cause.example:
            first = cause.example.splitlines()[0]
            yield f"<p class=note>For example: {_e(_short(first, _LONGEST_ERROR))}</p>"
        yield "</li>\n"
    if len(found) > _MOST_CAUSES:
        yield f"<li>{len(found) - _MOST_CAUSES:,} more causes are in the table below.</li>"
    yield "</ul></section>\n"


def _error_text(error: Diagnostic) -> str:
    """Return the detail of an error; its line breaks stay, which `printable` would write out."""
    lines = shorten(error.detail or error.summary, _LONGEST_ERROR).splitlines()
    return "\n".join(map(printable, lines))


def _short(raw: str, longest: int = _LONGEST) -> str:
    return printable(shorten(raw, longest))


def _e(raw: str) -> str:
    return escape(printable(raw))
