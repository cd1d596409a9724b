"""Reword a plan's problem for a rollback, and warn of resources that stay as they are or whose
recorded values are uncertain. Pure.
"""

from __future__ import annotations

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.planning.decide.problems import CURE, quote_address, removal_protected

_MISSING = frozenset({"number_missing", "number_not_in_twilio"})


def describe_for_rollback(problem: Diagnostic) -> Diagnostic:
    """Return a problem of the plan with the reason and the cure that fit a rollback."""
    if problem.code in _MISSING:
        return rollback_incomplete(
            problem.address or "", "It is not on Twilio any more, and nothing is bought."
        )
    if problem.code == "protected" and problem.address:
        undone = "it was not ours back then, and is not released; nothing was rolled back"
        cure = f"{CURE} To roll back the rest, add\n  --exclude={quote_address(problem.address)}"
        return removal_protected(problem.address, undone, cure)

    # Declarations of a rollback are in no file.
    if problem.file:
        return problem
    return msgspec.structs.replace(problem, file=None, line=None, column=None)


def rollback_incomplete(address: str, reason: str) -> Diagnostic:
    """Return the warning about a resource that stays as it is."""
    return Diagnostic(
        severity="warning",
        code="rollback_incomplete",
        summary="Rollback is incomplete",
        detail=f"{address}: {reason} Everything else is restored.",
        address=address,
    )


def rollback_uncertain(address: str) -> Diagnostic:
    """Return the warning about a resource that an interrupted run was changing then."""
    return Diagnostic(
        severity="warning",
        code="rollback_uncertain",
        summary="That version was written in the middle of a run",
        detail=f"{address} was being changed then by a run that was interrupted; it is taken as it was before. "
        "`reconciler state history` shows the versions of runs that came to their end.",
        address=address,
    )
