"""Numbers that cannot receive messages or calls."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.kinds.number import Observer
from reconciler.kinds.number_row import NumberRow
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Value
from tests.support.memory.memory_runner import MemoryRunner
from tests.support.memory.resources import declared, e164, hook, number, pn, row, world

MENU = "AP" + "1" * 32
MUTE = {"voice": True, "sms": False}


def runner_of(**fields: object) -> MemoryRunner:
    return MemoryRunner(world(row(1, capabilities=MUTE, **fields), row(2), applications=[MENU]))


def both(last: int) -> Desired:
    menu: Value = ApplicationRoute(MENU)
    return number(last, voice=menu, sms=menu, status=None)


def test_application_gets_only_calls_of_a_number_without_messages() -> None:
    runner = runner_of()
    assert not runner.apply([both(1), both(2)]).failures
    found = runner.twilio.numbers()
    assert [found[pn(n)]["voice_application_sid"] for n in (1, 2)] == [MENU, MENU]
    assert [found[pn(n)]["sms_application_sid"] for n in (1, 2)] == [None, MENU]
    assert runner.plan([both(1), both(2)]).actions == ()


def test_keeps_an_existing_application_on_a_number_without_messages() -> None:
    runner = runner_of(voice_application_sid=MENU, sms_application_sid=MENU)
    assert {action.action for action in runner.plan([both(1)]).actions} == {"import"}
    assert not runner.apply([both(1)]).failures
    assert runner.plan([both(1)]).actions == ()
    assert runner.twilio.numbers()[pn(1)]["sms_application_sid"] == MENU


def test_adapts_a_number_declared_by_sid() -> None:
    menu = ApplicationRoute(MENU)
    by_sid = declared("number", pn(1), {"voice": menu, "sms": menu}, sid=pn(1))
    runner = runner_of()
    assert not runner.apply([by_sid]).failures
    assert runner.plan([by_sid]).actions == ()


def test_leaves_out_declared_messages_with_one_note_for_all_numbers() -> None:
    runner = MemoryRunner(
        world(row(1, capabilities=MUTE), row(2), row(3, capabilities=MUTE, sms_method="GET"))
    )
    wanted = [number(n, voice=hook("a"), sms=hook("s")) for n in (1, 2, 3)]
    (note,) = runner.plan(wanted).diagnostics
    assert (note.severity, note.code, note.address) == ("info", "number_cannot_text", None)
    assert (note.file, note.line) == ("reconciler.yaml", 1)
    assert e164(1) in note.detail
    assert e164(3) in note.detail
    assert e164(2) not in note.detail

    assert not runner.apply(wanted).failures
    found = runner.twilio.numbers()
    assert [found[pn(n)]["voice_url"] for n in (1, 2, 3)] == [hook("a").url] * 3
    assert [found[pn(n)]["sms_url"] or "" for n in (1, 2, 3)] == ["", hook("s").url, ""]
    assert runner.plan(wanted).actions == ()


def test_refuses_a_voice_route_of_a_number_without_calls() -> None:
    runner = MemoryRunner(world(row(1, capabilities={"voice": False, "sms": True}), row(2)))
    plan = runner.plan(
        [number(1, voice=hook("a"), sms=hook("s")), number(2, voice=hook("a"), sms=None)]
    )
    (problem,) = plan.diagnostics
    assert (problem.severity, problem.code, problem.address) == (
        "error",
        "number_cannot_call",
        f"number/{e164(1)}",
    )
    assert {action.address for action in plan.actions} == {f"number/{e164(2)}"}
    assert not runner.plan([number(1, voice=None, sms=hook("s"))]).diagnostics


@pytest.mark.parametrize("voice", [hook("a"), ApplicationRoute(MENU)])
def test_refuses_a_voice_route_of_a_number_that_receives_faxes(voice: Value) -> None:
    runner = MemoryRunner(world(row(1, voice_receive_mode="fax"), applications=[MENU]))
    (problem,) = runner.plan([number(1, voice=voice, sms=None)]).diagnostics
    assert (problem.severity, problem.code) == ("error", "number_receives_fax")
    assert not runner.plan([number(1, voice=None, sms=None)]).diagnostics


def test_existing_message_settings_are_no_error_and_can_be_cleared() -> None:
    runner = runner_of(sms_url=hook("s").url)
    assert not runner.plan([number(1, voice=None, sms=hook("s"))]).diagnostics
    assert not runner.apply([number(1, voice=None, sms=None)]).failures
    assert runner.twilio.numbers()[pn(1)]["sms_url"] == ""


def test_release_restores_no_message_settings_that_twilio_would_refuse() -> None:
    runner = runner_of(voice_url="https://old.example.net/v", sms_url="https://old.example.net/s")
    runner.apply([number(1, voice=hook("a"), sms=None)])
    assert not runner.apply([]).failures
    found = runner.twilio.numbers()[pn(1)]
    assert (found["voice_url"], found["sms_url"]) == ("https://old.example.net/v", "")


@pytest.mark.parametrize(
    ("capabilities", "can"),
    [(None, True), ({}, True), ({"sms": None}, True), ({"sms": True}, True), (MUTE, False)],
)
def test_only_a_clear_no_counts(capabilities: dict[str, bool] | None, can: bool) -> None:
    found = msgspec.convert(
        {"sid": pn(1), "phone_number": e164(1), "capabilities": capabilities}, NumberRow
    )
    assert Observer({}).live(found, "main").can_text is can
