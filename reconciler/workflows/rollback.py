"""Roll back to a version of the state, given by serial or time: build an ordinary plan towards it,
and apply it.

Nothing here prints, reads the command line or decides an exit code. `planning.goals.rollback`
builds the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.planning.goals import rollback as planning
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.selection.narrow import narrow_plan
from reconciler.planning.selection.scope import find_accounts_outside, keep_inside
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.state.records import StoredVersion
from reconciler.state.recovery.missing_state import load_for_writing
from reconciler.state.stores.store import Store
from reconciler.workflows.guards import apply_guards, check_claims
from reconciler.workflows.pipeline import decide_with_list_users
from reconciler.workflows.plan_apply import Confirm, Planner, apply_planned, read_plan_only
from reconciler.workflows.session import Applied, Consent, Planned, RunOptions

PREVIOUS = "previous"
"""The version before the present one: `undo` rolls back to it."""


def rollback(options: RunOptions, consent: Consent, to: str, confirm: Confirm) -> Applied:
    """Restore what was applied in a version of the state. Raises Refused, and what a plan raises."""
    return apply_planned(options, consent, confirm, planner(options, consent, to))


def preview(options: RunOptions, consent: Consent, to: str) -> Planned:
    """Plan a rollback without changing anything, and check the plan as a rollback with this consent
    would.
    """
    return read_plan_only(options, planner(options, consent, to))


def planner(options: RunOptions, consent: Consent, to: str) -> Planner:
    """Return the planner of the rollback."""

    def plan_rollback(
        project: Project,
        store: Store,
        gateways: Mapping[str, Gateway],
        confirmed: PlanFile | None = None,
        /,
    ) -> Planned:
        now = load_for_writing(store, project)
        then = find_version(store, now, to)
        there = planning.rollback_target(then.resources, now.resources)
        known = planning.entries_of_both(then.resources, now.resources)
        outside = find_accounts_outside(options.targets, there.desired, known)
        observed = observe(
            *keep_inside(there.desired, known, outside), gateways, options.progress.report_read
        )

        # Nothing is concluded from an account that cannot be read, or that no target is in.
        part = planning.keep_readable(there, observed.unread.keys() | outside)

        def decide(seen: Observed) -> Plan:
            return planning.plan_rollback(part, seen, project.our_urls)

        whole, unread = decide_with_list_users(decide(observed), decide, observed, gateways)
        chosen = narrow_plan(
            whole, options.targets, options.excludes, recorded=(then.resources, now.resources)
        )

        # Errors stay in the plan and stop it; everything else becomes a note.
        remarks = [d for d in chosen.diagnostics if d.severity != "error"]
        notes = [*remarks, *unread, *planning.warn_of_difference(there, project.desired)]
        errors = tuple(d for d in chosen.diagnostics if d.severity == "error")
        chosen = msgspec.structs.replace(chosen, diagnostics=errors)

        planned = Planned(
            project=project, state=now, plan=chosen, observed=observed, notes=tuple(notes)
        )
        return apply_guards(options, check_claims(planned, store), consent)

    return plan_rollback


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
