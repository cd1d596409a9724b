"""The risk levels: every row of the table in `reconciler/report/analysis/risks.py`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import msgspec
import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Change, RouteChange
from reconciler.report.analysis.risks import Level, level_of, list_findings, refusals_of
from reconciler.report.documents.types import (
    ActionOutcome,
    Document,
    OutcomeError,
    PlanDocument,
    PlannedAction,
)
from tests.report import samples

NUMBER = "number/+15550100101"
HOOK, TRUNK = f"webhook {samples.NEW}", "trunk edge"
ERROR = Diagnostic(code="number_missing", summary="A number is missing", detail="It is gone.")


def one(name: str = "overwrite_webhooks", **fields: Any) -> list[PlannedAction]:
    return [samples.action(NUMBER, name, **fields)]


def rerouted(before: str, after: str, *hidden: str, name: str = "attach_trunk") -> Any:
    return one(name, route=RouteChange(before, after, hidden))


LOST = [Change("voice_url", samples.PBX, None)]
ACTIONS: dict[str, tuple[list[PlannedAction], Level]] = {
    "nothing": ([], "none"),
    "an import": (one("import", reason="new"), "low"),
    "a write without another route": (
        one("rename", changes=[Change("friendly_name", "A", "B")]),
        "low",
    ),
    "a resource is made": (one("create", reason="new"), "low"),
    "a first route": (rerouted("nothing", HOOK), "medium"),
    "calls reach somebody else": (rerouted(HOOK, TRUNK), "medium"),
    "a hidden route": (rerouted(HOOK, TRUNK, HOOK), "medium"),
    "a release": (one("release", reason="removed"), "medium"),
    "a release of several steps": (
        [*one("restore_webhooks", reason="removed"), *one("release", reason="removed")],
        "medium",
    ),
    "an entry is forgotten": (one("forget", reason="removed"), "medium"),
    "a number leaves its platform": (one("unregister", reason="removed"), "medium"),
    "a takeover": (one(takeover=LOST), "high"),
    "a takeover in the second step": (
        [*one("import", reason="new"), *one(takeover=LOST)],
        "high",
    ),
    "a purchase": (samples.bought(1), "high"),
    "a deletion": (one("delete", reason="removed"), "high"),
    "calls reach nothing": (rerouted(HOOK, "nothing"), "high"),
    "calls reach nothing after a release": (rerouted(HOOK, "nothing", name="release"), "high"),
    "calls reach nothing between two steps only": (
        [*rerouted(HOOK, "nothing"), *rerouted("nothing", TRUNK)],
        "medium",
    ),
    "the same route after all steps": (
        [*rerouted(HOOK, TRUNK), *rerouted(TRUNK, HOOK)],
        "low",
    ),
}


@pytest.mark.parametrize("case", ACTIONS)
def test_level_of_a_plan(case: str) -> None:
    actions, level = ACTIONS[case]
    assert level_of(samples.plan(*actions)) == level


def test_an_error_blocks_a_plan_with_and_without_actions() -> None:
    assert level_of(samples.plan(diagnostics=(ERROR,))) == "blocked"
    assert level_of(samples.plan(*one("delete"), diagnostics=(ERROR,))) == "blocked"


def test_a_warning_alone_is_no_risk_and_a_refusal_is_a_high_one() -> None:
    tunnel = samples.warning("tunnel_url", 1, summary="A tunnel answers calls")
    assert level_of(samples.plan(diagnostics=(tunnel,))) == "none"
    refused = samples.plan(*one("rename"), diagnostics=(samples.takeover_warning(1),))
    assert refused.summary["would_refuse"] == ["takeover_refused"]
    assert level_of(refused) == "high"


@pytest.mark.parametrize("order", [*permutations(["low", "medium", "high"])])
def test_the_highest_level_of_all_resources_counts(order: tuple[Level, ...]) -> None:
    by_level: dict[Level, Callable[[str], PlannedAction]] = {
        "low": lambda address: samples.action(address, "rename"),
        "medium": lambda address: samples.action(address, "release", reason="removed"),
        "high": lambda address: samples.action(address, "delete", reason="removed"),
    }
    actions = [by_level[level](f"number/+155501001{n:02}") for n, level in enumerate(order)]
    for length, level in ((1, order[0]), (3, "high")):
        assert level_of(samples.plan(*actions[:length])) == level


def finished(*outcomes: ActionOutcome) -> Document:
    failures = len([each for each in outcomes if each.error is not None])
    return msgspec.structs.replace(
        samples.applied(), outcomes=list(outcomes), failed_count=failures
    )


REMARK = msgspec.structs.replace(samples.outcome(1), note="stored in another form")
FAILED = samples.outcome(2, "failed", OutcomeError("twilio_refused", "no"))
OTHERS: dict[str, tuple[Document, Level]] = {
    "drift": (samples.drifted(), "high"),
    "no drift": (samples.calm(), "none"),
    "an apply without failures": (finished(samples.outcome(1)), "none"),
    "an apply without actions": (finished(), "none"),
    "an apply with a remark": (finished(samples.outcome(3), REMARK), "medium"),
    "an apply with a failure": (finished(samples.outcome(1), FAILED), "blocked"),
    "an apply with a failure and a remark": (finished(REMARK, FAILED), "blocked"),
    "a valid configuration": (samples.valid(), "none"),
    "a command that failed": (samples.failed(), "blocked"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_level_of_other_documents(case: str) -> None:
    document, level = OTHERS[case]
    assert level_of(document) == level


def findings(document: Document) -> list[tuple[str, str, str]]:
    return [(found.rule, found.severity, found.message) for found in list_findings(document)]


FINDINGS: dict[str, tuple[list[PlannedAction], list[tuple[str, str, str]]]] = {
    "nothing": ([], []),
    "a write without another route": (one("rename"), []),
    "a takeover": (
        one(takeover=[*LOST, Change("sms_url", "https://a.example.net/", None)]),
        [
            (
                "plan/takeover",
                "warning",
                f"{NUMBER}: voice_url {samples.PBX}, sms_url https://a.example.net/.",
            )
        ],
    ),
    "a purchase with its price": (
        one("purchase", note="1.15 USD a month"),
        [("plan/purchase", "warning", f"{NUMBER}: 1.15 USD a month.")],
    ),
    "a purchase without a price": (
        one("purchase"),
        [("plan/purchase", "warning", f"{NUMBER}: price not known.")],
    ),
    "calls reach nothing": (
        rerouted(HOOK, "nothing"),
        [("plan/no-route", "warning", f"{NUMBER}: was {HOOK}.")],
    ),
    "a hidden route": (
        rerouted(HOOK, TRUNK, "webhook a", "webhook b", "webhook c", "webhook d"),
        [
            (
                "plan/hidden-route",
                "info",
                f"{NUMBER}: webhook a, webhook b, webhook c stays set behind {TRUNK}.",
            )
        ],
    ),
    "a removal": (
        [*one("restore_webhooks"), *one("release")],
        [("plan/removal", "info", f"{NUMBER}: restore_webhooks, release.")],
    ),
    "several risks of one resource": (
        one("release", takeover=LOST, route=RouteChange(HOOK, "nothing", ("webhook x",))),
        [
            ("plan/takeover", "warning", f"{NUMBER}: voice_url {samples.PBX}."),
            ("plan/no-route", "warning", f"{NUMBER}: was {HOOK}."),
            ("plan/hidden-route", "info", f"{NUMBER}: webhook x stays set behind nothing."),
        ],
    ),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_findings_of_a_plan(case: str) -> None:
    actions, expected = FINDINGS[case]
    assert findings(samples.plan(*actions)) == expected


def announced(code: str, address: str | None) -> Diagnostic:
    return samples.warning(code, 1, summary="Refused", detail="Consent first.", address=address)


@pytest.mark.parametrize(
    ("code", "actions", "rule"),
    [
        ("takeover_refused", one(takeover=LOST), "plan/takeover"),
        ("purchase_refused", one("purchase"), "plan/purchase"),
    ],
)
def test_a_risk_that_a_refusal_announces_is_found_once(
    code: str, actions: list[PlannedAction], rule: str
) -> None:
    for address, expected in ((NUMBER, [code]), ("number/+15550100102", [code, rule])):
        document = samples.plan(*actions, diagnostics=(announced(code, address),))
        assert [found.rule for found in list_findings(document)] == expected


def test_a_group_with_one_unannounced_takeover_is_found() -> None:
    document = samples.plan(
        *samples.taken_over(101),
        *samples.taken_over(102),
        diagnostics=(samples.takeover_warning(101),),
    )
    rules = [found.rule for found in list_findings(document)]
    assert rules == ["takeover_refused", "plan/takeover"]


def test_refusals_are_the_diagnostics_that_the_summary_names() -> None:
    tunnel = samples.warning("tunnel_url", 1, summary="A tunnel answers calls")
    document = samples.plan(diagnostics=(tunnel, samples.takeover_warning(1)))
    assert [d.code for d in refusals_of(document)] == ["takeover_refused"]
    assert refusals_of(samples.plan(diagnostics=(tunnel,))) == []


def test_finding_of_a_group_has_the_place_of_its_first_resource() -> None:
    document: PlanDocument = samples.plan(*samples.taken_over(101), *samples.taken_over(102))
    (found,) = list_findings(document)
    first = samples.taken_over(101)[0]
    assert (found.address, found.file, found.line, found.column) == (
        first.address,
        first.file,
        first.line,
        first.column,
    )
    assert found.message.startswith("2 numbers (")


def test_finding_of_a_diagnostic_has_all_its_fields() -> None:
    (found,) = list_findings(samples.plan(diagnostics=(samples.takeover_warning(101),)))
    source = samples.takeover_warning(101)
    assert (found.rule, found.severity, found.summary) == (
        source.code,
        source.severity,
        source.summary,
    )
    assert found.message == source.detail
    assert (found.address, found.file, found.line, found.column) == (
        source.address,
        source.file,
        source.line,
        source.column,
    )
    bare = Diagnostic(code="x", summary="Only a summary", detail="")
    assert [f.message for f in list_findings(samples.plan(diagnostics=(bare,)))] == [
        "Only a summary"
    ]


def test_findings_of_an_apply_are_its_failures_and_remarks() -> None:
    assert findings(finished(samples.outcome(1), REMARK, FAILED)) == [
        ("twilio_refused", "error", f"{FAILED.address}: no"),
        ("apply/note", "warning", f"{REMARK.address}: stored in another form"),
    ]


def test_findings_of_drift_name_values_and_who_changed_them() -> None:
    gone, changed = list_findings(samples.drifted())
    assert (changed.rule, changed.severity) == ("drift", "warning")
    assert changed.message.startswith("40 numbers (")
    assert (
        f"voice_url {samples.OLD} → https://laptop.example.dev/voice, by user US1"
        in changed.message
    )
    assert gone.message == "number/+15550300001: gone from Twilio."
