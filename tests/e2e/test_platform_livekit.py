"""LiveKit: trunks and a dispatch rule for a number outside Twilio, made once, mended, removed; no secret is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.platforms.livekit_rules import RULES
from reconciler.sandbox.platforms.livekit_trunks import INBOUND, OUTBOUND
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO = "+15550100199", "+15550100198"
ADDRESS = f"registration/lk/{ONE}"
API_KEY, API_SECRET = "APIpl4nted", "pl4nted-livekit-secret-of-32-characters"
PASSWORD, PIN = "pl4nted-sip-password", "48151623"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    keys = [{"platform": "livekit", "key": API_KEY, "secret": API_SECRET}]
    with Sandbox(world({}, platform_keys=keys)) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object, **sections: object) -> None:
    runner.environ["LIVEKIT_KEY"] = API_KEY
    platform = {
        "type": "livekit",
        "base_url": f"{runner.sandbox.base_url}/livekit",
        "api_key": {"env": "LIVEKIT_KEY"},
        "api_secret": runner.secret("LIVEKIT_SECRET", API_SECRET),
    }
    agents = {
        "greeter": {"platform": "lk", "id": "greeter-agent"},
        "other": {"platform": "lk", "id": "other-agent"},
    }
    runner.setting(numbers, platforms={"lk": platform}, agents=agents, **sections)


def number(runner: PlatformRunner, **fields: object) -> dict[str, object]:
    sip = {
        "trunk_name": "my-trunk",
        "server_address": "sip.example.com",
        "username": "user",
        "password": runner.secret("SIP_PASSWORD", PASSWORD),
        "room_name": "desk-",
        "pin": runner.secret("ROOM_PIN", PIN),
        "media_encryption": "require",
    }
    return {"provider": "sip", "platform": "lk", "agent": "greeter", "sip": sip, **fields}


def objects(runner: PlatformRunner) -> tuple[list[Any], list[Any], list[Any]]:
    tables = (runner.world.table(shelf) for shelf in (INBOUND, OUTBOUND, RULES))
    inbound, outbound, rules = (list(table) for table in tables)
    return inbound, outbound, rules


def test_creates_trunks_and_dispatch_rule_once(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    plan = runner.plan()
    assert actions(plan) == [(ADDRESS, "register")]
    assert {
        c["after"] for c in plan["actions"][0]["changes"] if c["field"] in ("password", "pin")
    } == {"(new secret)"}
    runner.apply()
    [inbound], [outbound], [rule] = objects(runner)
    assert (inbound.numbers, inbound.name, inbound.media.encryption) == (
        [ONE],
        "my-trunk",
        "SIP_MEDIA_ENCRYPT_REQUIRE",
    )
    assert (outbound.address, outbound.auth_username) == ("sip.example.com", "user")
    assert rule.trunk_ids == [inbound.sid]
    assert rule.rule["dispatch_rule_individual"]["room_prefix"] == "desk-"
    assert (rule.pin, rule.room_config.agents[0].agent_name) == (PIN, "greeter-agent")
    runner.settled()
    with runner.watched() as calls:
        runner.apply()
    assert {call.path.rsplit("/", 1)[1] for call in calls} == {
        "ListSIPInboundTrunk",
        "ListSIPOutboundTrunk",
        "ListSIPDispatchRule",
    }


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    runner.apply()
    [inbound], [outbound], [rule] = objects(runner)
    inbound.allowed_addresses = ["203.0.113.9"]
    runner.settled()  # what is not ours is left alone

    outbound.address = "evil.example.org"
    rule.room_config.agents[0].agent_name = "somebody"
    [drifted] = runner.json("drift", code=2)["drifted"]
    assert sorted(f["field"] for f in drifted["fields"]) == ["agent", "server_address"]
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    runner.apply()
    assert (outbound.address, rule.room_config.agents[0].agent_name) == (
        "sip.example.com",
        "greeter-agent",
    )
    assert rule.pin == PIN
    assert inbound.allowed_addresses == ["203.0.113.9"]

    runner.world.table(RULES).remove(rule)
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    runner.apply()
    assert len(objects(runner)[2]) == 1
    runner.settled()

    declare(runner, {ONE: number(runner, agent="other")})
    runner.apply()
    assert objects(runner)[2][0].room_config.agents[0].agent_name == "other-agent"
    runner.settled()


def test_number_without_inbound_calls_keeps_only_its_outbound_trunk(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: number(runner)})
    runner.apply()
    declare(runner, {ONE: number(runner, supports_inbound=False)})
    runner.apply()
    inbound, outbound, rules = objects(runner)
    assert (len(inbound), len(outbound), len(rules)) == (0, 1, 0)
    runner.settled()
    declare(runner, {})
    assert actions(runner.plan()) == [(ADDRESS, "unregister")]
    runner.apply()
    assert objects(runner) == ([], [], [])
    assert runner.state == {}


def test_a_changed_secret_is_written_and_no_other(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner), TWO: number(runner)})
    runner.apply()
    runner.plant("", "another-pl4nted-password")
    runner.environ["SIP_PASSWORD"] = "another-pl4nted-password"
    plan = runner.plan()
    assert [(a["address"], a["action"]) for a in plan["actions"]] == [
        (f"registration/lk/{TWO}", "update"),
        (ADDRESS, "update"),
    ]
    assert [c["field"] for c in plan["actions"][0]["changes"]] == ["password"]
    runner.apply()
    runner.settled()


def test_a_pin_is_recognised_as_changed_only_with_a_key(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    runner.apply()
    runner.plant("", "108108108")
    runner.environ["ROOM_PIN"] = "108108108"
    runner.settled()
    key = runner.secret("FINGERPRINT_KEY", "pl4nted-fingerprint-key")
    declare(runner, {ONE: number(runner)}, fingerprint_key=key)
    runner.environ["ROOM_PIN"] = "108108108"
    runner.apply()
    assert objects(runner)[2][0].pin == "108108108"
    runner.settled()
    runner.plant("", "23424815")
    runner.environ["ROOM_PIN"] = "23424815"
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    runner.apply()
    assert objects(runner)[2][0].pin == "23424815"


def test_a_pin_has_four_to_ten_characters(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    done = runner.run("plan", "--json", code=1, ROOM_PIN="123")
    assert done.codes == ["invalid_pin"]
    assert done.json["diagnostics"][0]["line"]


def test_treats_a_trunk_with_several_numbers_as_foreign(runner: PlatformRunner) -> None:
    runner.world.extend({"format": 1, "livekit_inbound_trunks": [{"numbers": [ONE, TWO]}]})
    declare(runner, {ONE: number(runner)})
    done = runner.apply(code=1)
    assert [e["code"] for e in done["errors"]] == ["number_already_imported"]
    assert len(objects(runner)[0]) == 1


def test_takes_over_existing_trunks_only_with_consent(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    runner.apply()
    runner.lose_state()
    objects(runner)[1][0].address = "theirs.example.net"
    assert [d["code"] for d in runner.apply(code=4)["diagnostics"]] == ["takeover_refused"]
    runner.apply("--allow-takeover")
    assert objects(runner)[1][0].address == "sip.example.com"
    assert [len(found) for found in objects(runner)] == [1, 1, 1]
    runner.settled()


def test_reports_a_wrong_key_or_secret(runner: PlatformRunner) -> None:
    declare(runner, {ONE: number(runner)})
    wrong = "wrong-" * 8
    assert runner.run("plan", "--json", code=1, LIVEKIT_SECRET=wrong).codes == ["invalid_api_key"]
    assert runner.run("plan", "--json", code=1, LIVEKIT_KEY="APIother").codes == ["invalid_api_key"]


def test_refuses_a_twilio_number_on_livekit(runner: PlatformRunner) -> None:
    declare(runner, {ONE: "greeter"})
    assert runner.run("validate", "--json", code=3).codes == ["platform_cannot_import"]
