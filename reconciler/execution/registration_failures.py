"""Compare a platform's list with the intended result of an action or its undo, and build the
outcomes of unread, unverified and contradicted actions. No I/O.
"""

from __future__ import annotations

import msgspec

from reconciler.errors import RemoteError
from reconciler.execution.outcome import Failure, Outcome, verification_failure
from reconciler.execution.read_numbers import Rows
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.route import Attrs
from reconciler.remote.platforms.contract import Adapter, RegisteredNumber, RegistrationRequest


def unread_outcome(action: Action, rows: Rows) -> Outcome:
    """Return the outcome of an action that was not started: its former values, needed for an undo,
    are unknown.
    """
    error = rows[action.address]
    assert isinstance(error, RemoteError)

    problem = error.diagnostics[0]
    message = (
        "Nothing was done: the present values of the number on Twilio could not be read. "
        f"{problem.detail or problem.summary}"
    )
    return Outcome(action=action, status="failed", error=Failure(error.code, message), unmade=True)


def unverified_outcome(outcome: Outcome, adapter: Adapter, error: RemoteError) -> Outcome:
    """Return the outcome of an action that cannot be read back; one that was undone has failed
    already.
    """
    if outcome.status == "reverted":
        return msgspec.structs.replace(outcome, note=f"undone, but could not be read back: {error}")
    failure = verification_failure(outcome.action.address, adapter.kind.title, str(error))
    return msgspec.structs.replace(outcome, status="failed", error=failure, half_done=True)


def explain_failed_undo(was: RegisteredNumber | None, found: RegisteredNumber | None) -> str:
    """Return what is not as before an action that was undone; empty when all is."""
    if was is None:
        return "it is still there" if found is not None else ""
    if found is None:
        return "it is not there"
    return _explain_differences(was.attrs, found)


def _explain_differences(expected: Attrs, found: RegisteredNumber) -> str:
    differ: list[str] = []
    for name, value in expected.items():
        if name in found.attrs and found.attrs[name] != value:
            differ.append(name)
    return f"other values in {', '.join(differ)}" if differ else ""


def not_reverted_outcome(outcome: Outcome, adapter: Adapter, wrong: str) -> Outcome:
    """Return the outcome of an action whose undo the platform confirmed and its list contradicts."""
    key = Address.parse(outcome.action.address).key
    former_message = outcome.error.message if outcome.error is not None else ""
    message = (
        f"{former_message} After the undo, {adapter.kind.title}'s list shows for {key}: {wrong}. "
        "Correct it there by hand."
    )

    code = outcome.error.code if outcome.error is not None else "write_dropped"
    return msgspec.structs.replace(
        outcome, status="failed", error=Failure(code, message), half_done=True, unmade=False
    )


def explain_failed_action(
    action: Action, request: RegistrationRequest, found: RegisteredNumber | None
) -> str:
    """Return what is not as the action should have left it; empty when all that can be read is
    correct.
    """
    if action.action == "unregister":
        return "it is still there" if found is not None else ""
    if found is None:
        return "it is not there"
    return _explain_differences(request.attrs, found)


def contradicted_outcome(outcome: Outcome, adapter: Adapter, wrong: str) -> Outcome:
    """Return the outcome of an action that the platform confirmed and its list contradicts."""
    message = (
        f"{adapter.kind.title} confirmed the change of {outcome.action.address}, but its list shows: "
        f"{wrong}."
    )
    failure = Failure("write_dropped", message)
    return msgspec.structs.replace(outcome, status="dropped", error=failure)
