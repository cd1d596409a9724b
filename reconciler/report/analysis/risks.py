"""Compute the risk level of a document, and list everything in it that needs attention, with its
place.

| level     | a plan with                                                            | drift     | apply      |
|-----------|------------------------------------------------------------------------|-----------|------------|
| `blocked` | errors: it cannot be applied                                           |           | a failure  |
| `high`    | takeovers, purchases, deletions, calls that nothing answers, refusals  | any       | –          |
| `medium`  | calls that reach somebody else, hidden routes, releases                | –         | a remark   |
| `low`     | other writes                                                           | –         | –          |
| `none`    | nothing to do                                                          | none      | all well   |
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.kinds.known_hosts import describe_guess
from reconciler.model.route import WireValue
from reconciler.report.analysis.drift_groups import DriftGroup, group_drift
from reconciler.report.analysis.groups import (
    Group,
    Urgency,
    group_resources,
    outcome_groups,
)
from reconciler.report.documents.fleet import FleetDocument, FleetStack
from reconciler.report.documents.types import ApplyDocument, Document, DriftDocument, PlanDocument
from reconciler.report.wording import count, examples, kind_of, printable, show_value

Level = Literal["none", "low", "medium", "high", "blocked"]
LEVELS: tuple[Level, ...] = ("none", "low", "medium", "high", "blocked")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that needs attention. `rule` is a diagnostic's code, or a risk of a plan
    (``plan/takeover``).
    """

    rule: str
    severity: Severity
    summary: str
    message: str
    address: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


_STACK_LEVELS: dict[str, Level] = {
    "done": "none",
    "changes": "low",
    "waiting": "low",
    "running": "low",
}
"""Outcome of a stack → its level; every other outcome is `blocked`."""


def level_of(document: Document) -> Level:
    """Return the highest level of a document."""
    if any(d.severity == "error" for d in document.diagnostics):
        return "blocked"
    return max(_levels(document), key=LEVELS.index, default="none")


def _levels(document: Document) -> Iterator[Level]:
    match document:
        case PlanDocument():
            yield from map(_level, group_resources(document))
            yield "high" if document.summary.get("would_refuse") else "none"
        case DriftDocument():
            yield "high" if document.drifted else "none"
        case ApplyDocument():
            yield "blocked" if document.failed_count else "none"
            yield "medium" if any(outcome.note for outcome in document.outcomes) else "none"
        case FleetDocument():
            for stack in document.stacks:
                yield _level_of_stack(stack, document.command)


def _level_of_stack(stack: FleetStack, command: str) -> Level:
    """Return the level of a stack: that of its outcome, or higher by what its plan would do."""
    if stack.outcome == "changes" and (
        command == "fleet drift" or stack.summary.get("takeovers") or stack.would_refuse
    ):
        return "high"
    return _STACK_LEVELS.get(stack.outcome, "blocked")


def _level(group: Group) -> Level:
    first = group.first
    if (
        first.urgency <= Urgency.PURCHASE
        or "delete" in first.steps
        or leaves_calls_unanswered(group)
    ):
        return "high"
    return "low" if first.urgency is Urgency.REST else "medium"


def refusals_of(document: PlanDocument) -> list[Diagnostic]:
    """Return the diagnostics for which an apply would refuse the plan."""
    codes = set(document.summary.get("would_refuse", ()))
    return [d for d in document.diagnostics if d.code in codes]


def leaves_calls_unanswered(group: Group) -> bool:
    """Return whether calls that were answered reach nothing after the plan."""
    return any(r.route is not None and r.route.after == "nothing" for r in group.resources)


def list_findings(document: Document) -> list[Finding]:
    """Return the diagnostics, risks, drift and failures of a document, similar ones once."""
    return [*map(_diagnostic_finding, document.diagnostics), *list_own_findings(document)]


def list_own_findings(document: Document) -> Iterator[Finding]:
    """Return the risks of a plan, the drift or the failures, without the diagnostics."""
    match document:
        case PlanDocument():
            announced = {d.address for d in refusals_of(document)}
            for group in group_resources(document):
                yield from _group_findings(group, announced)
        case DriftDocument():
            yield from _drift_findings(document)
        case ApplyDocument():
            yield from _failure_findings(document)
        case FleetDocument():
            yield from _stack_findings(document)


def _diagnostic_finding(d: Diagnostic) -> Finding:
    # The line breaks of a detail stay, which `printable` would write out.
    detail = "\n".join(map(printable, d.detail.splitlines()))
    return Finding(
        rule=d.code,
        severity=d.severity,
        summary=printable(d.summary),
        message=detail or printable(d.summary),
        address=d.address,
        file=d.file,
        line=d.line,
        column=d.column,
    )


