"""Read what the command of a stack printed, and return its entry in the report of the fleet.

The output is that of our own program, but it is bounded and checked like any other: a process may
have ended in the middle of a line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit
from reconciler.fleet.job import Ended, Job
from reconciler.fleet.patterns import CODE
from reconciler.planning.checks.secrecy import mask
from reconciler.report.documents.fleet import FleetItem, FleetStack, outcome_of

MOST_OUTPUT = 1 << 28
"""Bytes of the JSON of one stack; a plan of 100,000 changes has a fifth of it."""
MOST_ITEMS = 200
MOST_ERRORS = 20
_LAST_WORDS = 2_000
"""Characters of stderr that a report quotes from a process that crashed."""


class _Output(msgspec.Struct):
    """The parts of any document that a fleet reports."""

    summary: dict[str, Any] = {}
    diagnostics: list[Diagnostic] = []
    actions: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    drifted: list[dict[str, Any]] = []


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


def is_no_match(stack: FleetStack) -> bool:
    """Return whether a pattern of the command line matches nothing in this stack."""
    return any(each.code == CODE for each in stack.diagnostics)


def _make_entry(
    job: Job, exit_code: int | None, output: _Output, seconds: float, crash: Diagnostic | None
) -> FleetStack:
    errors = [each for each in output.diagnostics if each.severity == "error"]
    if crash is not None:
        errors.insert(0, crash)
    items = [_to_item(each) for each in (*output.actions, *output.outcomes, *output.drifted)]

    left_out = max(0, len(errors) - MOST_ERRORS) + max(0, len(items) - MOST_ITEMS)
    return FleetStack(
        name=job.name,
        directory=job.shown,
        # A plan with changes ends with 0 unless `--detailed-exitcode` is given.
        outcome="changes" if exit_code == Exit.DONE and output.actions else outcome_of(exit_code),
        exit_code=exit_code,
        summary=output.summary,
        seconds=round(seconds, 3),
        diagnostics=errors[:MOST_ERRORS],
        items=items[:MOST_ITEMS],
        left_out=left_out,
    )


def _to_item(row: dict[str, Any]) -> FleetItem:
    """Return an action, an outcome or a drifted resource in one form."""
    error = row.get("error") or {}
    fields = [str(each.get("field", "")) for each in row.get("fields") or []]
    what = str(row.get("action") or ("drift" if fields else row.get("status") or "drift"))
    why = error.get("code") or row.get("reason") or ", ".join(fields) or row.get("status") or ""
    return FleetItem(address=str(row.get("address", "")), what=what, why=str(why))


def _read_output(path: Path) -> _Output | None:
    """Return the document that a command printed; None where it is not complete."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_OUTPUT + 1)
        if len(data) > MOST_OUTPUT:
            return None
        return msgspec.json.decode(data, type=_Output)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def _describe(ended: Ended) -> Diagnostic:
    """Return the error of a process that did not end by itself, with its last words."""
    if ended.timed_out:
        what = f"It did not end in time, and was ended after {ended.seconds:.0f} seconds."
    elif ended.signal is not None:
        what = f"Its process was ended by signal {ended.signal}; 9 often means too little memory."
    else:
        what = f"Its process ended with code {ended.exit_code} and printed no complete report."

    words = _last_words(ended.errors)
    detail = f"{what} What was applied before is in its state. Run the stack alone to see more."
    if words:
        detail += f"\nIt printed last: {words}"
    return Diagnostic(
        code="stack_crashed", summary="The command of the stack crashed", detail=detail
    )


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
