"""Render a document as JUnit XML for the test tab of a CI.

| document   | a test case is   | it fails when                             |
|------------|------------------|-------------------------------------------|
| `drift`    | a resource       | it drifted; one more passes when none did |
| `plan`     | a resource       | apply would refuse it                     |
| `apply`    | an action        | it failed; skipped ones are skipped       |
| `fleet …`  | a stack          | it did not end well; skipped: not started |
| any        | an error         | always                                    |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.actors import actors_of_drift, describe_actors
from reconciler.report.analysis.drift_groups import is_gone
from reconciler.report.analysis.groups import Resource, resources_of
from reconciler.report.analysis.risks import refusals_of
from reconciler.report.documents.fleet import FleetDocument, FleetStack
from reconciler.report.documents.types import (
    ActionOutcome,
    ApplyDocument,
    Document,
    DriftDocument,
    PlanDocument,
)
from reconciler.report.wording import place_of, printable, show_value

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(msgspec.Struct, frozen=True):
    """One test case; `verdict` None passes."""

    name: str
    verdict: Literal["failure", "error", "skipped"] | None = None
    kind: str = ""
    message: str = ""
    body: str = ""
    file: str | None = None
    line: int | None = None


def render(document: Document, project: str) -> str:
    """Render a document as one suite, with at least one case: CI systems report an empty suite as a
    mistake.
    """
    suite = f"reconciler {document.command} {project}"
    cases = [*_cases(document)] or [Case("nothing to report")]
    counts = _count_attributes(cases)

    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f" <testsuite name={_attribute(suite)} {counts}>")
    for case in cases:
        lines.append(f"  {_element(case, suite)}")
    lines += [" </testsuite>", "</testsuites>", ""]
    return "\n".join(lines)


def _count_attributes(cases: Sequence[Case]) -> str:
    verdicts = Counter([case.verdict for case in cases])
    failures, errors, skipped = verdicts["failure"], verdicts["error"], verdicts["skipped"]
    return f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'


def _cases(document: Document) -> Iterator[Case]:
    match document:
        case PlanDocument():
            yield from _plan_cases(document)
        case DriftDocument():
            yield from map(_drift_case, document.drifted)
            if not document.drifted:
                yield Case("no drift")
        case ApplyDocument():
            yield from map(_outcome_case, document.outcomes)
        case FleetDocument():
            yield from map(_stack_case, document.stacks)

    for found in document.diagnostics:
        if found.severity == "error":
            yield _problem(found)


def _plan_cases(document: PlanDocument) -> Iterator[Case]:
    """Yield a case for each resource, and one for each refusal that concerns none of them."""
    # Errors have cases of their own already.
    refusals = [d for d in refusals_of(document) if d.severity != "error"]
    by_address = {d.address: d for d in refusals}
    planned: set[str | None] = set()
    for resource in resources_of(document):
        planned.add(resource.address)
        yield _plan_case(resource, by_address.get(resource.address))

    # A refusal of the plan as a whole has no resource in it to fail.
    for refusal in refusals:
        if refusal.address not in planned:
            yield _problem(refusal)


def _plan_case(resource: Resource, refused: Diagnostic | None) -> Case:
    changes: list[str] = []
    for change in resource.changes:
        changes.append(f"{change.field}: {show_value(change.before)} → {show_value(change.after)}")
    body = "\n".join(changes)
    name = f"{resource.address} {', '.join(resource.steps)} ({resource.reason})"

    if refused is None:
        first = resource.actions[0]
        return Case(name, body=body, file=first.file, line=first.line)
    return Case(
        name, "failure", refused.code, refused.summary, refused.detail, refused.file, refused.line
    )


def _drift_case(drifted: Drifted) -> Case:
    actors = describe_actors([actors_of_drift(drifted)])
    by = f" {actors}" if actors else ""
    if is_gone(drifted):
        return _failed_drift(drifted, f"gone from Twilio{by}", f"sid: {drifted.sid}")

    names: list[str] = []
    lines: list[str] = []
    for each in drifted.fields:
        recorded, live = show_value(each.recorded), show_value(each.live)
        names.append(each.field)
        lines.append(f"{each.field}: {recorded} (recorded) → {live} (live)")
    message = f"{', '.join(names)} changed{by}"
    return _failed_drift(drifted, message, "\n".join(lines))


def _failed_drift(drifted: Drifted, message: str, body: str) -> Case:
    return Case(
        drifted.address, "failure", "drift", message, body, file=drifted.file, line=drifted.line
    )


def _outcome_case(outcome: ActionOutcome) -> Case:
    name = f"{outcome.address} {outcome.action}"
    if outcome.error is None:
        return Case(name, body=outcome.note or "")
    verdict: Literal["failure", "skipped"] = "skipped" if outcome.status == "skipped" else "failure"
    return Case(name, verdict, outcome.error.code, outcome.error.message, outcome.error.message)


def _stack_case(stack: FleetStack) -> Case:
    if stack.outcome in ("done", "changes"):
        return Case(stack.name)
    verdict: Literal["failure", "skipped"] = "failure"
    if stack.outcome in ("not_started", "waiting", "running"):
        verdict = "skipped"

    words = stack.outcome.replace("_", " ")
    lines = [f"{each.code}: {each.detail or each.summary}" for each in stack.diagnostics]
    return Case(stack.name, verdict, stack.outcome, f"the stack is {words}", "\n".join(lines))


def _problem(d: Diagnostic) -> Case:
    return Case(
        f"{place_of(d) or d.address or 'reconciler'} {d.code}",
        "error",
        d.code,
        d.summary,
        d.detail,
        d.file,
        d.line,
    )


def _element(case: Case, suite: str) -> str:
    file = f" file={_attribute(case.file)}" if case.file else ""
    line = f' line="{case.line}"' if case.line else ""
    opening = f"<testcase name={_attribute(case.name)} classname={_attribute(suite)}{file}{line}"

    body = _text(case.body)
    if case.verdict is not None:
        kind = f" type={_attribute(case.kind)}" if case.verdict != "skipped" else ""
        content = (
            f"<{case.verdict} message={_attribute(case.message)}{kind}>{body}</{case.verdict}>"
        )
    else:
        content = f"<system-out>{body}</system-out>" if body else ""
    return f"{opening}>{content}</testcase>" if content else f"{opening}/>"


def _text(raw: str) -> str:
    # The line breaks stay, which `printable` would write out.
    lines = [printable(line) for line in raw.split("\n")]
    return escape(_NO_XML.sub("\ufffd", "\n".join(lines)))


def _attribute(raw: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", printable(raw)))
