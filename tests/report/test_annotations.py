"""SARIF, GitHub's and GitLab's annotations, JUnit: valid, at the YAML line, and deaf to what their values say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from sarif_pydantic import Sarif

from reconciler.report.documents.types import Document
from reconciler.report.formats import github, gitlab, junit, sarif
from reconciler.report.formats.registry import FORMATS
from reconciler.report.text.style import Style
from tests.report import every_sample, samples

EVERY = pytest.mark.parametrize("make", every_sample.ALL.values(), ids=list(every_sample.ALL))
Make = Callable[[], Document]


def results(document: Document) -> list[dict[str, Any]]:
    log = json.loads(sarif.render(document, "acme-voice"))
    found: list[dict[str, Any]] = log["runs"][0]["results"]
    return found


@EVERY
def test_a_sarif_log_is_read_by_others(make: Make) -> None:
    log = Sarif.model_validate_json(sarif.render(make(), "acme-voice"))
    assert log.version == "2.1.0"
    rules = [rule.id for rule in log.runs[0].tool.driver.rules or []]
    for result in log.runs[0].results or []:
        assert rules[result.rule_index] == result.rule_id
        assert result.message.text


def test_sarif_has_problems_and_risks_at_their_lines() -> None:
    found = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"])
        for r in results(samples.reviewed())
    }
    assert found == {
        ("tunnel_url", 14),
        ("takeover_refused", 21),
        ("takeover_refused", 22),
        ("plan/hidden-route", 900),
    }


def test_permitted_takeover_is_still_a_risk() -> None:
    allowed = samples.plan(*samples.taken_over(101), *samples.taken_over(102))
    assert [r["ruleId"] for r in results(allowed)] == ["plan/takeover"], "alike risks once"


def test_purchase_is_a_risk_and_shows_its_price_in_every_format() -> None:
    bought = samples.plan(*(action for n in range(5) for action in samples.bought(n)))
    (found,) = results(bought)
    assert (found["ruleId"], found["level"]) == ("plan/purchase", "warning")
    for name in FORMATS:
        rendered = FORMATS[name].render(bought, "acme-voice", Style())
        assert "1.15 USD a month" in rendered or name == "junit", name
    assert "high risk" in FORMATS["markdown"].render(bought, "acme-voice", Style())
    assert "**5 numbers** of agent" in FORMATS["markdown"].render(bought, "acme-voice", Style())


def test_a_file_in_sarif_is_one_relative_uri() -> None:
    uri = results(samples.hostile())[0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ]
    assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", uri)
    assert unquote(uri).startswith(samples.HOSTILE)


def test_a_fingerprint_stays_when_a_problem_moves_in_its_file() -> None:
    first, moved = (
        samples.plan(
            diagnostics=(samples.warning("tunnel_url", line, summary="A tunnel answers calls"),)
        )
        for line in (3, 9)
    )
    assert results(first)[0]["partialFingerprints"] == results(moved)[0]["partialFingerprints"]


@EVERY
def test_every_line_for_github_is_one_workflow_command(make: Make) -> None:
    for line in github.render(make()).splitlines():
        found = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert found is not None, line
        names = [pair.partition("=")[0] for pair in found[2].split(",")]
        assert names == sorted(set(names), key=["file", "line", "col", "title"].index)


def test_value_escaped_for_github_decodes_unchanged() -> None:
    first = github.render(samples.hostile()).splitlines()[0]
    assert "%250A::error::x" in first.split("::", 2)[2]
    message = first.split("::", 2)[2].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    assert samples.HOSTILE in message
    assert ",line=3," in first
    assert first.count(",line=") == 1


def test_more_annotations_than_github_shows_end_in_a_count() -> None:
    many = samples.plan(diagnostics=tuple(samples.takeover_warning(n) for n in range(50)))
    lines = github.render(many).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::warning title=reconciler::41 more; other reports have them"


@EVERY
def test_gitlab_report_has_all_required_fields(make: Make) -> None:
    issues = json.loads(gitlab.render(make()))
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert not re.search(
            "[\x00-\x09\x0b-\x1f]", issue["description"] + issue["location"]["path"]
        )
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def suite(document: Document) -> ElementTree.Element:
    root = ElementTree.fromstring(junit.render(document, "acme-voice"))
    assert root.tag == "testsuites"
    found = root.find("testsuite")
    assert found is not None
    return found


@EVERY
def test_junit_is_xml_whose_counts_are_right(make: Make) -> None:
    found = suite(make())
    cases = found.findall("testcase")
    assert int(found.attrib["tests"]) == len(cases) > 0
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(found.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    assert all(set(case.attrib) <= {"name", "classname", "file", "line"} for case in cases)
    assert {each.tag for case in cases for each in case} <= {
        "failure",
        "error",
        "skipped",
        "system-out",
    }


def test_junit_drift_fails_per_resource_and_passes_without_drift() -> None:
    drifted, calm = suite(samples.drifted()), suite(samples.calm())
    assert (drifted.attrib["failures"], drifted.attrib["tests"]) == ("41", "41")
    assert (calm.attrib["failures"], calm.attrib["tests"]) == ("0", "1")
    messages = {e.attrib["message"] for e in drifted.iter("failure")}
    assert messages == {
        "voice_url changed by user US1 in the console at 2026-03-01T12:00:00Z",
        "gone from Twilio",
    }


def test_plan_fails_at_refusals_and_apply_at_failures() -> None:
    plan, applied = suite(samples.reviewed()), suite(samples.applied())
    assert plan.attrib["failures"] == "2"
    assert (applied.attrib["failures"], applied.attrib["skipped"], applied.attrib["tests"]) == (
        "5",
        "1",
        "26",
    )


@EVERY
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_every_document(name: str, make: Make) -> None:
    rendered = FORMATS[name].render(make(), "acme-voice", Style())
    assert rendered == "" or rendered.endswith("\n")
    rendered.encode("utf-8")