def _group_findings(group: Group, announced: set[str | None]) -> Iterator[Finding]:
    first = group.first
    before, after = group.routes
    whom = _whom(group.addresses)

    # Takeovers and purchases that a refusal announces are among the diagnostics already.
    if first.takeover and not announced.issuperset(group.addresses):
        lost = ", ".join([f"{field.name} {show_value(field.before[0])}" for field in group.losses])
        yield _make_finding(
            group, "plan/takeover", "warning", "Foreign values are overwritten", f"{whom}: {lost}"
        )

    if first.urgency is Urgency.PURCHASE and not announced.issuperset(group.addresses):
        price = ", ".join(map(printable, first.notes)) or "price not known"
        yield _make_finding(
            group, "plan/purchase", "warning", "Numbers are bought", f"{whom}: {price}"
        )

    if leaves_calls_unanswered(group):
        was = printable(before[0])
        yield _make_finding(
            group,
            "plan/no-route",
            "warning",
            "Calls reach nothing",
            f"{whom}: was {was}",
        )

    if group.hidden:
        hidden = ", ".join(map(printable, group.hidden[:3]))
        message = f"{whom}: {hidden} stays set behind {printable(after[0])}"
        yield _make_finding(group, "plan/hidden-route", "info", "Value without effect", message)

    if group.first.urgency is Urgency.REMOVAL:
        steps = ", ".join(group.first.steps)
        yield _make_finding(
            group, "plan/removal", "info", "Resource no longer managed", f"{whom}: {steps}"
        )


def _make_finding(
    group: Group, rule: str, severity: Severity, summary: str, message: str
) -> Finding:
    # A finding has one place: that of the first resource.
    action = group.first.actions[0]
    return Finding(
        rule=rule,
        severity=severity,
        summary=summary,
        message=message + ".",
        address=group.first.address,
        file=action.file,
        line=action.line,
        column=action.column,
    )


def _drift_findings(document: DriftDocument) -> Iterator[Finding]:
    for group in group_drift(document.drifted):
        first = group.first
        what = "gone from Twilio" if group.is_gone else _describe_fields(group)
        by = f", {group.actors}" if group.actors else ""
        by += f", {describe_guess(first.looks_like)}" if first.looks_like else ""
        message = f"{_whom(group.addresses)}: {what}{by}."

        yield Finding(
            rule="drift",
            severity="warning",
            summary="Drift since the last apply",
            message=message,
            address=first.address,
            file=first.file,
            line=first.line,
            column=first.column,
        )


def _describe_fields(group: DriftGroup) -> str:
    fields: list[str] = []
    for each in group.fields:
        recorded, live = _show_values(each.before), _show_values(each.after)
        fields.append(f"{printable(each.name)} {recorded} → {live}")
    return ", ".join(fields)


def _show_values(values: Sequence[WireValue]) -> str:
    """Return the only value, or the most common one of several."""
    shown = show_value(values[0])
    return shown if len(values) == 1 else f"{len(values):,} different, such as {shown}"


def _failure_findings(document: ApplyDocument) -> Iterator[Finding]:
    for found in outcome_groups(document.outcomes):
        first = found[0]
        said = printable(first.error.message if first.error else first.note or "")
        yield Finding(
            rule=first.error.code if first.error else "apply/note",
            severity="error" if first.error else "warning",
            summary=f"{first.action}: {first.status}",
            message=f"{_whom([o.address for o in found])}: {said}",
            address=first.address,
        )


def _stack_findings(document: FleetDocument) -> Iterator[Finding]:
    """Return the errors of all stacks, and one finding for each that failed without an error."""
    for stack in document.stacks:
        for each in stack.diagnostics:
            found = _diagnostic_finding(each)
            message = f"{printable(stack.name)}: {found.message}"
            file = posixpath.join(stack.directory, each.file) if each.file else None
            yield msgspec.structs.replace(found, message=message, file=file)
        if not stack.diagnostics and stack.outcome not in _STACK_LEVELS:
            words = stack.outcome.replace("_", " ")
            yield Finding(
                rule="fleet/stack",
                severity="error",
                summary="A stack did not end well",
                message=f"{printable(stack.name)}: {words}.",
            )


def _whom(addresses: list[str]) -> str:
    if len(addresses) == 1:
        return printable(addresses[0])
    return f"{count(len(addresses), kind_of(addresses[0]))} ({examples(addresses)})"
