"""Results → exit codes: the one place that decides."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Exit
from reconciler.execution.outcome import Result
from reconciler.workflows.session import Planned


def plan_exit_code(planned: Planned, *, detailed: bool, fail_on_refusal: bool = False) -> int:
    """The exit code of a plan that was shown: errors first, then refusals, then changes.

    What consent on the command line of apply can lift is exit 4 only with `fail_on_refusal`. A refusal with severity
    `error` always is: no consent lifts a protection, a rule of level error or a policy.
    """
    refusals = set(planned.refusals)
    if any(d.severity == "error" and d not in refusals for d in planned.plan.diagnostics):
        return Exit.FAILED

    without_cure = any(
        d.severity == "error" and d in refusals for d in (*planned.plan.diagnostics, *planned.notes)
    )
    if without_cure or (refusals and fail_on_refusal):
        return Exit.REFUSED

    return Exit.CHANGES if detailed and planned.plan.actions else Exit.DONE


def result_exit_code(result: Result, unread: Sequence[str] = ()) -> int:
    """The exit code of an apply; `unread` are accounts that could not be read, about which nothing was done.

    Partial as soon as one action succeeded, be it an import, and one did not; failed when none succeeded.

    A failed action that left something changed is partial as well.
    """
    if not result.failures and not unread:
        return Exit.DONE
    if result.successes or any(outcome.half_done for outcome in result.failures):
        return Exit.PARTIAL
    return Exit.FAILED
