"""Build the documents of plans, saved plan files, applies, failed commands and drift checks, which
every format renders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UnsetType

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.execution.outcome import Outcome, Result
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.destination import Destination
from reconciler.model.heal import Heal
from reconciler.planning.checks.unexpected_forms import list_unexpected
from reconciler.planning.plan import UNREAD, Plan
from reconciler.planning.plan_digest import compute_digest
from reconciler.report.documents.plan_actors import attribute_changes, find_only_actor
from reconciler.report.documents.types import (
    AcceptedChanges,
    ActionOutcome,
    AgentChange,
    ApplyDocument,
    Document,
    DriftDocument,
    FailureDocument,
    NumberError,
    OutcomeError,
    PlanDocument,
    PlannedAction,
    RewrittenFileDiff,
)

if TYPE_CHECKING:
    from reconciler.planning.decide.drift import Drifted, EventLog
    from reconciler.state.plan_file import PlanFile


def plan_document(
    plan: Plan,
    diagnostics: Sequence[Diagnostic],
    *,
    command: str = "plan",
    would_refuse: Sequence[str] = (),
    digest: str | None = None,
    destinations: Sequence[Destination] | None = None,
    events: EventLog | None = None,
) -> PlanDocument:
    """Build the document of a plan; `diagnostics` are those of the configuration and of the guards,
    added to its own.

    `would_refuse` are the codes with which an apply would refuse it. Without a `digest` it is
    computed for a plan that writes no secrets. `events` is whether the event log could be read.
    """
    rows: list[PlannedAction] = []
    by_action: Counter[str] = Counter()
    addresses: set[str] = set()
    takeovers: set[str] = set()
    for action in plan.actions:
        rows.append(_plan_row(action, plan.heals.get(action.address, ())))
        by_action[action.action] += 1
        addresses.add(action.address)
        if action.takeover:
            takeovers.add(action.address)

    everything = sort_by_place([*diagnostics, *plan.diagnostics])
    return PlanDocument(
        command=command,
        summary={
            "actions": len(plan.actions),
            "addresses": len(addresses),
            "by_action": dict(sorted(by_action.items())),
            "takeovers": len(takeovers),
            "refreshes": len(plan.state_updates),
            "bound": sum(plan.bound.values()),
            "unmanaged": plan.unmanaged,
            **_excluded_count(plan),
            **_severities(everything),
            "would_refuse": list(would_refuse),
            "unread_accounts": list(plan.unread),
            **({} if events is None else {"events": events}),
        },
        diagnostics=everything,
        actions=rows,
        state_updates=list(plan.state_updates),
        unmanaged=plan.unmanaged,
        renames=plan.renames or msgspec.UNSET,
        digest=digest or compute_digest(plan.actions, {}),
        destinations=msgspec.UNSET if destinations is None else list(destinations),
    )


def apply_document(
    result: Result,
    diagnostics: Sequence[Diagnostic],
    *,
    command: str = "apply",
    plan: Plan | None = None,
) -> ApplyDocument:
    """Build the document of an apply; `plan` adds its warnings, and how many resources were
    excluded.
    """
    failures = result.failures
    by_action: Counter[str] = Counter()
    for outcome in result.outcomes:
        if outcome.succeeded:
            by_action[outcome.action.action] += 1

    summary = {
        "success_count": result.successes,
        "failed_count": len(failures),
        "interrupted": result.interrupted,
        "unread_accounts": list(plan.unread) if plan else [],
        "by_action": dict(sorted(by_action.items())),
    }
    if plan is not None:
        summary |= _excluded_count(plan)
        if plan.renames and not result.interrupted:
            summary["renames"] = len(plan.renames)

    return ApplyDocument(
        command=command,
        summary=summary,
        diagnostics=_diagnostics_of_run(result, diagnostics, plan),
        outcomes=[_outcome(outcome) for outcome in result.outcomes],
        success_count=result.successes,
        failed_count=len(failures),
        errors=[_error(outcome) for outcome in failures],
    )


def _diagnostics_of_run(
    result: Result, diagnostics: Sequence[Diagnostic], plan: Plan | None
) -> list[Diagnostic]:
    """Return the diagnostics of a run, of its plan, and of the forms in which Twilio stored values."""
    found = list(diagnostics)
    if plan is not None:
        found += plan.diagnostics

    # The plan may have warned of an unexpected form already.
    known = {(d.code, d.detail) for d in diagnostics}
    for warning in _warn_of_forms(result):
        if (warning.code, warning.detail) not in known:
            found.append(warning)
    return sort_by_place(found)


def _warn_of_forms(result: Result) -> Iterator[Diagnostic]:
    """Warn of values that Twilio has stored in a form that no listed rule explains."""
    for outcome in result.outcomes:
        if outcome.status == "normalised" and outcome.entry is not None:
            yield from list_unexpected(outcome.action.address, outcome.entry, outcome.action.set)


def _excluded_count(plan: Plan) -> dict[str, int]:
    """Return how many resources that would change are excluded; nothing when none is."""
    return {"left_out": plan.excluded} if plan.excluded else {}


def failure_document(
    command: str,
    diagnostics: Sequence[Diagnostic],
    done: Sequence[Outcome] = (),
    unread: Sequence[str] = (),
) -> Document:
    """Build the document of a command that failed; an `apply` has its own form, with the outcomes
    `done` by then.
    """
    ordered = sort_by_place(list(diagnostics))

    # What was written before the failure is reported, whatever the command.
    if command == "apply" or done:
        document = apply_document(Result(tuple(done)), ordered, command=command)
        document.summary |= {**_severities(ordered), "unread_accounts": list(unread)}
        return document

    summary: dict[str, Any] = dict(_severities(ordered))
    if unread:
        summary["unread_accounts"] = list(unread)
    return FailureDocument(command=command, summary=summary, diagnostics=ordered)


def drift_document(
    drifted: Sequence[Drifted],
    plan: Plan,
    diagnostics: Sequence[Diagnostic],
    *,
    events: EventLog = "read",
    command: str = "drift",
    accepted: AcceptedChanges | msgspec.UnsetType = msgspec.UNSET,
) -> DriftDocument:
    """Build the document of a drift check, with the number of pending changes.

    `events` is whether the event log could be read, which has the actors. `accepted` is what the
    files declare now.
    """
    drifted_addresses = {d.address for d in drifted}
    pending: set[str] = set()
    for action in plan.actions:
        # An action that only corrects reported drift is not pending as well.
        if action.reason != "drift" or action.address not in drifted_addresses:
            pending.add(action.address)

    # Other problems of the plan concern an apply, not what is there.
    unread = [d for d in plan.diagnostics if d.code in UNREAD]
    return DriftDocument(
        command=command,
        summary={
            "drifted": len(drifted),
            "pending": len(pending),
            "unmanaged": plan.unmanaged,
            "unread_accounts": list(plan.unread),
            "events": events,
            **({} if isinstance(accepted, UnsetType) else {"accepted": len(accepted.addresses)}),
        },
        diagnostics=sort_by_place([*diagnostics, *unread]),
        drifted=list(drifted),
        pending=len(pending),
        unmanaged=plan.unmanaged,
        accepted=accepted,
    )


def accepted_changes(addresses: Sequence[str], diffs: Mapping[str, str]) -> AcceptedChanges:
    """Build the part of a drift document about accepted drift."""
    files = [RewrittenFileDiff(file=file, diff=diff) for file, diff in diffs.items()]
    return AcceptedChanges(addresses=list(addresses), files=files)


def plan_file_document(saved: PlanFile) -> PlanDocument:
    """Build the document of a saved plan, as `plan` showed it."""
    plan = Plan(
        tuple(saved.actions),
        dict(saved.state_updates),
        (),
        saved.bound,
        saved.unmanaged,
        {},
        saved.renames,
    )

    # The digest covers the references, which a plan document does not have.
    digest = compute_digest(saved.actions, saved.references)
    document = plan_document(
        plan, saved.diagnostics, command="show", would_refuse=saved.would_refuse, digest=digest
    )
    document.summary |= {
        "created_at": saved.created_at,
        "lineage": saved.lineage,
        "serial": saved.serial,
    }
    return document


def _plan_row(action: Action, heals: Sequence[Heal]) -> PlannedAction:
    changes = attribute_changes(action, heals)
    agent = action.entry.options.agent if action.entry else None

    # An empty former agent is none; without a change of the agent it is not set at all.
    agent_change = None
    if action.agent_before is not None:
        agent_change = AgentChange(action.agent_before or None, agent)

    return PlannedAction(
        address=action.address,
        action=action.action,
        reason=action.reason,
        account=action.account,
        agent=agent,
        agent_change=agent_change,
        sid=action.sid,
        changes=changes,
        actor=find_only_actor(changes),
        takeover=list(action.takeover),
        route=action.route,
        file=action.file,
        line=action.line,
        column=action.column,
        note=action.note,
    )


def _outcome(outcome: Outcome) -> ActionOutcome:
    return ActionOutcome(
        address=outcome.action.address,
        action=outcome.action.action,
        status=outcome.status,
        error=OutcomeError(outcome.error.code, outcome.error.message) if outcome.error else None,
        note=outcome.note,
    )


def _error(outcome: Outcome) -> NumberError:
    error = outcome.error
    action = outcome.action
    return NumberError(
        address=action.address,
        phone_number_sid=action.sid if action.kind in NUMBER_KINDS else action.number_sid,
        code=error.code if error else "internal_error",
        message=error.message if error else "",
    )


def _severities(diagnostics: Sequence[Diagnostic]) -> dict[str, int]:
    counts = Counter(d.severity for d in diagnostics)
    return {"errors": counts["error"], "warnings": counts["warning"]}
