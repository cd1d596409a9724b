"""The plan for eyes: what could hurt first, alike changes once, nothing that a terminal would obey."""

from __future__ import annotations

import re

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.doctor.check import Check
from reconciler.model.action import Change, RouteChange
from reconciler.report.documents.listings import doctor_document, rules_document
from reconciler.report.documents.types import ApplyDocument, Document
from reconciler.report.text import render
from reconciler.report.text.plan import headline
from reconciler.report.text.style import Style
from reconciler.report.width import wrap
from tests.report import samples


def text(document: Document, style: Style | None = None) -> list[str]:
    return render.render(document, style or Style()).splitlines()


def position(lines: list[str], words: str) -> int:
    return next(n for n, line in enumerate(lines) if words in line)


def test_a_large_plan_is_one_screen_with_takeovers_and_hidden_routes_first() -> None:
    lines = text(samples.reviewed())
    assert len(lines) <= 24
    taken, hidden = position(lines, "Takes over"), position(lines, "has no effect")
    assert lines[0].startswith("Apply would refuse this plan: ")
    assert (
        taken
        < hidden
        < position(lines, "812 numbers of agent support")
        < position(lines, "Plan: 817 actions")
    )
    assert "    +15550001000, +15550001001, +15550001002 and 809 more" in lines


def test_every_resource_is_shown_on_request() -> None:
    lines = text(samples.reviewed(), Style(whole=True))
    assert sum("number/+1555" in line for line in lines) == 815
    assert not any("-v or --format json" in line for line in lines)


def test_field_shows_old_and_new_and_the_route_appears_once() -> None:
    lines = text(samples.plan(samples.moved(1)))
    assert f"    voice_url: {samples.OLD} → {samples.NEW}" in lines
    assert not any("calls:" in line for line in lines)


def test_reports_calls_without_a_route() -> None:
    gone = samples.action(
        "number/+15550100101",
        changes=[Change("voice_url", samples.OLD, None)],
        route=RouteChange(f"webhook {samples.OLD}", "nothing"),
    )
    assert f"    calls: webhook {samples.OLD} → nothing" in text(samples.plan(gone))


def test_groups_numbers_by_their_final_values() -> None:
    plan = samples.plan(
        *(samples.moved(n, before=f"https://old.example.net/{n % 7}") for n in range(100))
    )
    lines = text(plan)
    assert any(line.startswith("~ 100 numbers of agent support") for line in lines)
    assert any(
        "voice_url: 7 different, such as https://old.example.net/0" in line for line in lines
    )


