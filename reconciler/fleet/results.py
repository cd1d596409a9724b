"""Read what the command of a stack printed, and return its entry in the report of the fleet.

The output is that of our own program, but it is bounded and checked like any other: a process may
have ended in the middle of a line.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit
from reconciler.fleet.job import MOST_OUTPUT, Ended, EndReason, Job
from reconciler.fleet.patterns import CODE
from reconciler.model.route import WireValue
from reconciler.planning.checks.secrecy import mask
from reconciler.report.documents.fleet import FleetChange, FleetItem, FleetStack, outcome_of
from reconciler.report.truncate import shorten, shorten_pair
from reconciler.report.wording import show_value

MOST_ITEMS = 200
MOST_CHANGES = 10
MOST_ERRORS = 20
_LONGEST_VALUE = 160
_LONGEST_DETAIL = 4_000
_ROOM = 1 << 16
"""Bytes without which a folder counts as full."""
_LAST_WORDS = 2_000
"""Characters of stderr that a report quotes from a process that crashed."""


class _Error(msgspec.Struct):
    code: str = ""


class _Field(msgspec.Struct):
    """A field that changes, or has drifted."""

    field: str = ""
    before: WireValue = None
    after: WireValue = None
    recorded: WireValue = None
    live: WireValue = None


class _Row(msgspec.Struct):
    """An action, an outcome or a drifted resource, as far as a fleet reports it."""

    address: str = ""
    action: str = ""
    status: str = ""
    reason: str | None = None
    error: _Error | None = None
    changes: list[_Field] = []
    takeover: list[_Field] = []
    fields: list[_Field] = []


class _Output(msgspec.Struct):
    """The parts of any document that a fleet reports."""

    summary: dict[str, Any] = {}
    diagnostics: list[Diagnostic] = []
    actions: list[_Row] = []
    outcomes: list[_Row] = []
    drifted: list[_Row] = []


def read_result(ended: Ended) -> FleetStack:
    """Return the entry of a stack whose process has ended."""
    output = _read_output(ended.output)
    if output is None or ended.exit_code is None:
        return _make_entry(ended.job, None, output or _Output(), ended.seconds, _describe(ended))
    return _make_entry(ended.job, ended.exit_code, output, ended.seconds, None)


def not_started(job: Job) -> FleetStack:
    """Return the entry of a stack that was not started."""
    return FleetStack(
        name=job.name,
        directory=job.shown,
        outcome="not_started",
        exit_code=None,
        summary={},
        seconds=0.0,
        diagnostics=[],
        items=[],
        left_out=0,
    )


def make_waiting(job: Job) -> FleetStack:
    """Return the entry of a stack that waits in a queue."""
    return msgspec.structs.replace(not_started(job), outcome="waiting")


class Room:
    """How much the entries of a fleet may still hold: all of them are in memory until the end."""

    def __init__(self) -> None:
        self._items = 0
        self._errors = 0

    def fit(self, entry: FleetStack) -> FleetStack:
        """Return an entry with fewer items and errors once other stacks have many; `left_out` counts
        the others.
        """
        items = entry.items[: _choose_limit(self._items, _ITEM_LIMITS)]
        errors = entry.diagnostics[: _choose_limit(self._errors, _ERROR_LIMITS)]
        self._items += len(items)
        self._errors += len(errors)

        rest = len(entry.items) - len(items) + len(entry.diagnostics) - len(errors)
        if not rest:
            return entry
        return msgspec.structs.replace(
            entry, items=items, diagnostics=errors, left_out=entry.left_out + rest
        )


_ITEM_LIMITS = ((100_000, MOST_ITEMS), (200_000, 20), (400_000, 2))
_ERROR_LIMITS = ((20_000, MOST_ERRORS), (sys.maxsize, 1))
"""Up to so many of all stacks, one stack may have so many; an item takes about a kilobyte. The first
error decides what a stack needs.
"""


def _choose_limit(total: int, limits: Sequence[tuple[int, int]]) -> int:
    for until, limit in limits:
        if total < until:
            return limit
    return 0


def is_no_match(stack: FleetStack) -> bool:
    """Return whether a pattern of the command line matches nothing in this stack."""
    return any(each.code == CODE for each in stack.diagnostics)


def _make_entry(
    job: Job, exit_code: int | None, output: _Output, seconds: float, crash: Diagnostic | None
) -> FleetStack:
    errors = [_shorten_error(each) for each in output.diagnostics if each.severity == "error"]
    if crash is not None:
        errors.insert(0, crash)
    rows = [*output.actions, *output.outcomes, *output.drifted]

    left_out = max(0, len(errors) - MOST_ERRORS) + max(0, len(rows) - MOST_ITEMS)
    return FleetStack(
        name=job.name,
        directory=job.shown,
        # A plan with changes ends with 0 unless `--detailed-exitcode` is given.
        outcome="changes" if exit_code == Exit.DONE and output.actions else outcome_of(exit_code),
        exit_code=exit_code,
        summary=output.summary,
        seconds=round(seconds, 3),
        diagnostics=errors[:MOST_ERRORS],
        items=[_to_item(row) for row in rows[:MOST_ITEMS]],
        left_out=left_out,
        codes=_count_codes(errors, output.outcomes),
    )


def _count_codes(errors: list[Diagnostic], outcomes: list[_Row]) -> dict[str, int]:
    """Return how often each code occurs among the errors and the actions that did not succeed."""
    counts = Counter([each.code for each in errors])
    for outcome in outcomes:
        if outcome.error is not None:
            counts[outcome.error.code] += 1
    return dict(sorted(counts.items()))


def _shorten_error(error: Diagnostic) -> Diagnostic:
    """Return an error with a detail of bounded length: it may quote a configuration or a server."""
    if len(error.detail) <= _LONGEST_DETAIL:
        return error
    return msgspec.structs.replace(error, detail=shorten(error.detail, _LONGEST_DETAIL))


def _to_item(row: _Row) -> FleetItem:
    """Return an action, an outcome or a drifted resource in one form."""
    code = row.error.code if row.error is not None else ""
    fields = [each.field for each in row.fields]
    what = row.action or ("drift" if fields else row.status or "drift")
    why = code or row.reason or ", ".join(fields) or row.status
    return FleetItem(address=row.address, what=what, why=why, changes=_to_changes(row))


def _to_changes(row: _Row) -> list[FleetChange]:
    """Return the first fields that change; foreign values that are lost come first."""
    lost = {(each.field, each.before) for each in row.takeover}
    found: list[FleetChange] = []
    changed: set[str] = set()
    for each in row.changes:
        changed.add(each.field)
        found.append(_to_change(each, each.before, each.after, (each.field, each.before) in lost))
    for each in row.takeover:
        if each.field not in changed:
            found.append(_to_change(each, each.before, each.after, True))
    for each in row.fields:
        found.append(_to_change(each, each.recorded, each.live, False))
    return sorted(found, key=lambda change: not change.takeover)[:MOST_CHANGES]


def _to_change(field: _Field, before: WireValue, after: WireValue, takeover: bool) -> FleetChange:
    pair = shorten_pair(show_value(before), show_value(after), _LONGEST_VALUE)
    return FleetChange(field=field.field, before=pair[0], after=pair[1], takeover=takeover)


def _read_output(path: Path) -> _Output | None:
    """Return the document that a command printed; None where it is not complete."""
    try:
        if path.stat().st_size > MOST_OUTPUT:
            return None
        data = path.read_bytes()
        return msgspec.json.decode(data, type=_Output)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


_REASONS: dict[EndReason, str] = {
    "time": "It did not end in time, and was ended after {seconds:.0f} seconds.",
    "request": "It was stopped on request, before it had printed its report.",
    "output": "It printed more than a report can have.",
    "no_start": "Its process could not be started ({problem}).",
    "no_server": "The server of the processes was ended from outside.",
}


def _describe(ended: Ended) -> Diagnostic:
    """Return the error of a process that did not end by itself, with its last words."""
    if ended.reason:
        what = _REASONS[ended.reason].format(seconds=ended.seconds, problem=ended.problem)
    elif ended.signal is not None:
        what = f"Its process was ended by signal {ended.signal}; 9 often means too little memory."
    elif _has_too_much(ended.output):
        what = _REASONS["output"]
    else:
        what = f"Its process ended with code {ended.exit_code} and printed no complete report."
        if _is_full(ended.output.parent):
            what += " The folder for temporary files is full; TMPDIR names another one."

    detail = f"{what} What was applied before is in its state. Run the stack alone to see more."
    words = _last_words(ended.errors)
    if words:
        detail += f"\nIt printed last: {words}"
    return Diagnostic(
        code="stack_crashed", summary="The command of the stack crashed", detail=detail
    )


def _has_too_much(path: Path) -> bool:
    try:
        return path.stat().st_size > MOST_OUTPUT
    except OSError:
        return False


def _is_full(folder: Path) -> bool:
    """Return whether a folder has no room for a report; False where the system has no answer."""
    if not hasattr(os, "statvfs"):
        return False
    try:
        system = os.statvfs(folder)
    except OSError:
        return False
    return system.f_bavail * system.f_frsize < _ROOM


def _last_words(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LAST_WORDS))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = text.strip().splitlines()
    return mask(lines[-1]) if lines else ""
