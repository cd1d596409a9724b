"""Build the documents that commands print; text and JSON render the same document."""

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
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.destination import Destination
from reconciler.model.entry import Entry
from reconciler.planning.checks.unexpected_forms import list_unexpected
from reconciler.planning.equality import compute_digest
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
    """Build the document of a plan; `diagnostics` are those of the configuration and of the guards,
    added to its own.

    `would_refuse` are the codes with which an apply would refuse it. Without a `digest` it is
    computed for a plan that writes no secrets.
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
            **_excluded_count(plan),
            **_severities(everything),
            "would_refuse": list(would_refuse),
            "unread_accounts": list(plan.unread),
        },
        diagnostics=everything,
        actions=[_plan_row(action) for action in plan.actions],
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

    # The plan may have warned of an unexpected form already.
    known = {(d.code, d.detail) for d in diagnostics}
    unexpected = [
        warning for warning in _warn_of_forms(result) if (warning.code, warning.detail) not in known
    ]
    by_action = Counter(each.action.action for each in result.outcomes if each.succeeded)
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
        diagnostics=sort_by_place([*diagnostics, *(plan.diagnostics if plan else ()), *unexpected]),
        outcomes=[_outcome(outcome) for outcome in result.outcomes],
        success_count=result.successes,
        failed_count=len(failures),
        errors=[_error(outcome) for outcome in failures],
    )


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
    command: str = "drift",
) -> DriftDocument:
    """Build the document of a drift check, with the number of pending changes."""
    drifted_addresses = {d.address for d in drifted}
    pending = {
        a.address for a in plan.actions if a.reason != "drift" or a.address not in drifted_addresses
    }

    # Other problems of the plan concern an apply, not what is there.
    unread = [d for d in plan.diagnostics if d.code == "account_unread"]
    return DriftDocument(
        command=command,
        summary={
            "drifted": len(drifted),
            "pending": len(pending),
            "unmanaged": plan.unmanaged,
            "unread_accounts": list(plan.unread),
        },
        diagnostics=sort_by_place([*diagnostics, *unread]),
        drifted=list(drifted),
        pending=len(pending),
        unmanaged=plan.unmanaged,
    )


def doctor_document(checks: Sequence[Check], diagnostics: Sequence[Diagnostic]) -> DoctorDocument:
    """Build the document of `doctor`."""
    counts = Counter(check.status for check in checks)
    return DoctorDocument(
        command="doctor",
        summary={status: counts[status] for status in ("ok", "warning", "failed")},
        diagnostics=sort_by_place(list(diagnostics)),
        checks=list(checks),
    )


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


def state_list_document(resources: Mapping[str, Entry], *, command: str) -> StateListDocument:
    """Build the list of addresses in the state."""
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
    """Build the document of one resource."""
    return ResourceDocument(
        command=command, summary={"address": address}, resource={"address": address, **fields}
    )


def export_document(exported: Exported, out: str | None) -> ExportDocument:
    """Build the document of an export, without a configuration that was written to a file."""
    summary = {
        n: value
        for n, value in msgspec.to_builtins(exported).items()
        if n not in ("text", "problems")
    }

    # With a file the configuration is there, and not printed as well.
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
    """Build the list of numbers for sale, with which of them are declared or were written."""
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
    """Build the list of files that changed, or would."""
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
    """Build the document of the call graph, with the number of orphans and loops."""
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
    """Build the document of `lint`, with the number of diagnostics of each level."""
    levels = Counter(d.severity for d in found)
    summary = {"errors": levels["error"], "warnings": levels["warning"], "remarks": levels["info"]}
    return LintDocument(
        command="lint", summary=summary, diagnostics=sort_by_place(list(found)), rules=[]
    )


def rules_document() -> LintDocument:
    """Build the list of lint rules."""
    rules = [LintRule(id=name, **rule._asdict()) for name, rule in RULES.items()]
    return LintDocument(command="lint", summary={"rules": len(rules)}, rules=rules)


def _plan_row(action: Action) -> PlannedAction:
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
    """Build the document of a freed lock; None when there was none."""
    holder = (
        msgspec.to_builtins(found.holder)
        if found is not None and found.holder is not None
        else None
    )
    freed = found is not None
    return UnlockDocument(
        command="state unlock", summary={"unlocked": int(freed)}, unlocked=freed, holder=holder
    )
