"""Values of a run → the documents that are printed; text and JSON are two renderings of the same document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.config.lint_rules import RULES
from reconciler.config.source.source_line import mask_secrets
from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.execution.outcome import Outcome, Result
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.destination import Destination
from reconciler.model.entry import Entry
from reconciler.planning.checks.unexpected_forms import list_unexpected
from reconciler.planning.equality import digest_of
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.plan import Plan
from reconciler.report.documents.call_graph import Graph
from reconciler.report.documents.types import (
    ActionOutcome,
    ApplyDocument,
    DoctorDocument,
    Document,
    DriftDocument,
    ExportDocument,
    FailureDocument,
    FormatDocument,
    FormattedFile,
    GraphDocument,
    LintDocument,
    LintRule,
    ListedNumber,
    NumberError,
    NumbersDocument,
    OutcomeError,
    PlanDocument,
    PlannedAction,
    ResourceDocument,
    ResourceRow,
    StateListDocument,
    UnlockDocument,
)

if TYPE_CHECKING:
    from reconciler.config.source.format import Formatted
    from reconciler.doctor.check import Check
    from reconciler.export.document import Exported
    from reconciler.kinds.purchase import NumberForSale
    from reconciler.planning.decide.drift import Drifted
    from reconciler.state.plan_file import PlanFile
    from reconciler.state.stores.store import LockInfo


def plan_document(
    plan: Plan,
    diagnostics: Sequence[Diagnostic],
    *,
    command: str = "plan",
    would_refuse: Sequence[str] = (),
    digest: str | None = None,
    destinations: Sequence[Destination] | None = None,
) -> PlanDocument:
    """The plan as it is shown; `diagnostics` are those of the configuration and of the guard, added to its own.

    `would_refuse` are the codes with which an apply would refuse it. Without a `digest` it is computed for a plan that
    writes no secrets.
    """
    counts = Counter(action.action for action in plan.actions)
    everything = sort_by_place([*diagnostics, *plan.diagnostics])
    return PlanDocument(
        command=command,
        summary={
            "actions": len(plan.actions),
            "addresses": len({action.address for action in plan.actions}),
            "by_action": dict(sorted(counts.items())),
            "takeovers": len({action.address for action in plan.actions if action.takeover}),
            "refreshes": len(plan.state_updates),
            "bound": sum(plan.bound.values()),
            "unmanaged": plan.unmanaged,
            **_left_out(plan),
            **_severities(everything),
            "would_refuse": list(would_refuse),
            "unread_accounts": list(plan.unread),
        },
        diagnostics=everything,
        actions=[_planned(action) for action in plan.actions],
        refreshes=list(plan.state_updates),
        unmanaged=plan.unmanaged,
        renames=plan.renames or msgspec.UNSET,
        digest=digest or digest_of(plan.actions, {}),
        destinations=msgspec.UNSET if destinations is None else list(destinations),
    )


def apply_document(
    result: Result,
    diagnostics: Sequence[Diagnostic],
    *,
    command: str = "apply",
    plan: Plan | None = None,
) -> ApplyDocument:
    """What an apply did, action by action; `plan` adds what it warned of, and how much was left out of it."""
    failures = result.failures
    known = {(d.code, d.detail) for d in diagnostics}
    unexpected = [found for found in _unexpected(result) if (found.code, found.detail) not in known]
    return ApplyDocument(
        command=command,
        summary={
            "success_count": result.successes,
            "failed_count": len(failures),
            "interrupted": result.interrupted,
            "unread_accounts": list(plan.unread) if plan else [],
            "by_action": dict(
                sorted(Counter(o.action.action for o in result.outcomes if o.succeeded).items())
            ),
            **(_left_out(plan) if plan else {}),
            **(
                {"renames": len(plan.renames)}
                if plan and plan.renames and not result.interrupted
                else {}
            ),
        },
        diagnostics=sort_by_place([*diagnostics, *(plan.diagnostics if plan else ()), *unexpected]),
        outcomes=[_outcome(outcome) for outcome in result.outcomes],
        success_count=result.successes,
        failed_count=len(failures),
        errors=[_error(outcome) for outcome in failures],
    )


def _unexpected(result: Result) -> Iterator[Diagnostic]:
    """Warn of what Twilio has stored in a form that no listed rule explains."""
    for outcome in result.outcomes:
        if outcome.status == "normalised" and outcome.entry is not None:
            yield from list_unexpected(outcome.action.address, outcome.entry, outcome.action.set)


def _left_out(plan: Plan) -> dict[str, int]:
    """How many resources that would change a run is not about; nothing where it is about all of them."""
    return {"left_out": plan.excluded} if plan.excluded else {}


def failure_document(
    command: str,
    diagnostics: Sequence[Diagnostic],
    done: Sequence[Outcome] = (),
    unread: Sequence[str] = (),
) -> Document:
    """What a command prints that could not do its work; an `apply` says in its own form what was `done` by then."""
    ordered = sort_by_place(list(diagnostics))
    if command == "apply" or done:
        document = apply_document(Result(tuple(done)), ordered, command=command)
        document.summary |= {**_severities(ordered), "unread_accounts": list(unread)}
        return document
    summary = {**_severities(ordered), **({"unread_accounts": list(unread)} if unread else {})}
    return FailureDocument(command=command, summary=summary, diagnostics=ordered)


def drift_document(
    drifted: Sequence[Drifted],
    plan: Plan,
    diagnostics: Sequence[Diagnostic],
    *,
    command: str = "drift",
) -> DriftDocument:
    """What has drifted, and how much else is waiting."""
    elsewhere = {d.address for d in drifted}
    pending = {a.address for a in plan.actions if a.reason != "drift" or a.address not in elsewhere}
    return DriftDocument(
        command=command,
        summary={
            "drifted": len(drifted),
            "pending": len(pending),
            "unmanaged": plan.unmanaged,
            "unread_accounts": list(plan.unread),
        },
        diagnostics=sort_by_place(
            [*diagnostics, *(d for d in plan.diagnostics if d.code == "account_unread")]
        ),
        drifted=list(drifted),
        pending=len(pending),
        unmanaged=plan.unmanaged,
    )


def doctor_document(checks: Sequence[Check], diagnostics: Sequence[Diagnostic]) -> DoctorDocument:
    """Everything that was looked at."""
    counts = Counter(check.status for check in checks)
    return DoctorDocument(
        command="doctor",
        summary={status: counts[status] for status in ("ok", "warning", "failed")},
        diagnostics=sort_by_place(list(diagnostics)),
        checks=list(checks),
    )


def plan_file_document(saved: PlanFile) -> PlanDocument:
    """A saved plan, as `plan` showed it."""
    plan = Plan(
        tuple(saved.actions),
        dict(saved.state_updates),
        (),
        saved.bound,
        saved.unmanaged,
        {},
        saved.renames,
    )
    digest = digest_of(saved.actions, saved.references)
    document = plan_document(
        plan, saved.diagnostics, command="show", would_refuse=saved.would_refuse, digest=digest
    )
    document.summary |= {
        "created_at": saved.created_at,
        "lineage": saved.lineage,
        "serial": saved.serial,
    }
    return document


def state_list_document(resources: Mapping[str, Entry], *, command: str) -> StateListDocument:
    """Every address in state."""
    rows = [
        ResourceRow(
            address=address, account=entry.account, sid=entry.sid, agent=entry.options.agent
        )
        for address, entry in sorted(without_deleted(resources).items())
    ]
    return StateListDocument(command=command, summary={"resources": len(rows)}, resources=rows)


def resource_document(
    address: str, fields: dict[str, Any], *, command: str = "show"
) -> ResourceDocument:
    """One resource."""
    return ResourceDocument(
        command=command, summary={"address": address}, resource={"address": address, **fields}
    )


def export_document(exported: Exported, out: str | None) -> ExportDocument:
    """What was exported; with a file, the configuration stands there and not here."""
    summary = {
        n: value
        for n, value in msgspec.to_builtins(exported).items()
        if n not in ("text", "problems")
    }
    text = exported.text if out is None else None
    return ExportDocument(
        command="export",
        summary=summary,
        diagnostics=list(exported.problems),
        out=out,
        configuration=text,
    )


def numbers_document(
    found: Sequence[NumberForSale],
    declared: Collection[str],
    written: Collection[str],
    out: str | None,
) -> NumbersDocument:
    """Numbers for sale, and which of them are declared or were written."""
    numbers = [
        ListedNumber(
            **{name: getattr(number, name) for name in number.__struct_fields__},
            declared=number.phone_number in declared,
            written=number.phone_number in written,
        )
        for number in found
    ]
    summary = {"numbers": len(numbers), "written": len(written)}
    return NumbersDocument(command="numbers search", summary=summary, numbers=numbers, out=out)


def format_document(formatted: Sequence[Formatted], *, diff: bool, written: bool) -> FormatDocument:
    """Which files changed, or would."""
    files = [
        FormattedFile(file=f.file, changed=f.before != f.after, diff=_diff(f) if diff else None)
        for f in formatted
    ]
    summary = {"files": len(files), "changed": sum(file.changed for file in files)}
    return FormatDocument(command="fmt", summary=summary, files=files, written=written)


def _diff(file: Formatted) -> str:
    before, after = (
        [mask_secrets(line) for line in text.splitlines()] for text in (file.before, file.after)
    )
    return "".join(
        f"{line}\n" for line in unified_diff(before, after, file.file, file.file, lineterm="")
    )


def graph_document(found: Graph) -> GraphDocument:
    """The ways of calls, and how many of them lead nowhere or back."""
    counts = {
        "nodes": len(found.nodes),
        "edges": len(found.edges),
        "orphans": sum(node.orphan for node in found.nodes),
        "loops": sum(edge.loop for edge in found.edges),
    }
    return GraphDocument(
        command="graph", summary=counts, nodes=list(found.nodes), edges=list(found.edges)
    )


def lint_document(found: Sequence[Diagnostic]) -> LintDocument:
    """What lint found, and how much of which level."""
    levels = Counter(d.severity for d in found)
    summary = {"errors": levels["error"], "warnings": levels["warning"], "remarks": levels["info"]}
    return LintDocument(
        command="lint", summary=summary, diagnostics=sort_by_place(list(found)), rules=[]
    )


def rules_document() -> LintDocument:
    """The rules of lint."""
    rules = [LintRule(id=name, **rule._asdict()) for name, rule in RULES.items()]
    return LintDocument(command="lint", summary={"rules": len(rules)}, rules=rules)


def _planned(action: Action) -> PlannedAction:
    return PlannedAction(
        address=action.address,
        action=action.action,
        reason=action.reason,
        account=action.account,
        agent=action.entry.options.agent if action.entry else None,
        sid=action.sid,
        changes=list(action.changes),
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


def unlock_document(found: LockInfo | None) -> UnlockDocument:
    """A lock that was freed; None when there was none."""
    holder = (
        msgspec.to_builtins(found.holder)
        if found is not None and found.holder is not None
        else None
    )
    freed = found is not None
    return UnlockDocument(
        command="state unlock", summary={"unlocked": int(freed)}, unlocked=freed, holder=holder
    )
