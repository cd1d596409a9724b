"""Feather: bridge numbers whose voice it sets, and phone numbers whose channels say who answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.feather_bridges import BRIDGES
from reconciler.sandbox.platforms.feather_numbers import CHANNELS, NUMBERS
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import AC, PlatformRunner, world
from tests.support.processes.process_runner import actions

BRIDGE, PHONE = "+15550100200", "+15550100101"
PBX = "https://pbx.example.net/in"
KEY = "fth_live_pl4nted"
CONNECTION, FIRST, SECOND = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    numbers: dict[str, dict[str, object]] = {BRIDGE: {"voice_url": PBX, "sms_url": PBX}, PHONE: {}}
    rows = {
        "platform_keys": [{"platform": "feather", "key": KEY}],
        "feather_connections": [{"id": CONNECTION, "account_sid": AC}],
        "feather_assistants": [{"id": FIRST}, {"id": SECOND}],
    }
    with Sandbox(world(numbers, **rows)) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(
    runner: PlatformRunner,
    numbers: object,
    bridges: object,
    *,
    connections: object = None,
    **agents: object,
) -> None:
    platform = {
        "type": "feather",
        "api_key": runner.secret("FEATHER_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/feather",
        "connections": connections or {},
    }
    known = {"sales": {"platform": "fe", "id": FIRST}, "help": {"platform": "fe", "id": SECOND}}
    runner.setting(
        numbers, platforms={"fe": platform}, agents={**known, **agents}, bridge_numbers=bridges
    )


def channels(runner: PlatformRunner) -> dict[str, str | None]:
    return {row.channel_type: row.agent_id for row in runner.world.table(CHANNELS)}


def test_a_bridge_number_is_imported_watched_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    plan = runner.plan()
    assert actions(plan) == [
        (f"bridge_number/{BRIDGE}", "import"),
        (f"registration/fe/{BRIDGE}", "register"),
    ]
    assert [c["field"] for c in plan["actions"][1]["takeover"]] == ["voice_url"], (
        "only its voice is written"
    )
    with runner.watched() as calls:
        runner.apply()
    [sent] = [call.params for call in calls if call.is_write and "bridge-numbers" in call.path]
    assert set(sent) == {"twilio_number_sid"}, "an older server refuses the connection's field"
    assert "/bridge" in runner.hooks(BRIDGE)["voice_url"]
    assert runner.hooks(BRIDGE)["sms_url"] == PBX
    runner.settled()
    written = runner.hooks(BRIDGE)

    runner.edit(BRIDGE, voice_url="https://laptop.example.dev/voice")
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [
        f"bridge_number/{BRIDGE}"
    ]
    runner.apply()
    assert runner.hooks(BRIDGE) == written
    [row] = runner.world.table(BRIDGES)
    runner.world.table(BRIDGES).remove(row)
    assert actions(runner.plan()) == [(f"registration/fe/{BRIDGE}", "register")]
    runner.apply()
    runner.settled()

    declare(runner, {}, {})
    runner.apply()
    assert runner.hooks(BRIDGE) == {"voice_url": PBX, "sms_url": PBX}
    assert list(runner.world.table(BRIDGES)) == []
    assert runner.state == {}


def test_converts_a_bridge_number_to_a_native_one(runner: PlatformRunner) -> None:
    declare(runner, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    runner.apply()
    own = "https://agents.example.com/bridge"
    declare(runner, {}, {BRIDGE: {"voice": own}})
    assert actions(runner.plan()) == [
        (f"registration/fe/{BRIDGE}", "unregister"),
        (f"bridge_number/{BRIDGE}", "overwrite_webhooks"),
    ]
    runner.apply()
    assert runner.hooks(BRIDGE)["voice_url"] == own
    runner.settled()


def test_phone_number_gets_and_keeps_its_channels(runner: PlatformRunner) -> None:
    declare(runner, {PHONE: "sales"}, {})
    runner.apply()
    assert channels(runner) == {"inbound_call": FIRST, "outbound_call": FIRST, "sms": FIRST}
    runner.settled()

    row = next(row for row in runner.world.table(CHANNELS) if row.channel_type == "inbound_call")
    row.agent_id = SECOND
    [drifted] = runner.json("drift", code=2)["drifted"]
    assert (drifted["address"], [f["field"] for f in drifted["fields"]]) == (
        f"registration/fe/{PHONE}",
        ["agent"],
    )
    assert actions(runner.plan()) == [(f"registration/fe/{PHONE}", "link")]
    runner.apply()
    assert channels(runner)["inbound_call"] == FIRST

    [number] = runner.world.table(NUMBERS)
    number.status = "paused"
    assert actions(runner.plan()) == [(f"registration/fe/{PHONE}", "update")]
    runner.apply()
    assert number.status == "active"

    declare(runner, {PHONE: {"agent": "help", "supports_outbound": False, "manage": ["voice"]}}, {})
    runner.apply()
    assert {name: agent for name, agent in channels(runner).items() if name != "sms"} == {
        "inbound_call": SECOND
    }
    runner.settled()

    declare(runner, {}, {})
    runner.apply()
    assert number.status == "retired"
    assert runner.state == {}
    declare(runner, {PHONE: "sales"}, {})
    assert actions(runner.plan()) == [
        (f"number/{PHONE}", "import"),
        (f"registration/fe/{PHONE}", "register"),
    ]
    runner.apply()
    assert number.status == "active", "the retired record is brought back, not made twice"
    assert len(list(runner.world.table(NUMBERS))) == 1
    runner.settled()


def test_refusals_are_reported_with_their_codes(runner: PlatformRunner) -> None:
    declare(
        runner,
        {PHONE: "odd"},
        {},
        odd={"platform": "fe", "id": "aaaaaaaa-0000-4000-8000-0000000000ff"},
    )
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == ["agent_not_found"]
    declare(runner, {}, {})
    runner.apply()

    runner.world.extend({"format": 1, "feather_connections": [{"id": SECOND, "account_sid": AC}]})
    declare(runner, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == [
        "ambiguous_integration"
    ]
    declare(
        runner,
        {},
        {BRIDGE: {"platform": "fe", "takeover": "allow"}},
        connections={"main": CONNECTION},
    )
    runner.apply()
    runner.settled()

    declare(runner, {}, {BRIDGE: {"platform": "fe"}})
    assert runner.run("plan", "--json", code=1, FEATHER_KEY="wrong").codes == ["invalid_api_key"]


def test_imports_nothing_without_a_connected_account(runner: PlatformRunner) -> None:
    from reconciler.sandbox.platforms.feather import CONNECTIONS

    for row in list(runner.world.table(CONNECTIONS)):
        runner.world.table(CONNECTIONS).remove(row)
    for numbers, bridges in (
        ({}, {BRIDGE: {"platform": "fe", "takeover": "allow"}}),
        ({PHONE: {"agent": "sales", "takeover": "allow"}}, {}),
    ):
        declare(runner, numbers, bridges)
        with runner.watched() as calls:
            refused = runner.run("apply", "--auto-approve", "--json", code=1)
        assert refused.codes == ["no_twilio_integration"]
        assert [call for call in calls if call.is_write] == []
    assert runner.hooks(BRIDGE)["voice_url"] == PBX
    assert [*runner.world.table(BRIDGES), *runner.world.table(NUMBERS)] == []


def test_recognises_a_bridge_number_by_sid_and_ignores_its_status(
    runner: PlatformRunner,
) -> None:
    declare(runner, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    runner.apply()
    declare(runner, {}, {runner.twilio_number(BRIDGE).sid: {"platform": "fe"}})
    runner.settled()
    [row] = runner.world.table(BRIDGES)
    row.status = "a word that nobody knows"
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    view = runner.json("show", f"bridge_number/{BRIDGE}")["resource"]
    assert (view["phone_e164"], view["twilio_sid"]) == (BRIDGE, runner.twilio_number(BRIDGE).sid)


def test_imports_existing_registrations_without_a_write_after_state_loss(
    runner: PlatformRunner,
) -> None:
    declare(runner, {PHONE: "sales"}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    runner.apply()
    runner.lose_state()
    assert {name for _, name in actions(runner.plan())} == {"import"}
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []
    runner.settled()
