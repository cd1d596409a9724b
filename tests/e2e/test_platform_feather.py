"""Feather: bridge numbers whose voice it sets, and phone numbers whose channels say who answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.feather_bridges import BRIDGES
from reconciler.sandbox.platforms.feather_numbers import CHANNELS, NUMBERS
from reconciler.sandbox.service.app import Sandbox

from .platform_stage import AC, PlatformStage, world
from .stage import actions

BRIDGE, PHONE = "+15550100200", "+15550100101"
PBX = "https://pbx.example.net/in"
KEY = "fth_live_pl4nted"
CONNECTION, FIRST, SECOND = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    numbers: dict[str, dict[str, object]] = {BRIDGE: {"voice_url": PBX, "sms_url": PBX}, PHONE: {}}
    rows = {
        "platform_keys": [{"platform": "feather", "key": KEY}],
        "feather_connections": [{"id": CONNECTION, "account_sid": AC}],
        "feather_assistants": [{"id": FIRST}, {"id": SECOND}],
    }
    with Sandbox(world(numbers, **rows)) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def declare(
    stage: PlatformStage,
    numbers: object,
    bridges: object,
    *,
    connections: object = None,
    **agents: object,
) -> None:
    platform = {
        "type": "feather",
        "api_key": stage.secret("FEATHER_KEY", KEY),
        "base_url": f"{stage.sandbox.base_url}/feather",
        "connections": connections or {},
    }
    known = {"sales": {"platform": "fe", "id": FIRST}, "help": {"platform": "fe", "id": SECOND}}
    stage.setting(
        numbers, platforms={"fe": platform}, agents={**known, **agents}, bridge_numbers=bridges
    )


def channels(stage: PlatformStage) -> dict[str, str | None]:
    return {row.channel_type: row.agent_id for row in stage.world.table(CHANNELS)}


def test_a_bridge_number_is_imported_watched_and_put_back(stage: PlatformStage) -> None:
    declare(stage, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    plan = stage.plan()
    assert actions(plan) == [
        (f"bridge_number/{BRIDGE}", "import"),
        (f"registration/fe/{BRIDGE}", "register"),
    ]
    assert [c["field"] for c in plan["actions"][1]["takeover"]] == ["voice_url"], (
        "only its voice is written"
    )
    with stage.watched() as calls:
        stage.apply()
    [sent] = [call.params for call in calls if call.is_write and "bridge-numbers" in call.path]
    assert set(sent) == {"twilio_number_sid"}, "an older server refuses the connection's field"
    assert "/bridge" in stage.hooks(BRIDGE)["voice_url"]
    assert stage.hooks(BRIDGE)["sms_url"] == PBX
    stage.settled()
    written = stage.hooks(BRIDGE)

    stage.edit(BRIDGE, voice_url="https://laptop.example.dev/voice")
    assert [d["address"] for d in stage.json("drift", code=2)["drifted"]] == [
        f"bridge_number/{BRIDGE}"
    ]
    stage.apply()
    assert stage.hooks(BRIDGE) == written
    [row] = stage.world.table(BRIDGES)
    stage.world.table(BRIDGES).remove(row)
    assert actions(stage.plan()) == [(f"registration/fe/{BRIDGE}", "register")]
    stage.apply()
    stage.settled()

    declare(stage, {}, {})
    stage.apply()
    assert stage.hooks(BRIDGE) == {"voice_url": PBX, "sms_url": PBX}
    assert list(stage.world.table(BRIDGES)) == []
    assert stage.state == {}


def test_a_bridge_number_becomes_a_native_one(stage: PlatformStage) -> None:
    declare(stage, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    stage.apply()
    own = "https://agents.example.com/bridge"
    declare(stage, {}, {BRIDGE: {"voice": own}})
    assert actions(stage.plan()) == [
        (f"registration/fe/{BRIDGE}", "unregister"),
        (f"bridge_number/{BRIDGE}", "overwrite_webhooks"),
    ]
    stage.apply()
    assert stage.hooks(BRIDGE)["voice_url"] == own
    stage.settled()


def test_a_phone_number_gets_its_channels_and_keeps_them(stage: PlatformStage) -> None:
    declare(stage, {PHONE: "sales"}, {})
    stage.apply()
    assert channels(stage) == {"inbound_call": FIRST, "outbound_call": FIRST, "sms": FIRST}
    stage.settled()

    row = next(row for row in stage.world.table(CHANNELS) if row.channel_type == "inbound_call")
    row.agent_id = SECOND
    [drifted] = stage.json("drift", code=2)["drifted"]
    assert (drifted["address"], [f["field"] for f in drifted["fields"]]) == (
        f"registration/fe/{PHONE}",
        ["agent"],
    )
    assert actions(stage.plan()) == [(f"registration/fe/{PHONE}", "link")]
    stage.apply()
    assert channels(stage)["inbound_call"] == FIRST

    [number] = stage.world.table(NUMBERS)
    number.status = "paused"
    assert actions(stage.plan()) == [(f"registration/fe/{PHONE}", "update")]
    stage.apply()
    assert number.status == "active"

    declare(stage, {PHONE: {"agent": "help", "supports_outbound": False, "manage": ["voice"]}}, {})
    stage.apply()
    assert {name: agent for name, agent in channels(stage).items() if name != "sms"} == {
        "inbound_call": SECOND
    }
    stage.settled()

    declare(stage, {}, {})
    stage.apply()
    assert number.status == "retired"
    assert stage.state == {}
    declare(stage, {PHONE: "sales"}, {})
    assert actions(stage.plan()) == [
        (f"number/{PHONE}", "import"),
        (f"registration/fe/{PHONE}", "register"),
    ]
    stage.apply()
    assert number.status == "active", "the retired record is brought back, not made twice"
    assert len(list(stage.world.table(NUMBERS))) == 1
    stage.settled()


def test_refusals_come_out_as_their_codes(stage: PlatformStage) -> None:
    declare(
        stage,
        {PHONE: "odd"},
        {},
        odd={"platform": "fe", "id": "aaaaaaaa-0000-4000-8000-0000000000ff"},
    )
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["agent_not_found"]
    declare(stage, {}, {})
    stage.apply()

    stage.world.extend({"format": 1, "feather_connections": [{"id": SECOND, "account_sid": AC}]})
    declare(stage, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["ambiguous_integration"]
    declare(
        stage,
        {},
        {BRIDGE: {"platform": "fe", "takeover": "allow"}},
        connections={"main": CONNECTION},
    )
    stage.apply()
    stage.settled()

    declare(stage, {}, {BRIDGE: {"platform": "fe"}})
    assert stage.run("plan", "--json", code=1, FEATHER_KEY="wrong").codes == ["invalid_api_key"]


def test_without_a_connected_account_nothing_is_imported(stage: PlatformStage) -> None:
    from reconciler.sandbox.platforms.feather import CONNECTIONS

    for row in list(stage.world.table(CONNECTIONS)):
        stage.world.table(CONNECTIONS).remove(row)
    declare(stage, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["no_twilio_integration"]
    assert stage.hooks(BRIDGE)["voice_url"] == PBX


def test_a_bridge_number_by_its_sid_is_the_same_one_and_a_status_of_any_kind_is_no_change(
    stage: PlatformStage,
) -> None:
    declare(stage, {}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    stage.apply()
    declare(stage, {}, {stage.twilio_number(BRIDGE).sid: {"platform": "fe"}})
    stage.settled()
    [row] = stage.world.table(BRIDGES)
    row.status = "a word that nobody knows"
    stage.settled()
    assert stage.json("drift")["drifted"] == []
    view = stage.json("show", f"bridge_number/{BRIDGE}")["resource"]
    assert (view["phone_e164"], view["twilio_sid"]) == (BRIDGE, stage.twilio_number(BRIDGE).sid)


def test_what_is_there_already_is_taken_in_without_a_write_when_state_is_lost(
    stage: PlatformStage,
) -> None:
    declare(stage, {PHONE: "sales"}, {BRIDGE: {"platform": "fe", "takeover": "allow"}})
    stage.apply()
    stage.lose_state()
    assert {name for _, name in actions(stage.plan())} == {"import"}
    with stage.watched() as calls:
        stage.apply()
    assert [call for call in calls if call.is_write] == []
    stage.settled()
