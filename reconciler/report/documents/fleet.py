"""Define the document of `fleet …`: one entry for each stack, the counts of all, and the exit code
that follows from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit
from reconciler.report.documents.types import Document

StackOutcome = Literal[
    "done",
    "changes",
    "failed",
    "invalid",
    "refused",
    "partial",
    "locked",
    "crashed",
    "not_started",
    "waiting",
    "running",
]
"""How a stack ended, in a word: `changes` are those of a plan, or drift. In a queue it may also wait or
run.
"""

FIRST = (Exit.PARTIAL, Exit.FAILED, Exit.REFUSED, Exit.INVALID, Exit.USAGE, Exit.LOCKED)
"""The exit codes of stacks that decide the exit code of the fleet, the first that occurred first;
then 7 and 2.
"""

_OUTCOMES: dict[int, StackOutcome] = {
    Exit.DONE: "done",
    Exit.CHANGES: "changes",
    Exit.FAILED: "failed",
    Exit.INVALID: "invalid",
    Exit.REFUSED: "refused",
    Exit.PARTIAL: "partial",
    Exit.LOCKED: "locked",
    Exit.USAGE: "failed",
}


class FleetChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that changes, with its values as reports show them. `takeover`: the value before is
    foreign, and is lost.
    """

    field: str
    before: str
    after: str
    takeover: bool = False


class FleetItem(msgspec.Struct, frozen=True, kw_only=True):
    """One action of a plan, one outcome of an apply, or one resource that has drifted. `changes` are
    its first fields; those of drift lead from the recorded value to the live one.
    """

    address: str
    what: str
    why: str
    changes: list[FleetChange] = []


class FleetStack(msgspec.Struct, frozen=True, kw_only=True):
    """One stack. `exit_code` is null when its command did not end by itself, or was not started.

    `summary` is that of the command. `diagnostics` are its first errors, `items` the first actions,
    outcomes or drifted resources; `left_out` is the number of the others of both. `codes` counts every
    error by its code.
    """

    name: str
    directory: str
    outcome: StackOutcome
    exit_code: int | None
    summary: dict[str, Any]
    seconds: float
    diagnostics: list[Diagnostic]
    items: list[FleetItem]
    left_out: int
    codes: dict[str, int] = {}

    @property
    def would_refuse(self) -> list[str]:
        """Return the codes with which an apply would refuse the plan of the stack."""
        codes = self.summary.get("would_refuse")
        return [str(code) for code in codes] if isinstance(codes, list) else []


class FleetDocument(Document, kw_only=True):
    """The output of a command of `fleet`."""

    stacks: list[FleetStack]


MOST_ITEMS = 50_000
"""Items of all stacks in one document."""
_LIMITS = (200, 100, 50, 20, 10, 5, 2, 1, 0)


def find_share(sizes: Sequence[Sequence[int]], most: int) -> int:
    """Return how many entries each stack may have so that their sizes add up to no more than `most`;
    `sizes` has those of the entries of each stack.
    """
    for limit in _LIMITS:
        if sum([sum(each[:limit]) for each in sizes]) <= most:
            return limit
    return 0


def outcome_of(exit_code: int | None) -> StackOutcome:
    """Return the word for the exit code of a stack that was started."""
    if exit_code is None:
        return "crashed"
    return _OUTCOMES.get(exit_code, "failed")


def fleet_exit_code(stacks: Iterable[FleetStack]) -> int:
    """Return the exit code of a fleet: the first of 5, 1, 4, 3, 64, 6, 7, 2 that occurred, else 0.

    A stack that crashed, or was not started, counts as failed.
    """
    codes: set[int] = set()
    for stack in stacks:
        codes.add(Exit.FAILED if stack.exit_code is None else stack.exit_code)
    for code in (*FIRST, 7, Exit.CHANGES):
        if code in codes:
            return int(code)
    return Exit.FAILED if codes - {Exit.DONE} else Exit.DONE


def fleet_document(
    command: str,
    stacks: Sequence[FleetStack],
    diagnostics: Sequence[Diagnostic],
    seconds: float,
    run: int | None = None,
) -> FleetDocument:
    """Build the document of all stacks, with as many items of each as there is room for; `run` is the
    number of their run in a queue.
    """
    outcomes = Counter([stack.outcome for stack in stacks])
    totals: Counter[str] = Counter()
    for stack in stacks:
        totals.update(_count_work(stack.summary))

    summary: dict[str, Any] = {
        "stacks": len(stacks),
        "outcomes": dict(sorted(outcomes.items())),
        "totals": dict(sorted(totals.items())),
        "seconds": round(seconds, 3),
    }
    if run is not None:
        summary["run"] = run
    return FleetDocument(
        command=command, summary=summary, diagnostics=list(diagnostics), stacks=_bound_items(stacks)
    )


def _bound_items(stacks: Sequence[FleetStack]) -> list[FleetStack]:
    most = find_share([[1] * len(stack.items) for stack in stacks], MOST_ITEMS)
    bounded: list[FleetStack] = []
    for stack in stacks:
        rest = len(stack.items) - most
        if rest > 0:
            left_out = stack.left_out + rest
            stack = msgspec.structs.replace(stack, items=stack.items[:most], left_out=left_out)
        bounded.append(stack)
    return bounded


def _count_work(summary: dict[str, Any]) -> dict[str, int]:
    """Return the whole numbers of a summary, which can be added up."""
    counts: dict[str, int] = {}
    for name, value in summary.items():
        if isinstance(value, int) and not isinstance(value, bool):
            counts[name] = value
    return counts
