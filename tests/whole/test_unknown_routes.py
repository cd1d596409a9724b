"""A trunk or application that is named by a SID its account does not have is an error of the plan."""

from __future__ import annotations

import pytest

from tests.support.command_runner import AGENT, CommandRunner
from tests.support.sandbox_client import ask

TRUNK, APPLICATION = "TK" + "0" * 32, "AP" + "0" * 32


def declare(runner: CommandRunner, trunk: str | None = None, application: str | None = None) -> str:
    number = next(n.phone_number for n in runner.sandbox.world.numbers if n.capabilities.sms)
    agent = {"application": application} if application else {"webhooks": AGENT}
    declared = {"agent": "support", "friendly_name": "New"} | ({"trunk": trunk} if trunk else {})
    runner.declare(agents={"support": agent}, numbers={number: declared})
    return number


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"trunk": TRUNK}, "trunk_not_in_twilio"),
        ({"application": APPLICATION}, "application_not_in_twilio"),
    ],
)
def test_unknown_sid_is_an_error_at_its_position_before_any_write(
    runner: CommandRunner, named: dict[str, str], code: str
) -> None:
    number = declare(runner, **named)
    found = runner.json("plan", code=1)["diagnostics"]
    assert [(d["code"], d["address"], d["file"]) for d in found] == [
        (code, f"number/{number}", "reconciler.yaml")
    ]
    assert found[0]["line"] > 1
    assert runner.apply("--allow-takeover", code=1) == []


def test_known_sid_is_no_error(runner: CommandRunner) -> None:
    sid = runner.make_application(FriendlyName="Menu", VoiceUrl="https://agents.example.com/menu")
    declare(runner, application=sid)
    runner.apply("--allow-takeover")
    assert runner.plan() == []


@pytest.mark.parametrize("kind", ["trunk", "application"])
def test_release_to_a_deleted_target_warns_and_keeps_the_route(
    runner: CommandRunner, kind: str
) -> None:
    number = declare(runner)
    live = next(n for n in runner.sandbox.world.numbers if n.phone_number == number)
    if kind == "trunk":
        sid = str(
            ask(runner.sandbox, "POST", "/v1/Trunks", form={"FriendlyName": "theirs"}).json["sid"]
        )
        runner.sandbox.edit(number, {"trunk_sid": sid})
    else:
        sid = runner.make_application(
            FriendlyName="theirs", VoiceUrl="https://theirs.example.net/voice"
        )
        runner.sandbox.edit(number, {"voice_application_sid": sid})
    runner.apply("--allow-takeover")

    path = f"/v1/Trunks/{sid}" if kind == "trunk" else f"{runner._account}/Applications/{sid}.json"
    runner.delete(path)
    runner.declare()
    found = runner.json("plan")["diagnostics"]
    assert [(d["code"], d["severity"], d["address"]) for d in found] == [
        (f"{kind}_not_in_twilio", "warning", f"number/{number}")
    ]
    runner.json("apply", "--auto-approve", "--force", code=1)
    assert live.voice_url == AGENT["voice"]

    said = runner.json("release", f"number/{number}", "--auto-approve", code=1)["diagnostics"]
    assert f"{kind}_not_in_twilio" in [d["code"] for d in said]
    assert live.voice_url == AGENT["voice"]
    runner.run("release", f"number/{number}", "--auto-approve", "--keep")
    assert runner.plan() == []