def test_groups_numbers_that_each_get_their_own_prior_value() -> None:
    lines = text(samples.large(500))
    assert len(lines) < 10
    assert any("500 different, such as" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_changes_fit_the_terminal_and_still_differ(width: int) -> None:
    long = "https://agents.example.com/" + "very/" * 30
    plan = samples.plan(samples.moved(1, before=long + "old", after=long + "new"))
    lines = [line for line in text(plan, Style(width=width)) if "https" in line]
    assert all(len(line) <= max(width, 48) for line in lines)
    assert len(set(lines)) == len(lines) == 2
    assert lines[0].endswith("old")
    assert lines[1].endswith("new")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_wraps_sentences_on_a_terminal_and_keeps_commands_whole(width: int) -> None:
    style = Style(width=width)
    found = samples.takeover_warning(1)
    shown = render.render_diagnostics([found], style, lambda *_: None).splitlines()
    command = f"    --allow-takeover={found.address}"
    assert command in shown
    assert all(len(line) <= min(width, 120) for line in shown[1:] if line != command)
    rejoined = " ".join([line.strip() for line in shown[1:]])
    assert rejoined == " ".join(found.detail.split())

    # Without a terminal a sentence is one line, so that a program can search it.
    plain = render.render_diagnostics([found], Style(), lambda *_: None).splitlines()
    assert len(plain) == 1 + len(found.detail.splitlines())


def test_wraps_notes_outcomes_checks_and_rules() -> None:
    note = "The number keeps its former webhooks until calls reach the new ones. " * 3
    failed = samples.outcome(1, "failed", samples.OutcomeError("twilio_refused", note))
    check = Check(account="main", check="numbers", status="failed", detail=note, code="refused")
    documents: list[Document] = [
        samples.plan(samples.action("number/+15550100101", note=note.strip())),
        ApplyDocument(
            command="apply",
            summary={},
            outcomes=[failed],
            success_count=0,
            failed_count=1,
            errors=[],
        ),
        doctor_document([check], []),
        rules_document(),
    ]
    for document in documents:
        wrapped = text(document, Style(width=70, colour=False))
        # The digest is to be copied, and the head of a rule is one line.
        prose = [line for line in wrapped if not re.search(r"sha256:|\w \(\w+\): ", line)]
        too_wide = [line for line in prose if len(line) > 70]
        assert not too_wide
        coloured = render.render(document, Style(width=70, colour=True))
        assert re.sub(r"\x1b\[\d*m", "", coloured).splitlines() == wrapped


def test_words_between_backticks_stay_on_one_line() -> None:
    line = "Make a new plan with `reconciler plan --out FILE` and read it."
    assert wrap(line, 30) == [
        "Make a new plan with",
        "`reconciler plan --out FILE`",
        "and read it.",
    ]


def test_shortens_nothing_without_a_terminal() -> None:
    long = "https://agents.example.com/" + "very/" * 30
    assert any(long in line for line in text(samples.plan(samples.moved(1, after=long))))


def test_colour_changes_only_the_colour() -> None:
    for document in (samples.reviewed(), samples.drifted(), samples.applied()):
        coloured = render.render(document, Style(colour=True))
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[\d*m", "", coloured) == render.render(document, Style())


@pytest.mark.parametrize("whole", [False, True])
def test_no_value_moves_the_cursor_starts_a_line_or_turns_the_text(whole: bool) -> None:
    hostile = samples.hostile()
    shown = render.render(hostile, Style(whole=whole))
    shown += render.render_diagnostics(
        hostile.diagnostics, Style(whole=whole), lambda *_: (samples.CONTROLS, "")
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", shown)
    assert not any(line.startswith("::") for line in shown.splitlines())
    assert "\\x1b[31mred" in shown


def test_groups_drift_by_author_and_value_with_missing_resources_first() -> None:
    lines = text(samples.drifted())
    assert position(lines, "gone from Twilio") < position(
        lines, "~ 40 numbers  by user US1 in the console at 2026-03-01T12:00:00Z"
    )
    assert any("(recorded) → https://laptop.example.dev/voice (live)" in line for line in lines)
    assert len(text(samples.drifted(), Style(whole=True))) > 80


def test_reports_equal_failures_once() -> None:
    lines = text(samples.applied())
    assert lines[0].startswith(
        "failed 5 numbers (+15550000020, +15550000021, +15550000022 and 2 more)"
    )
    assert lines[-1] == "Applied: 20 succeeded, 6 failed (20 overwrite_webhooks)."


def test_folds_similar_warnings_and_equal_errors() -> None:
    warnings = [samples.takeover_warning(n) for n in range(50)]
    told = render.render_diagnostics(warnings, Style(), lambda *_: None)
    assert told.count("would be lost") == 3
    assert told.splitlines()[-1] == (
        "warning takeover_refused: Foreign values would be overwritten: "
        "47 more (+15550000003, +15550000004, +15550000005 and 44 more); -v shows all"
    )
    assert (
        render.render_diagnostics(warnings, Style(whole=True), lambda *_: None).count(
            "would be lost"
        )
        == 50
    )
    errors = [samples.Diagnostic(code="duplicate_key", summary="Twice", line=n) for n in range(50)]
    assert render.render_diagnostics(errors, Style(), lambda *_: None).count("duplicate_key") == 11
    assert (
        render.render_diagnostics(errors, Style(whole=True), lambda *_: None).count("duplicate_key")
        == 50
    )


def broken(code: str) -> Diagnostic:
    return Diagnostic(code=code, summary="A number is missing", detail="It is gone.")


def test_headline_of_a_plan_with_errors_says_that_it_cannot_be_applied() -> None:
    with_actions = samples.plan(samples.moved(1), diagnostics=(broken("number_missing"),))
    assert headline(with_actions) == (
        "Plan: 1 action on 1 resource: 1 overwrite_webhooks. 1 error: it cannot be applied."
    )
    two = samples.plan(*samples.taken_over(1), diagnostics=(broken("a"), broken("b")))
    assert headline(two).endswith(
        ": 1 import, 1 overwrite_webhooks. 1 takeover of foreign values. "
        "2 errors: it cannot be applied."
    )
    assert headline(samples.plan(samples.moved(1))).endswith("1 overwrite_webhooks.")


def test_headline_of_errors_alone_says_that_nothing_was_planned() -> None:
    document = samples.plan(diagnostics=(broken("number_missing"),))
    assert headline(document) == "Not planned: 1 error."
    assert headline(document) in text(document)
    assert headline(samples.plan()).startswith("Nothing to do")
