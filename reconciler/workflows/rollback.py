"""Return the goal of `rollback` and `undo`: the resources of an earlier version of the state, found
by serial, by time or as the previous one.

`planning.goals.rollback` plans towards it, `recorded_goal` carries the plan out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.planning.goals import rollback as planning
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.selection.scope import find_accounts_outside, keep_inside
from reconciler.state.format.document import State
from reconciler.state.records import StoredVersion
from reconciler.state.stores.store import Store
from reconciler.workflows.recorded_goal import FindGoal, Goal
from reconciler.workflows.session import RunOptions

PREVIOUS = "previous"
"""The version before the present one: `undo` rolls back to it."""


def find_rollback_goal(to: str) -> FindGoal:
    """Return the function that finds the goal of a rollback to a version, given by serial or time."""

    def find_goal(options: RunOptions, project: Project, store: Store, state: State) -> Goal:
        then = find_version(store, state, to)
        target = planning.rollback_target(then.resources, state.resources)
        known = planning.entries_of_both(then.resources, state.resources)
        outside = find_accounts_outside(options.targets, target.desired, known)
        desired, recorded = keep_inside(target.desired, known, outside)

        def decide(observed: Observed) -> Plan:
            # Nothing is concluded from an account that cannot be read, or that no target is in.
            readable = planning.keep_readable(target, observed.unread.keys() | outside)
            return planning.plan_rollback(readable, observed, project.our_urls)

        notes = planning.warn_of_difference(target, project.desired)
        return Goal(desired, recorded, decide, (then.resources, state.resources), notes)

    return find_goal


def find_version(store: Store, now: State, to: str) -> State:
    """Return the version that `to` names, of the same lineage as the present one. Raises
    ReconcilerError.
    """
    versions = store.history()
    serial = _find_serial(versions, now, to)
    then = store.version(serial) if serial is not None else None
    if then is None or then.lineage != now.lineage:
        raise ReconcilerError(_version_missing(to, versions))
    return msgspec.structs.replace(then, journal_records=0)


def _find_serial(versions: Sequence[StoredVersion], now: State, to: str) -> int | None:
    """Return the serial of a version given by serial or time; None when there is none."""
    if to == PREVIOUS:
        # The journal is newer than the present version, so with records in it that version is the
        # previous one.
        older = []
        for version in versions:
            if version.serial < now.serial or now.journal_records:
                older.append(version.serial)
        return max(older, default=None)

    if to.isdecimal():
        return int(to)

    moment = _parse_time(to)
    written_before = []
    for version in versions:
        if version.saved is not None and datetime.fromisoformat(version.saved.at) <= moment:
            written_before.append(version.serial)
    return max(written_before, default=None)


def _parse_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        detail = f"{text!r} is neither a serial nor a time: write 12, or 2026-03-01T12:00:00Z."
        raise UsageError(
            Diagnostic(code="version_not_kept", summary="Invalid version", detail=detail)
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _version_missing(to: str, versions: Sequence[StoredVersion]) -> Diagnostic:
    serials = ", ".join(str(version.serial) for version in versions)
    what = (
        "There is no version before the present one"
        if to == PREVIOUS
        else f"There is no version for `{to}`"
    )
    nothing = "Nothing was ever applied into this state. Check `state` in the configuration."
    known = f"Stored versions: {serials}. `reconciler state history` shows when and by whom each was written."
    return Diagnostic(
        code="version_not_kept",
        summary="Version of the state not found",
        detail=f"{what}, and nothing was changed. {known if versions else nothing}",
    )
