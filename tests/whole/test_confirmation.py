"""The question before an apply: counts and risk once more, and `yes` alone is consent."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from reconciler.cli import confirmation
from reconciler.sandbox.http.call_log import LoggedCall
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

from .refusal_worlds import FOREIGN, declare, numbers_of, set_foreign_voice


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


def test_the_question_repeats_counts_and_risk(runner: CommandRunner, answers: list[str]) -> None:
    one, two, *_ = numbers_of(runner)
    set_foreign_voice(runner, one)
    declare(runner, {one: {"agent": "support", "takeover": "allow"}, two: "support"})
    answers.append("no\n")
    said = runner.run("apply", code=1)
    assert question(said) == (
        "Plan: 4 actions on 2 resources: 2 import, 2 overwrite_webhooks. 1 takeover of foreign values.\n"
        "High risk: 1 takeover of foreign values, calls to 2 numbers go elsewhere."
    )
    assert "Not applied." in said
    assert not (runner.folder / "state.json").exists()


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "YES\n", "yes please\n"])
def test_only_yes_is_consent(runner: CommandRunner, answers: list[str], answer: str) -> None:
    declare(runner, {numbers_of(runner)[0]: "support"})
    answers.append(answer)
    runner.run("apply", "--allow-takeover", code=1)
    assert not (runner.folder / "state.json").exists()
    answers[:] = ["yes\n"]
    runner.run("apply", "--allow-takeover")


def test_the_other_commands_ask_in_the_same_words(
    runner: CommandRunner, answers: list[str]
) -> None:
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one, FOREIGN)
    declare(runner, {one: "support"})
    runner.apply("--allow-takeover")
    answers.append("no\n")
    said = runner.run("release", one, code=1)
    assert question(said).startswith("Plan: 1 action on 1 resource: 1 release.\nMedium risk: ")


LIVE = "https://pbx.example.net/live"
TRUNK = {"domain": "acme-edge.pstn.twilio.com", "credential_lists": [
    {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}]}  # fmt: skip
Change = Callable[[CommandRunner, str], None]


def answer_after(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]
) -> Callable[[], list[LoggedCall]]:
    """Let somebody type `yes` only after a change; what is returned lists the writes that followed the answer."""
    monkeypatch.setattr(confirmation, "is_on_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    known: list[int] = []

    def type_yes() -> str:
        change()
        known.append(len(list(runner.sandbox.calls)))
        return "yes\n"

    def writes() -> list[LoggedCall]:
        return [call for call in list(runner.sandbox.calls)[known[0] :] if call.is_write]

    monkeypatch.setattr(sys.stdin, "readline", type_yes)
    return writes


def edit(**fields: object) -> Change:
    """Somebody changes fields of the number."""

    def change(runner: CommandRunner, number: str) -> None:
        runner.sandbox.edit(number, fields)

    return change


def give_to_application(runner: CommandRunner, number: str) -> None:
    """Somebody has an application answer the number."""
    runner.sandbox.edit(
        number, {"voice_application_sid": runner.make_application(FriendlyName="menu")}
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
def test_does_not_overwrite_changes_made_while_the_prompt_waits(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch, change: Change, bound: bool
) -> None:
    one = numbers_of(runner)[0]
    if bound:
        declare(runner, {one: "support"}, voice="https://agents.example.com/first")
        runner.apply()
    declare(runner, {one: "support"})
    writes = answer_after(runner, monkeypatch, lambda: change(runner, one))

    said = runner.run("apply", "--allow-takeover", code=4)
    assert "plan_stale" in said
    assert "The confirmed plan is stale" in said
    assert "plan --out" not in said, "no file was given"
    assert writes() == []


@pytest.mark.parametrize("command", ["release", "rollback"])
def test_every_command_with_a_prompt_rechecks_the_plan(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    one = numbers_of(runner)[0]
    declare(runner, {one: "support"}, voice="https://agents.example.com/first")
    runner.apply()
    declare(runner, {one: "support"})
    runner.apply()
    writes = answer_after(
        runner, monkeypatch, lambda: runner.sandbox.edit(one, {"voice_url": LIVE})
    )

    words = {"release": ["release", one], "rollback": ["rollback", "--to", "1"]}[command]
    assert "The confirmed plan is stale" in runner.run(*words, "--allow-takeover", code=4)
    assert writes() == []


def test_does_not_create_a_trunk_that_appears_while_the_prompt_waits(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.declare(trunks={"edge": TRUNK})
    writes = answer_after(
        runner,
        monkeypatch,
        lambda: ask(
            runner.sandbox, "POST", "/v1/Trunks", form={"DomainName": str(TRUNK["domain"])}
        ),
    )
    assert "trunk/edge would be created, and is on Twilio by now" in runner.run("apply", code=4)
    assert writes() == []


def test_executes_a_confirmed_plan_with_a_secret_when_nothing_changed(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fingerprints are salted anew by each plan; those of the confirmed plan are kept."""
    one = numbers_of(runner)[0]
    runner.declare(trunks={"edge": TRUNK}, numbers={one: {"trunk": "edge"}})
    answer_after(
        runner, monkeypatch, lambda: runner.sandbox.edit(numbers_of(runner)[1], {"voice_url": LIVE})
    )
    runner.run("apply")
    assert runner.plan() == []


def test_confirmed_takeover_records_the_replaced_value(
    runner: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = numbers_of(runner)[0]
    set_foreign_voice(runner, one)
    declare(runner, {one: "support"})
    answer_after(runner, monkeypatch, lambda: None)
    runner.run("apply", "--allow-takeover")
    assert runner.state[f"number/{one}"]["prior"]["voice_url"] == FOREIGN


def test_reads_nothing_twice_without_a_prompt(runner: CommandRunner) -> None:
    """The number of calls is promised: pages are read once, and each number is written and read back once."""
    one = numbers_of(runner)[0]
    declare(runner, {one: "support"})
    known = len(list(runner.sandbox.calls))
    runner.run("apply", "--auto-approve")
    calls = [c for c in list(runner.sandbox.calls)[known:] if "IncomingPhoneNumbers" in c.path]
    assert [(call.method, call.path.endswith("IncomingPhoneNumbers.json")) for call in calls] == [
        ("GET", True),
        ("POST", False),
        ("GET", False),
    ]
