"""A document → how much it asks of its reader, and every single thing that needs attention, with its place; pure.

| level     | a plan with                                                            | drift     | apply      |
|-----------|------------------------------------------------------------------------|-----------|------------|
| `blocked` | errors: it cannot be applied                                           |           | a failure  |
| `high`    | takeovers, purchases, deletions, calls that nothing answers, refusals  | any       | –          |
| `medium`  | calls that reach somebody else, hidden routes, releases                | –         | a remark   |
| `low`     | other writes                                                           | –         | –          |
| `none`    | nothing to do                                                          | none      | all well   |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.planning.hosts import in_words
from reconciler.report.documents import ApplyDocument, Document, DriftDocument, PlanDocument
from reconciler.report.groups import Group, Urgency, grouped
from reconciler.report.text_results import drift_groups, is_gone, outcome_groups
from reconciler.report.words import clean, count, examples, kind_of, value

Level = Literal["none", "low", "medium", "high", "blocked"]
LEVELS: tuple[Level, ...] = ("none", "low", "medium", "high", "blocked")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that needs attention. `rule` is a diagnostic's code, or a risk of a plan (``plan/takeover``)."""

    rule: str
    severity: Severity
    summary: str
    message: str
    address: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


def level_of(document: Document) -> Level:
    """The worst of what it holds."""
    if any(d.severity == "error" for d in document.diagnostics):
        return "blocked"
    return max(_levels(document), key=LEVELS.index, default="none")


def _levels(document: Document) -> Iterator[Level]:
    match document:
        case PlanDocument():
            yield from (_level(group) for group in grouped(document))
            yield "high" if document.summary.get("would_refuse") else "none"
        case DriftDocument():
            yield "high" if document.drifted else "none"
        case ApplyDocument():
            yield "blocked" if document.failed_count else "none"
            yield "medium" if any(outcome.note for outcome in document.outcomes) else "none"


def _level(group: Group) -> Level:
    first = group.first
    if first.urgency <= Urgency.PURCHASE or "delete" in first.steps or silences(group):
        return "high"
    return "low" if first.urgency is Urgency.REST else "medium"


def refusals_of(document: PlanDocument) -> list[Diagnostic]:
    """The diagnostics for which an apply would refuse the plan."""
    codes = set(document.summary.get("would_refuse", ()))
    return [d for d in document.diagnostics if d.code in codes]


def silences(group: Group) -> bool:
    """Whether calls that somebody answered reach nobody any more."""
    return any(r.route is not None and r.route.after == "nothing" for r in group.resources)


def findings(document: Document) -> list[Finding]:
    """Its diagnostics, and what else a reviewer has to know, alike things once."""
    return [*(_of_diagnostic(d) for d in document.diagnostics), *own_findings(document)]


def own_findings(document: Document) -> Iterator[Finding]:
    """What it holds beside its diagnostics: risks of a plan, drift, failures."""
    match document:
        case PlanDocument():
            announced = {d.address for d in refusals_of(document)}
            for group in grouped(document):
                yield from _of_group(group, announced)
        case DriftDocument():
            yield from _drifted(document)
        case ApplyDocument():
            yield from _failed(document)


def _of_diagnostic(d: Diagnostic) -> Finding:
    detail = "\n".join(clean(line) for line in d.detail.splitlines())
    return Finding(
        rule=d.code,
        severity=d.severity,
        summary=clean(d.summary),
        message=detail or clean(d.summary),
        address=d.address,
        file=d.file,
        line=d.line,
        column=d.column,
    )


def _of_group(group: Group, announced: set[str | None]) -> Iterator[Finding]:
    first = group.first
    before, after = group.routes
    whom = _whom(group.addresses)
    if first.takeover and not announced.issuperset(group.addresses):
        lost = ", ".join(f"{field.name} {value(field.before[0])}" for field in group.losses)
        yield _finding(group, "plan/takeover", "warning", "Foreign values are overwritten", f"{whom}: {lost}")
    if first.urgency is Urgency.PURCHASE and not announced.issuperset(group.addresses):
        price = ", ".join(clean(note) for note in first.notes) or "price not known"
        yield _finding(group, "plan/purchase", "warning", "Numbers are bought", f"{whom}: {price}")
    if silences(group):
        was = clean(before[0])
        yield _finding(group, "plan/no-route", "warning", "Nothing answers calls any more", f"{whom}: was {was}")
    if group.hidden:
        hidden = ", ".join(clean(words) for words in group.hidden[:3])
        message = f"{whom}: {hidden} stays set behind {clean(after[0])}"
        yield _finding(group, "plan/hidden-route", "info", "Something is set that has no effect", message)
    if group.first.urgency is Urgency.REMOVAL:
        steps = ", ".join(group.first.steps)
        yield _finding(group, "plan/removal", "info", "Something stops being managed", f"{whom}: {steps}")


def _finding(group: Group, rule: str, severity: Severity, summary: str, message: str) -> Finding:
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


def _drifted(document: DriftDocument) -> Iterator[Finding]:
    for found in drift_groups(document.drifted):
        first = found[0]
        fields = ", ".join(f"{f.field} {value(f.recorded)} → {value(f.live)}" for f in first.fields)
        what = "gone from Twilio" if is_gone(first) else fields
        by = f", by {clean(first.actor)}" if first.actor else ""
        by += f", {in_words(first.looks_like)}" if first.looks_like else ""
        message = f"{_whom([d.address for d in found])}: {what}{by}."
        yield Finding(
            rule="drift",
            severity="warning",
            summary="Drifted since the last apply",
            message=message,
            address=first.address,
        )


def _failed(document: ApplyDocument) -> Iterator[Finding]:
    for found in outcome_groups(document.outcomes):
        first = found[0]
        said = clean(first.error.message if first.error else first.note or "")
        yield Finding(
            rule=first.error.code if first.error else "apply/note",
            severity="error" if first.error else "warning",
            summary=f"{first.action}: {first.status}",
            message=f"{_whom([o.address for o in found])}: {said}",
            address=first.address,
        )


def _whom(addresses: list[str]) -> str:
    if len(addresses) == 1:
        return clean(addresses[0])
    return f"{count(len(addresses), kind_of(addresses[0]))} ({examples(addresses)})"
