"""Render a document as JUnit XML for the test tab of a CI.

| document   | a test case is   | it fails when                             |
|------------|------------------|-------------------------------------------|
| `drift`    | a resource       | it drifted; one more passes when none did |
| `plan`     | a resource       | apply would refuse it                     |
| `apply`    | an action        | it failed; skipped ones are skipped       |
| any        | an error         | always                                    |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.groups import Resource, is_gone, resources_of
from reconciler.report.analysis.risks import refusals_of
from reconciler.report.documents.types import (
    ActionOutcome,
    ApplyDocument,
    Document,
    DriftDocument,
    PlanDocument,
)
from reconciler.report.wording import printable, show_value

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

    counts = " ".join(f'{name}="{number}"' for name, number in _counts(cases).items())
    lines = [f"  {line}" for case in cases for line in _lines(case, suite)]
    head = f"<testsuites {counts}>\n <testsuite name={_attribute(suite)} {counts}>"
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            head,
            *lines,
            " </testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _counts(cases: Sequence[Case]) -> dict[str, int]:
    verdicts = [case.verdict for case in cases]
    names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {
        "tests": len(cases),
        **{name: sum(v == verdict for v in verdicts) for name, verdict in names.items()},
    }


def _cases(document: Document) -> Iterator[Case]:
    refused: dict[str, Diagnostic] = {}
    match document:
        case PlanDocument():
            refusals = [d for d in refusals_of(document) if d.severity != "error"]
            refused = {d.address: d for d in refusals if d.address}
            planned = resources_of(document)
            yield from (_plan_case(resource, refused.get(resource.address)) for resource in planned)

            # A refusal of the plan as a whole has no resource in it to fail.
            addresses = {resource.address for resource in planned}
            yield from (_problem(d) for d in refusals if d.address not in addresses)
        case DriftDocument():
            yield from (_drift_case(each) for each in document.drifted)
            if not document.drifted:
                yield Case("no drift")
        case ApplyDocument():
            yield from (_outcome_case(outcome) for outcome in document.outcomes)
    errors = (d for d in document.diagnostics if d.severity == "error")
    yield from (_problem(d) for d in errors)


def _plan_case(resource: Resource, refused: Diagnostic | None) -> Case:
    changes = "\n".join(
        f"{c.field}: {show_value(c.before)} → {show_value(c.after)}" for c in resource.changes
    )
    name = f"{resource.address} {', '.join(resource.steps)} ({resource.reason})"

    if refused is None:
        return Case(
            name, body=changes, file=resource.actions[0].file, line=resource.actions[0].line
        )
    return Case(
        name, "failure", refused.code, refused.summary, refused.detail, refused.file, refused.line
    )


def _drift_case(drifted: Drifted) -> Case:
    by = f" by {drifted.actor}" if drifted.actor else ""
    if is_gone(drifted):
        return Case(
            drifted.address, "failure", "drift", f"gone from Twilio{by}", f"sid: {drifted.sid}"
        )

    fields = "\n".join(
        f"{f.field}: {show_value(f.recorded)} (recorded) → {show_value(f.live)} (live)"
        for f in drifted.fields
    )
    return Case(
        drifted.address,
        "failure",
        "drift",
        f"{', '.join(f.field for f in drifted.fields)} changed{by}",
        fields,
    )


def _outcome_case(outcome: ActionOutcome) -> Case:
    name = f"{outcome.address} {outcome.action}"
    if outcome.error is None:
        return Case(name, body=outcome.note or "")
    verdict: Literal["failure", "skipped"] = "skipped" if outcome.status == "skipped" else "failure"
    return Case(name, verdict, outcome.error.code, outcome.error.message, outcome.error.message)


def _problem(d: Diagnostic) -> Case:
    place = ":".join(str(part) for part in (d.file, d.line, d.column) if part is not None)
    return Case(
        f"{place or d.address or 'reconciler'} {d.code}",
        "error",
        d.code,
        d.summary,
        d.detail,
        d.file,
        d.line,
    )


def _lines(case: Case, suite: str) -> Iterator[str]:
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
    yield f"{opening}>{content}</testcase>" if content else f"{opening}/>"


def _text(raw: str) -> str:
    return escape(_NO_XML.sub("\ufffd", "\n".join(printable(line) for line in raw.split("\n"))))


def _attribute(raw: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", printable(raw)))
