"""LiveKit: trunks and a dispatch rule for a number outside Twilio, made once, mended, removed; no secret is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.platforms.livekit_rules import RULES
from reconciler.sandbox.platforms.livekit_trunks import INBOUND, OUTBOUND
from reconciler.sandbox.service.app import Sandbox

from .platform_stage import PlatformStage, world
from .stage import actions

ONE, TWO = "+15550100199", "+15550100198"
ADDRESS = f"registration/lk/{ONE}"
API_KEY, API_SECRET = "APIpl4nted", "pl4nted-livekit-secret-of-32-characters"
PASSWORD, PIN = "pl4nted-sip-password", "48151623"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    keys = [{"platform": "livekit", "key": API_KEY, "secret": API_SECRET}]
    with Sandbox(world({}, platform_keys=keys)) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def declare(stage: PlatformStage, numbers: object, **sections: object) -> None:
    stage.environ["LIVEKIT_KEY"] = API_KEY
    platform = {
        "type": "livekit",
        "base_url": f"{stage.sandbox.base_url}/livekit",
        "api_key": {"env": "LIVEKIT_KEY"},
        "api_secret": stage.secret("LIVEKIT_SECRET", API_SECRET),
    }
    agents = {
        "greeter": {"platform": "lk", "id": "greeter-agent"},
        "other": {"platform": "lk", "id": "other-agent"},
    }
    stage.setting(numbers, platforms={"lk": platform}, agents=agents, **sections)


def number(stage: PlatformStage, **fields: object) -> dict[str, object]:
    sip = {
        "trunk_name": "my-trunk",
        "server_address": "sip.example.com",
        "username": "user",
        "password": stage.secret("SIP_PASSWORD", PASSWORD),
        "room_name": "desk-",
        "pin": stage.secret("ROOM_PIN", PIN),
        "media_encryption": "require",
    }
    return {"provider": "sip", "platform": "lk", "agent": "greeter", "sip": sip, **fields}


def objects(stage: PlatformStage) -> tuple[list[Any], list[Any], list[Any]]:
    tables = (stage.world.table(shelf) for shelf in (INBOUND, OUTBOUND, RULES))
    inbound, outbound, rules = (list(table) for table in tables)
    return inbound, outbound, rules


def test_trunks_and_rule_are_made_once(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    plan = stage.plan()
    assert actions(plan) == [(ADDRESS, "register")]
    assert {
        c["after"] for c in plan["actions"][0]["changes"] if c["field"] in ("password", "pin")
    } == {"(new secret)"}
    stage.apply()
    [inbound], [outbound], [rule] = objects(stage)
    assert (inbound.numbers, inbound.name, inbound.media.encryption) == (
        [ONE],
        "my-trunk",
        "SIP_MEDIA_ENCRYPT_REQUIRE",
    )
    assert (outbound.address, outbound.auth_username) == ("sip.example.com", "user")
    assert rule.trunk_ids == [inbound.sid]
    assert rule.rule["dispatch_rule_individual"]["room_prefix"] == "desk-"
    assert (rule.pin, rule.room_config.agents[0].agent_name) == (PIN, "greeter-agent")
    stage.settled()
    with stage.watched() as calls:
        stage.apply()
    assert {call.path.rsplit("/", 1)[1] for call in calls} == {
        "ListSIPInboundTrunk",
        "ListSIPOutboundTrunk",
        "ListSIPDispatchRule",
    }


def test_an_edit_on_either_side_is_seen_and_put_back(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    stage.apply()
    [inbound], [outbound], [rule] = objects(stage)
    inbound.allowed_addresses = ["203.0.113.9"]
    stage.settled()  # what is not ours is left alone

    outbound.address = "evil.example.org"
    rule.room_config.agents[0].agent_name = "somebody"
    [drifted] = stage.json("drift", code=2)["drifted"]
    assert sorted(f["field"] for f in drifted["fields"]) == ["agent", "server_address"]
    assert actions(stage.plan()) == [(ADDRESS, "update")]
    stage.apply()
    assert (outbound.address, rule.room_config.agents[0].agent_name) == (
        "sip.example.com",
        "greeter-agent",
    )
    assert rule.pin == PIN
    assert inbound.allowed_addresses == ["203.0.113.9"]

    stage.world.table(RULES).remove(rule)
    assert actions(stage.plan()) == [(ADDRESS, "update")]
    stage.apply()
    assert len(objects(stage)[2]) == 1
    stage.settled()

    declare(stage, {ONE: number(stage, agent="other")})
    stage.apply()
    assert objects(stage)[2][0].room_config.agents[0].agent_name == "other-agent"
    stage.settled()


def test_a_number_that_takes_no_calls_any_more_has_only_its_outbound_trunk(
    stage: PlatformStage,
) -> None:
    declare(stage, {ONE: number(stage)})
    stage.apply()
    declare(stage, {ONE: number(stage, supports_inbound=False)})
    stage.apply()
    inbound, outbound, rules = objects(stage)
    assert (len(inbound), len(outbound), len(rules)) == (0, 1, 0)
    stage.settled()
    declare(stage, {})
    assert actions(stage.plan()) == [(ADDRESS, "unregister")]
    stage.apply()
    assert objects(stage) == ([], [], [])
    assert stage.state == {}


def test_a_changed_secret_is_written_and_no_other(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage), TWO: number(stage)})
    stage.apply()
    stage.plant("", "another-pl4nted-password")
    stage.environ["SIP_PASSWORD"] = "another-pl4nted-password"
    plan = stage.plan()
    assert [(a["address"], a["action"]) for a in plan["actions"]] == [
        (f"registration/lk/{TWO}", "update"),
        (ADDRESS, "update"),
    ]
    assert [c["field"] for c in plan["actions"][0]["changes"]] == ["password"]
    stage.apply()
    stage.settled()


def test_a_pin_is_recognised_as_changed_only_with_a_key(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    stage.apply()
    stage.plant("", "108108108")
    stage.environ["ROOM_PIN"] = "108108108"
    stage.settled()
    key = stage.secret("FINGERPRINT_KEY", "pl4nted-fingerprint-key")
    declare(stage, {ONE: number(stage)}, fingerprint_key=key)
    stage.environ["ROOM_PIN"] = "108108108"
    stage.apply()
    assert objects(stage)[2][0].pin == "108108108"
    stage.settled()
    stage.plant("", "23424815")
    stage.environ["ROOM_PIN"] = "23424815"
    assert actions(stage.plan()) == [(ADDRESS, "update")]
    stage.apply()
    assert objects(stage)[2][0].pin == "23424815"


def test_a_pin_has_four_to_ten_characters(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    done = stage.run("plan", "--json", code=1, ROOM_PIN="123")
    assert done.codes == ["invalid_pin"]
    assert done.json["diagnostics"][0]["line"]


def test_a_trunk_for_several_numbers_is_somebody_elses(stage: PlatformStage) -> None:
    stage.world.extend({"format": 1, "livekit_inbound_trunks": [{"numbers": [ONE, TWO]}]})
    declare(stage, {ONE: number(stage)})
    done = stage.apply(code=1)
    assert [e["code"] for e in done["errors"]] == ["number_already_imported"]
    assert len(objects(stage)[0]) == 1


def test_what_is_there_already_is_taken_over_with_consent_only(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    stage.apply()
    stage.lose_state()
    objects(stage)[1][0].address = "theirs.example.net"
    assert [d["code"] for d in stage.apply(code=4)["diagnostics"]] == ["takeover_refused"]
    stage.apply("--allow-takeover")
    assert objects(stage)[1][0].address == "sip.example.com"
    assert [len(found) for found in objects(stage)] == [1, 1, 1]
    stage.settled()


def test_a_wrong_key_or_secret_is_said_to_be_wrong(stage: PlatformStage) -> None:
    declare(stage, {ONE: number(stage)})
    wrong = "wrong-" * 8
    assert stage.run("plan", "--json", code=1, LIVEKIT_SECRET=wrong).codes == ["invalid_api_key"]
    assert stage.run("plan", "--json", code=1, LIVEKIT_KEY="APIother").codes == ["invalid_api_key"]


def test_a_number_of_twilios_cannot_live_there(stage: PlatformStage) -> None:
    declare(stage, {ONE: "greeter"})
    assert stage.run("validate", "--json", code=3).codes == ["platform_cannot_import"]
