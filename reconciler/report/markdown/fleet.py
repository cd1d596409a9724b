"""Render a fleet as Markdown: the stacks that did not end well, the plan of each stack with changes, and
the names of the others, each part as far as there is room for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from reconciler.report.analysis.fleet_causes import group_causes
from reconciler.report.documents.fleet import FleetDocument, FleetItem, FleetStack
from reconciler.report.markdown.escape import (
    FIRST_COLUMN,
    LAST_COLUMN,
    code,
    fit_rows,
    fold,
    head,
    row,
    size,
    text,
)
from reconciler.report.markdown.tables import Part, write_table
from reconciler.report.text.fleet import WORDS, describe_work, sort_by_urgency
from reconciler.report.truncate import shorten, shorten_pair
from reconciler.report.wording import count, printable

_ELSEWHERE = "`--report html=FILE` and `--format json` have more."
_REFERENCE = re.compile(r"[@#](?=\S)")
"""Before a word it mentions a user or an issue."""
_LONGEST_NAME = 80
_LONGEST_VALUE = 100
_MOST_ITEMS = 10
"""Actions of one stack; more of them would leave no room for the other stacks."""
_MOST_CHANGES = 3
_SENTENCE = 200
"""Bytes for the sentence about what is left out."""


def fleet_parts(document: FleetDocument) -> Iterator[Part]:
    """Return the parts of the report, the most urgent first."""
    stacks = sort_by_urgency(document.stacks)
    failed = [stack for stack in stacks if stack.outcome not in ("done", "changes")]
    changed = [stack for stack in stacks if stack.outcome == "changes"]
    done = [stack for stack in stacks if stack.outcome == "done"]
    yield lambda _, room: _causes(stacks, room)
    yield lambda _, room: _failed(failed, room)
    yield lambda _, room: _plans(changed, room)
    yield lambda _, room: _done(done, room)


def _causes(stacks: Sequence[FleetStack], room: int) -> str:
    """Return the causes that several stacks share."""
    rows: list[str] = []
    for cause in group_causes(stacks):
        if len(cause.stacks) > 1:
            names = ", ".join(
                [code(name, _LONGEST_NAME, FIRST_COLUMN) for name in cause.stacks[:3]]
            )
            more = f" and {len(cause.stacks) - 3:,} more" if len(cause.stacks) > 3 else ""
            what = f"{code(cause.code, width=LAST_COLUMN)}<br>{text(cause.summary, LAST_COLUMN)}"
            rows.append(row(f"**{count(len(cause.stacks), 'stack')}**<br>{names}{more}", what))
    return write_table("Shared causes", len(rows), rows, room, ("Stacks", "Cause"))


def _failed(stacks: Sequence[FleetStack], room: int) -> str:
    """Return the stacks that did not end well, each with its first error."""
    rows: list[str] = []
    for stack in stacks:
        error = ""
        if stack.diagnostics:
            first = stack.diagnostics[0]
            lines = (first.detail or first.summary).splitlines()
            detail = text(shorten(" ".join(lines), 300), LAST_COLUMN)
            error = f"<br>{code(first.code, width=LAST_COLUMN)} {detail}"
        rows.append(row(_name(stack), f"{WORDS[stack.outcome]}{error}"))
    return write_table("Need attention", len(rows), rows, room, ("Stack", "Outcome"))


def _plans(stacks: Sequence[FleetStack], room: int) -> str:
    """Return the plan or the drift of each stack, folded."""
    if not stacks:
        return ""
    top = f"#### {count(len(stacks), 'stack')} with changes\n\n"
    shown = list(fit_rows(map(_plan, stacks), room - size(top) - _SENTENCE))
    rest = len(stacks) - len(shown)
    left_out = f"{rest:,} of {len(stacks):,} stacks are left out here. {_ELSEWHERE}\n\n"
    return top + "".join(shown) + (left_out if rest else "")


def _plan(stack: FleetStack) -> str:
    """Return the first actions of a stack in a table, folded below its name."""
    work = describe_work(stack)
    title = f"{_title_text(stack.name)}: {_title_text(work)}" if work else _title_text(stack.name)
    items = stack.items[:_MOST_ITEMS]
    if not items:
        return f"- {title}\n\n"

    rest = len(stack.items) - len(items) + stack.left_out
    left_out = f"\n{count(rest, 'more action', 'more actions')}.\n" if rest else ""
    table = head("Resource", "Change") + "".join(map(_item, items))
    return fold(title, table + left_out)


def _item(item: FleetItem) -> str:
    lines = [f"{text(item.what, LAST_COLUMN)} ({text(item.why, LAST_COLUMN)})"]
    for change in item.changes[:_MOST_CHANGES]:
        before, after = shorten_pair(change.before, change.after, _LONGEST_VALUE)
        lost = "⚠️ takes over " if change.takeover else ""
        name = f"{lost}{code(change.field, width=LAST_COLUMN)}"
        values = f"{code(before, width=LAST_COLUMN)}<br>→ {code(after, width=LAST_COLUMN)}"
        lines.append(f"{name}: {values}")
    if len(item.changes) > _MOST_CHANGES:
        lines.append(f"and {count(len(item.changes) - _MOST_CHANGES, 'field')} more")
    return row(code(item.address, width=FIRST_COLUMN), "<br>".join(lines))


def _done(stacks: Sequence[FleetStack], room: int) -> str:
    """Return the stacks without changes, folded."""
    if not stacks:
        return ""
    title = f"{count(len(stacks), 'stack')} {WORDS['done']}"
    rows: list[str] = []
    for stack in stacks:
        rows.append(row(_name(stack), text(describe_work(stack), LAST_COLUMN) or "–"))
    table = write_table(title, len(rows), rows, room - _SENTENCE, ("Stack", "Result"))
    return fold(title, table)


def _name(stack: FleetStack) -> str:
    return code(stack.name, _LONGEST_NAME, FIRST_COLUMN)


def _title_text(raw: str) -> str:
    """Return a text for the title of a fold: HTML, in which a backslash escapes nothing."""
    plain = _REFERENCE.sub("\\g<0>\u200b", printable(shorten(raw, _LONGEST_NAME)))
    return escape(plain, quote=False)
