"""What can be wrong with a state, its journal, its lock or a plan file, as errors that say how to mend it.

In come places and reasons, out come exceptions ready to raise; reads nothing and decides nothing.
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateError

_REPAIR_STATE = (
    "Nothing was changed. Put the last good copy back (the .backup beside the state holds the version before the last "
    "change; else take it from version control), or mend this place by hand, then run again."
)
_REPAIR_JOURNAL = (
    "Nothing was changed. The journal holds what an interrupted run did and what is not in the state yet, prior values "
    "among it. Put a good copy of it back, or give it up by moving it aside, then run plan and look closely:"
)


def state_damaged(origin: str, reason: str, *, line: int | None = None, column: int | None = None) -> StateError:
    """The state cannot be understood at this place."""
    return _error("state_damaged", "The state is damaged", f"{origin}: {reason}. {_REPAIR_STATE}", origin, line, column)


def journal_damaged(origin: str, reason: str, *, line: int | None = None) -> StateError:
    """The journal cannot be understood, or does not belong to the state beside it."""
    detail = f"{origin}: {reason}. {_REPAIR_JOURNAL}\n  mv {origin} {origin}.aside"
    return _error("state_damaged", "The journal of the state is damaged", detail, origin, line)


def state_too_new(origin: str, found: int, known: int) -> StateError:
    """A newer version of the reconciler wrote the state or its journal."""
    detail = f"{origin} has format {found}; this version reads up to {known}. Install the version that wrote it."
    return _error("state_too_new", "The state was written by a newer version", detail, origin)


def state_too_old(origin: str, found: int) -> StateError:
    """No way leads from this format to the present one."""
    detail = f"{origin} has format {found}, which this version cannot bring up to date. Run an older version first."
    return _error("state_too_old", "The state was written by a version too old", detail, origin)


def state_wrong_project(origin: str, found: str, wanted: str) -> StateError:
    """The state belongs to another project than the configuration."""
    detail = (
        f"{origin} belongs to project {found!r}, the configuration says {wanted!r}. "
        "Correct `project` or `state` in the configuration: two projects must not share a state."
    )
    return _error("state_wrong_project", "The state belongs to another project", detail, origin)


def state_moved(origin: str, found: str, wanted: str) -> StateError:
    """The state is not the one that the caller worked from."""
    detail = f"{origin} is at {found}, but this run worked from {wanted}. Another run wrote in between: run again."
    return _error("state_moved", "The state changed during the run", detail, origin)


def state_unreadable(origin: str, error: OSError | str) -> StateError:
    """The state, or its folder, cannot be opened."""
    detail = f"{origin} cannot be read: {_reason(error)}. Check `state` in the configuration and the permissions."
    return _error("state_unreadable", "The state cannot be read", detail, origin)


def state_unwritable(origin: str, error: OSError | str) -> StateError:
    """The state, its journal or its lock cannot be written."""
    detail = (
        f"{origin} cannot be written: {_reason(error)}. What was saved before is intact. Make room or correct the "
        "permissions, then run again: it continues from the journal."
    )
    return _error("state_unwritable", "The state cannot be written", detail, origin)


def state_backend_missing(scheme: str) -> StateError:
    """A store that this version does not have; the location itself may hold a password and is not repeated."""
    detail = f"A state at {scheme}://… is not supported by this version yet. Name a file:\n  state: ./state.json"
    return _error("state_backend_missing", "This kind of state store is not supported yet", detail)


def plan_damaged(origin: str, reason: str) -> StateError:
    """The plan file cannot be understood."""
    detail = f"{origin}: {reason}. A plan file cannot be mended: make a new one.\n  reconciler plan --out {origin}"
    return _error("plan_damaged", "The plan file is damaged", detail, origin)


def plan_too_new(origin: str, found: int, known: int) -> StateError:
    """Another version of the reconciler wrote the plan file."""
    detail = (
        f"{origin} has format {found}, this version writes and reads {known}. Apply it with the version that made it, "
        f"or make a new one:\n  reconciler plan --out {origin}"
    )
    return _error("plan_too_new", "The plan file was written by another version", detail, origin)


def plan_unreadable(origin: str, error: OSError | str) -> StateError:
    """The plan file cannot be opened."""
    return _error("plan_unreadable", "The plan file cannot be read", f"{origin}: {_reason(error)}.", origin)


def plan_unwritable(origin: str, error: OSError | str) -> StateError:
    """The plan file cannot be written."""
    return _error("plan_unwritable", "The plan file cannot be written", f"{origin}: {_reason(error)}.", origin)


def _reason(error: OSError | str) -> str:
    return error if isinstance(error, str) else error.strerror or str(error)


def _error(
    code: str, summary: str, detail: str, file: str | None = None, line: int | None = None, column: int | None = None
) -> StateError:
    return StateError(Diagnostic(code=code, summary=summary, detail=detail, file=file, line=line, column=column))
