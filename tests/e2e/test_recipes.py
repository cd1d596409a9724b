"""Agents on recipes from the first apply to the removal: their routes are written, watched, exported, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
PBX, TEXTS = "https://pbx.example.net/in", "https://pbx.example.net/texts"
FIRST, SECOND = "3f6c1a52-8e1b-4b0f-9a77-2f6d0c1b5e90", "aafd4a02-523b-4675-8341-cfcc9b7a9a04"
OPENAI = "sip:proj_abc123@sip.api.openai.com;transport=tls"


def ultravox(agent: str) -> str:
    return f"https://app.ultravox.ai/api/agents/{agent}/telephony_xml"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    numbers: dict[str, dict[str, object]] = {
        ONE: {"voice_url": PBX, "sms_url": TEXTS},
        TWO: {"voice_url": ultravox(SECOND), "voice_method": "POST"},
        THREE: {},
    }
    with Sandbox(world(numbers)) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object, **sections: object) -> None:
    platforms = {"uv": {"type": "ultravox"}, "oa": {"type": "openai"}}
    agents = {
        "night": {"platform": "uv", "id": FIRST},
        "day": {"platform": "uv", "id": SECOND},
        "live": {"platform": "oa", "id": "proj_abc123"},
    }
    runner.setting(numbers, platforms=platforms, agents=agents, **sections)


def test_a_webhook_recipe_is_a_route_of_the_project(runner: PlatformRunner) -> None:
    declare(runner, {ONE: "night", TWO: "day"})
    plan = runner.plan()
    assert actions(plan) == [
        (f"number/{ONE}", "import"),
        (f"number/{ONE}", "overwrite_webhooks"),
        (f"number/{TWO}", "import"),
    ]
    runner.apply(code=4)
    runner.apply("--allow-takeover")
    assert runner.hooks(ONE) == {"voice_url": ultravox(FIRST)}
    assert runner.twilio_number(ONE).voice_method == "POST"
    assert [address for address in runner.state if address.startswith("registration/")] == []
    runner.settled()

    runner.edit(ONE, voice_url=ultravox(SECOND))
    [drifted] = runner.json("drift", code=2)["drifted"]
    assert (drifted["address"], drifted["looks_like"]) == (f"number/{ONE}", "Ultravox")
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": ultravox(FIRST)}

    [row] = [
        row for row in runner.json("list", "--platform", "uv")["numbers"] if row["e164"] == ONE
    ]
    assert row["agent"] == "night"
    shown = runner.json("show", "agent/night")["resource"]
    assert (shown["platform"], shown["id"]) == ("uv", FIRST)
    assert shown["routes"]["voice"] == f"webhook {ultravox(FIRST)}"
    shown = runner.json("show", "agent/live")["resource"]
    assert shown["routes"]["voice"] == f"trunk to {OPENAI}"

    declare(runner, {ONE: "day", TWO: "day"})
    assert actions(runner.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": ultravox(SECOND)}

    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX, "sms_url": TEXTS}


def test_a_trunk_recipe_gives_its_url_to_the_trunk(runner: PlatformRunner) -> None:
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com", "secure": True}}
    declare(runner, {THREE: {"agent": "live", "trunk": "edge"}}, trunks=trunks)
    runner.apply()
    number = runner.twilio_number(THREE)
    assert number.trunk_sid
    assert f"origination_url/edge/{OPENAI}" in runner.state
    runner.settled()

    # `origination` is left out of the file: what somebody else has added is watched, not removed.
    other = {"trunk_sid": number.trunk_sid, "sip_url": "sip:other.example.com"}
    runner.world.extend({"format": 1, "origination_urls": [other]})
    [drifted] = runner.json("drift", code=2)["drifted"]
    assert drifted["address"] == "origination_url/edge/sip:other.example.com"
    assert actions(runner.json("plan")) == []

    declare(runner, {}, trunks=trunks)
    runner.apply()
    assert f"origination_url/edge/{OPENAI}" not in runner.state
    assert not runner.twilio_number(THREE).trunk_sid


def test_export_writes_the_agents_of_recipes(runner: PlatformRunner) -> None:
    account = {"sid": "AC" + "0b" * 16, "auth_token": {"env": "MAIN_TOKEN"}}
    account["base_url"] = runner.sandbox.base_url
    runner.setting({}, platforms=None, accounts={"main": account})
    text = runner.run("export").out
    assert f"ultravox-api-agents: {{platform: ultravox, id: {SECOND}}}" in text or SECOND in text
    assert "ultravox: {type: ultravox}" in text
    assert "telephony_xml" not in text
    assert f"voice: {PBX}" in text

    declare(runner, {})
    text = runner.run("export").out
    assert "type: ultravox" not in text, "the declared platform and agent are used"
    assert '"+15550100102": day' in text
