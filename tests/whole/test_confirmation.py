"""The question before an apply: counts and risk once more, and `yes` alone is consent."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from reconciler.cli import confirmation
from reconciler.sandbox.http.call_log import LoggedCall
from tests.sandbox.harness import ask

from .refusal_worlds import FOREIGN, declare, numbers_of, set_foreign_voice
from .stage import Stage


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody at a terminal types, one line for each question."""
    lines: list[str] = []
    monkeypatch.setattr(confirmation, "is_on_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "readline", lambda: lines.pop(0) if lines else "")
    return lines


def question(said: str) -> str:
    """What is asked, from the counts on."""
    before, _, _ = said.partition("Apply these actions?")
    return "\n".join(before.splitlines()[-2:])


def test_the_question_repeats_counts_and_risk(stage: Stage, answers: list[str]) -> None:
    one, two, *_ = numbers_of(stage)
    set_foreign_voice(stage, one)
    declare(stage, {one: {"agent": "support", "takeover": "allow"}, two: "support"})
    answers.append("no\n")
    said = stage.run("apply", code=1)
    assert question(said) == (
        "Plan: 4 actions on 2 resources: 2 import, 2 overwrite_webhooks. 1 takeover of foreign values.\n"
        "High risk: 1 takeover of foreign values, calls to 2 numbers go elsewhere."
    )
    assert "Not applied." in said
    assert not (stage.folder / "state.json").exists()


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "YES\n", "yes please\n"])
def test_yes_alone_is_consent(stage: Stage, answers: list[str], answer: str) -> None:
    declare(stage, {numbers_of(stage)[0]: "support"})
    answers.append(answer)
    stage.run("apply", "--allow-takeover", code=1)
    assert not (stage.folder / "state.json").exists()
    answers[:] = ["yes\n"]
    stage.run("apply", "--allow-takeover")


def test_the_other_commands_ask_in_the_same_words(stage: Stage, answers: list[str]) -> None:
    one = numbers_of(stage)[0]
    set_foreign_voice(stage, one, FOREIGN)
    declare(stage, {one: "support"})
    stage.apply("--allow-takeover")
    answers.append("no\n")
    said = stage.run("release", one, code=1)
    assert question(said).startswith("Plan: 1 action on 1 resource: 1 release.\nMedium risk: ")


LIVE = "https://pbx.example.net/live"
TRUNK = {"domain": "acme-edge.pstn.twilio.com", "credential_lists": [
    {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}]}  # fmt: skip
Change = Callable[[Stage, str], None]


def answer_after(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]
) -> Callable[[], list[LoggedCall]]:
    """Let somebody type `yes` only after a change; what is returned lists the writes that followed the answer."""
    monkeypatch.setattr(confirmation, "is_on_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    known: list[int] = []

    def type_yes() -> str:
        change()
        known.append(len(list(stage.sandbox.calls)))
        return "yes\n"

    def writes() -> list[LoggedCall]:
        return [call for call in list(stage.sandbox.calls)[known[0] :] if call.is_write]

    monkeypatch.setattr(sys.stdin, "readline", type_yes)
    return writes


def edit(**fields: object) -> Change:
    """Somebody changes fields of the number."""

    def change(stage: Stage, number: str) -> None:
        stage.sandbox.edit(number, fields)

    return change


def give_to_application(stage: Stage, number: str) -> None:
    """Somebody has an application answer the number."""
    stage.sandbox.edit(
        number, {"voice_application_sid": stage.make_application(FriendlyName="menu")}
    )


CHANGES: dict[str, Change] = {
    "a value on an empty field": edit(voice_url=LIVE),
    "a value of another managed part": edit(sms_url=LIVE),
    "a fallback beside the value": edit(voice_url=LIVE, voice_fallback_url=LIVE),
    "another status callback": edit(status_callback=LIVE),
    "an application in front of the webhooks": give_to_application,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("bound", [False, True], ids=["import", "bound"])
def test_what_changes_while_the_question_waits_is_not_overwritten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: Change, bound: bool
) -> None:
    one = numbers_of(stage)[0]
    if bound:
        declare(stage, {one: "support"}, voice="https://agents.example.com/first")
        stage.apply()
    declare(stage, {one: "support"})
    writes = answer_after(stage, monkeypatch, lambda: change(stage, one))

    said = stage.run("apply", "--allow-takeover", code=4)
    assert "plan_stale" in said
    assert "The confirmed plan is stale" in said
    assert "plan --out" not in said, "no file was given"
    assert writes() == []


@pytest.mark.parametrize("command", ["release", "rollback"])
def test_so_it_is_with_every_command_that_asks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    one = numbers_of(stage)[0]
    declare(stage, {one: "support"}, voice="https://agents.example.com/first")
    stage.apply()
    declare(stage, {one: "support"})
    stage.apply()
    writes = answer_after(stage, monkeypatch, lambda: stage.sandbox.edit(one, {"voice_url": LIVE}))

    words = {"release": ["release", one], "rollback": ["rollback", "--to", "1"]}[command]
    assert "The confirmed plan is stale" in stage.run(*words, "--allow-takeover", code=4)
    assert writes() == []


def test_a_trunk_that_appears_while_the_question_waits_is_not_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.declare(trunks={"edge": TRUNK})
    writes = answer_after(
        stage,
        monkeypatch,
        lambda: ask(stage.sandbox, "POST", "/v1/Trunks", form={"DomainName": str(TRUNK["domain"])}),
    )
    assert "trunk/edge would be created, and is on Twilio by now" in stage.run("apply", code=4)
    assert writes() == []


def test_a_plan_with_a_secret_is_carried_out_when_nothing_has_changed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fingerprints are salted anew by each plan; those of the confirmed plan are kept."""
    one = numbers_of(stage)[0]
    stage.declare(trunks={"edge": TRUNK}, numbers={one: {"trunk": "edge"}})
    answer_after(
        stage, monkeypatch, lambda: stage.sandbox.edit(numbers_of(stage)[1], {"voice_url": LIVE})
    )
    stage.run("apply")
    assert stage.plan() == []


def test_a_takeover_that_was_confirmed_remembers_what_it_replaced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = numbers_of(stage)[0]
    set_foreign_voice(stage, one)
    declare(stage, {one: "support"})
    answer_after(stage, monkeypatch, lambda: None)
    stage.run("apply", "--allow-takeover")
    assert stage.state[f"number/{one}"]["prior"]["voice_url"] == FOREIGN


def test_without_a_question_nothing_is_read_twice(stage: Stage) -> None:
    """The number of calls is promised: pages are read once, and each number is written and read back once."""
    one = numbers_of(stage)[0]
    declare(stage, {one: "support"})
    known = len(list(stage.sandbox.calls))
    stage.run("apply", "--auto-approve")
    calls = [c for c in list(stage.sandbox.calls)[known:] if "IncomingPhoneNumbers" in c.path]
    assert [(call.method, call.path.endswith("IncomingPhoneNumbers.json")) for call in calls] == [
        ("GET", True),
        ("POST", False),
        ("GET", False),
    ]
