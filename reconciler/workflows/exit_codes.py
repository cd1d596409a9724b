"""Return the exit code of a plan (errors, refusals, changes) and of an apply (done, partial,
failed); print nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Exit
from reconciler.execution.outcome import Result
from reconciler.workflows.session import Planned


def plan_exit_code(planned: Planned, *, detailed: bool, fail_on_refusal: bool = False) -> int:
    """Return the exit code of a plan: errors first, then refusals, then changes.

    A refusal that consent can lift gives exit 4 only with `fail_on_refusal`. A refusal with
    severity `error` always does: no consent lifts a protection, a rule of level error or a policy.
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
    """Return the exit code of an apply; `unread` are accounts and registrations that could
    not be read, so nothing was done there.

    Partial when at least one action succeeded, even an import, and one did not; failed when none
    succeeded. A failed action that left something changed is partial as well.
    """
    if not result.failures and not unread:
        return Exit.DONE
    if result.successes or any(outcome.half_done for outcome in result.failures):
        return Exit.PARTIAL
    return Exit.FAILED
