"""A trunk or application that is named by a SID its account does not have is an error of the plan."""

from __future__ import annotations

import pytest

from tests.whole.stage import AGENT, Stage

TRUNK, APPLICATION = "TK" + "0" * 32, "AP" + "0" * 32


def declare(stage: Stage, trunk: str | None = None, application: str | None = None) -> str:
    number = next(n.phone_number for n in stage.sandbox.world.numbers if n.capabilities.sms)
    agent = {"application": application} if application else {"webhooks": AGENT}
    declared = {"agent": "support", "friendly_name": "New"} | ({"trunk": trunk} if trunk else {})
    stage.declare(agents={"support": agent}, numbers={number: declared})
    return number


@pytest.mark.parametrize(
    ("named", "code"),
    [({"trunk": TRUNK}, "trunk_not_in_twilio"), ({"application": APPLICATION}, "application_not_in_twilio")],
)
def test_an_unknown_sid_is_an_error_with_its_place_and_nothing_is_written(
    stage: Stage, named: dict[str, str], code: str
) -> None:
    number = declare(stage, **named)
    found = stage.json("plan", code=1)["diagnostics"]
    assert [(d["code"], d["address"], d["file"]) for d in found] == [(code, f"number/{number}", "reconciler.yaml")]
    assert found[0]["line"] > 1
    assert stage.apply("--allow-takeover", code=1) == []


def test_a_known_sid_is_none(stage: Stage) -> None:
    sid = stage.make_application(FriendlyName="Menu", VoiceUrl="https://agents.example.com/menu")
    declare(stage, application=sid)
    stage.apply("--allow-takeover")
    assert stage.plan() == []
