"""Results → exit codes: the one place that decides."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.apply.outcome import Result
from reconciler.config.lint.rules import is_violation
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit
from reconciler.planning.plan import Plan


def of_plan(plan: Plan, notes: Sequence[Diagnostic] = (), *, detailed: bool) -> int:
    """An error counts before a refusal (among the `notes`: a policy's, or the baseline's), a refusal before changes."""
    errors = {d.code for d in plan.diagnostics if d.severity == "error"}
    if errors - {"protected"}:
        return Exit.FAILED
    if errors or any(is_violation(note) or _protects(note) for note in notes):
        return Exit.REFUSED
    return Exit.CHANGES if detailed and plan.actions else Exit.DONE


def _protects(note: Diagnostic) -> bool:
    return note.code == "protected" and note.severity == "error"


def of_result(result: Result) -> int:
    """Partial as soon as one action succeeded, be it an import, and one did not; failed when none succeeded."""
    if not result.failures:
        return Exit.DONE
    return Exit.PARTIAL if result.successes else Exit.FAILED
