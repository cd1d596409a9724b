"""Butter AI: imported free, then assigned; no call removes a number, so that is left to a person and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.butter import NUMBERS, ButterNumber
from reconciler.sandbox.service.app import Sandbox

from .platform_stage import AC, PlatformStage, world
from .stage import actions

ONE, TWO, SIP = "+15550100101", "+15550100102", "+15550100199"
PBX = "https://pbx.example.net/in"
KEY = "pl4nted-butter-key"
FIRST, SECOND = "agent_a1b2c3d4e5f6", "agent_b1b2c3d4e5f6"
INTEGRATION = "intg_a1b2c3d4e5f6"
PASSWORD = "pl4nted-sip-password"
ADDRESS = f"registration/bu/{ONE}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    numbers: dict[str, dict[str, object]] = {ONE: {"voice_url": PBX}, TWO: {}}
    rows = {
        "platform_keys": [{"platform": "butter", "key": KEY, "organization": "org_1"}],
        "butter_integrations": [
            {"integration_id": INTEGRATION, "organization": "org_1", "account_sid": AC}
        ],
        "butter_agents": [
            {"agent_id": FIRST, "organization": "org_1"},
            {"agent_id": SECOND, "organization": "org_1"},
            {"agent_id": "agent_c1b2c3d4e5f6", "organization": "org_2"},
        ],
    }
    with Sandbox(world(numbers, **rows)) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def declare(
    stage: PlatformStage, numbers: object, *, integration: str = INTEGRATION, **agents: object
) -> None:
    platform = {
        "type": "butter",
        "api_key": stage.secret("BUTTER_KEY", KEY),
        "organization_id": "org_1",
        "connections": {"main": integration},
        "base_url": f"{stage.sandbox.base_url}/butter",
    }
    known = {"sales": {"platform": "bu", "id": FIRST}, "help": {"platform": "bu", "id": SECOND}}
    stage.setting(numbers, platforms={"bu": platform}, agents={**known, **agents})


def row(stage: PlatformStage, e164: str = ONE) -> ButterNumber:
    found = stage.world.table(NUMBERS).get_by_key(e164)
    assert found is not None
    return found


def test_a_number_is_imported_assigned_and_settled(stage: PlatformStage) -> None:
    declare(
        stage,
        {
            ONE: {"agent": "sales", "takeover": "allow"},
            TWO: {"agent": "help", "supports_outbound": False},
        },
    )
    with stage.watched() as calls:
        stage.apply()
    body = next(
        call.params for call in calls if call.path == "/butter/api/phone-numbers" and call.is_write
    )
    assert body["supports_inbound"] is True
    assert (row(stage).assigned_agent_id, row(stage, TWO).assigned_agent_id) == (FIRST, SECOND)
    assert (row(stage, TWO).supports_inbound, row(stage, TWO).supports_outbound) == (True, False)
    assert "getbutter" in stage.hooks(ONE)["voice_url"]
    stage.settled()
    with stage.watched() as calls:
        stage.apply()
    assert [call for call in calls if call.is_write] == []


def test_an_edit_on_either_side_is_seen_and_put_back(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    written = stage.hooks(ONE)
    row(stage).assigned_agent_id = SECOND
    assert [d["address"] for d in stage.json("drift", code=2)["drifted"]] == [ADDRESS]
    assert actions(stage.plan()) == [(ADDRESS, "link")]
    stage.apply()
    assert row(stage).assigned_agent_id == FIRST
    stage.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert actions(stage.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    stage.apply()
    assert stage.hooks(ONE) == written
    declare(stage, {ONE: "help"})
    assert actions(stage.plan()) == [(ADDRESS, "link")]
    stage.apply()
    assert row(stage).assigned_agent_id == SECOND
    stage.settled()


def test_removal_unassigns_restores_and_says_what_is_left_to_do(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    declare(stage, {})
    plan = stage.plan()
    assert actions(plan) == [(ADDRESS, "link"), (ADDRESS, "forget"), (f"number/{ONE}", "release")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_delete_missing"]
    assert "dashboard" in plan["diagnostics"][0]["detail"]
    stage.apply()
    assert row(stage).assigned_agent_id is None
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.state == {}
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    assert actions(stage.plan()) == [
        (f"number/{ONE}", "import"),
        (ADDRESS, "import"),
        (ADDRESS, "link"),
    ]
    stage.apply()
    stage.settled()


def test_a_change_that_no_call_makes_is_a_warning(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    declare(stage, {ONE: {"agent": "sales", "supports_outbound": False}})
    plan = stage.plan(code=0)
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_update_missing"]


def test_a_number_outside_twilio_is_imported_with_its_trunk(stage: PlatformStage) -> None:
    sip = {"server_address": "sip.example.com", "username": "user", "media_encryption": "require"}
    number = {"provider": "sip", "platform": "bu", "agent": "sales", "sip": sip}
    declare(stage, {SIP: number})
    assert actions(stage.plan()) == [(f"registration/bu/{SIP}", "register")]
    stage.apply()
    found = row(stage, SIP)
    assert (found.provider, found.sip_server_address, found.media_encryption) == (
        "sip",
        "sip.example.com",
        "require",
    )
    assert found.assigned_agent_id == FIRST
    stage.settled()
    declare(stage, {})
    stage.apply()
    assert stage.state == {}


@pytest.mark.parametrize(
    ("integration", "agent", "code"),
    [
        ("intg_000000000000", FIRST, "integration_not_found"),
        (INTEGRATION, "agent_000000000000", "agent_not_found"),
        (INTEGRATION, "agent_c1b2c3d4e5f6", "integration_wrong_org"),
    ],
)
def test_a_refusal_comes_out_as_its_code(
    stage: PlatformStage, integration: str, agent: str, code: str
) -> None:
    declare(stage, {TWO: "odd"}, integration=integration, odd={"platform": "bu", "id": agent})
    done = stage.apply(code=5)
    assert [e["code"] for e in done["errors"]] == [code]


def test_a_number_that_another_organisation_has_is_an_error(stage: PlatformStage) -> None:
    taken = ButterNumber(sid="phon_ffffffffffff", phone_number=TWO, organization="org_2")
    stage.world.table(NUMBERS).add(taken)
    declare(stage, {TWO: "sales"})
    done = stage.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["number_already_imported"]
    assert stage.hooks(TWO) == {}


def test_a_platform_that_does_not_know_the_account_is_found_out_by_validation(
    stage: PlatformStage,
) -> None:
    declare(stage, {TWO: "sales"})
    text = (
        (stage.folder / "reconciler.yaml")
        .read_text(encoding="utf-8")
        .replace(f'"main": "{INTEGRATION}"', "")
    )
    (stage.folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    assert stage.run("validate", "--json", code=3).codes == ["no_twilio_integration"]
