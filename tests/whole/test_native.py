"""What the platforms' imports do, done without any platform: many numbers at once, and all webhooks of one."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.faults.rules import RefuseAttachment
from tests.support.command_runner import AGENT, CommandRunner

MANY = [f"+1555010{index:04d}" for index in range(1000, 1100)]
STATUS = "https://agents.example.com/status"


def add(runner: CommandRunner, *numbers: str, **fields: Any) -> None:
    """Numbers of the sandbox's account."""
    rows = [
        {"phone_number": e164, "account_sid": runner.sandbox.world.account.sid, **fields}
        for e164 in numbers
    ]
    runner.sandbox.world.extend({"format": 1, "numbers": rows})


def on_trunk(runner: CommandRunner) -> set[str]:
    return {number.phone_number for number in runner.sandbox.world.numbers if number.trunk_sid}


def test_seven_of_a_hundred_numbers_cannot_be_attached(runner: CommandRunner) -> None:
    """93 in place, 7 errors named, exit 5; the second run tries the 7 and no others."""
    bad = MANY[10:17]
    add(runner, *MANY)
    runner.declare(
        trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}},
        numbers={e164: {"trunk": "edge"} for e164 in MANY},
    )
    runner.sandbox.faults.add(RefuseAttachment(numbers=tuple(bad)))
    done = runner.json("apply", "--auto-approve", code=5)
    assert done["failed_count"] == 7
    assert {error["address"] for error in done["errors"]} == {f"number/{e164}" for e164 in bad}
    assert {error["code"] for error in done["errors"]} == {"trunk_attachment_failed"}
    sids = {runner.sandbox.world.number(e164).sid for e164 in bad}
    assert {error["phone_number_sid"] for error in done["errors"]} == sids
    assert on_trunk(runner) == {*MANY} - {*bad}

    tried = {call.path for call in runner.apply(code=1)}
    assert {sid for sid in sids if any(sid in path for path in tried)} == sids
    assert len(tried) == 7
    runner.sandbox.faults.clear()
    runner.apply()
    assert on_trunk(runner) == {*MANY}
    assert runner.plan() == []


def test_writes_all_webhooks_before_it_clears_the_applications(
    runner: CommandRunner,
) -> None:
    one = MANY[0]
    add(runner, one, status_callback="https://theirs.example.net/status")
    application = runner.make_application(
        FriendlyName="theirs", VoiceUrl="https://theirs.example.net/voice"
    )
    sid = runner.sandbox.world.number(one).sid
    runner.post(
        f"/IncomingPhoneNumbers/{sid}.json",
        VoiceApplicationSid=application,
        SmsApplicationSid=application,
    )
    runner.declare(
        agents={"support": {"webhooks": {**AGENT, "status": STATUS}}}, numbers={one: "support"}
    )
    refused = runner.json("apply", "--auto-approve", code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["takeover_refused"]
    first, write = runner.apply("--allow-takeover")
    assert "VoiceApplicationSid" not in first.params, (
        "the webhooks are there before the applications are lifted"
    )
    number = runner.sandbox.world.number(one)
    assert (number.voice_url, number.sms_url, number.status_callback) == (
        AGENT["voice"],
        AGENT["sms"],
        STATUS,
    )
    assert not number.voice_application_sid
    assert not number.sms_application_sid
    assert write.path.endswith(f"{sid}.json")
    row = runner.json("show", f"number/{one}")["resource"]
    assert (row["agent"], row["credentials"], row["phone_number_sid"]) == ("support", "main", sid)
    runner.declare()
    runner.apply()
    number = runner.sandbox.world.number(one)
    assert number.voice_application_sid == application == number.sms_application_sid
    assert number.status_callback == "https://theirs.example.net/status"
