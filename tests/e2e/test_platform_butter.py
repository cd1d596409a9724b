"""Butter AI: imported free, then assigned; no call removes a number, so that is left to a person and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms import butter
from reconciler.sandbox.platforms.butter import NUMBERS, ButterNumber
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import AC, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO, SIP = "+15550100101", "+15550100102", "+15550100199"
PBX = "https://pbx.example.net/in"
KEY = "pl4nted-butter-key"
FIRST, SECOND = "agent_a1b2c3d4e5f6", "agent_b1b2c3d4e5f6"
INTEGRATION = "intg_a1b2c3d4e5f6"
PASSWORD = "pl4nted-sip-password"
ADDRESS = f"registration/bu/{ONE}"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
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
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(
    runner: PlatformRunner, numbers: object, *, integration: str = INTEGRATION, **agents: object
) -> None:
    platform = {
        "type": "butter",
        "api_key": runner.secret("BUTTER_KEY", KEY),
        "organization_id": "org_1",
        "connections": {"main": integration},
        "base_url": f"{runner.sandbox.base_url}/butter",
    }
    known = {"sales": {"platform": "bu", "id": FIRST}, "help": {"platform": "bu", "id": SECOND}}
    runner.setting(numbers, platforms={"bu": platform}, agents={**known, **agents})


def row(runner: PlatformRunner, e164: str = ONE) -> ButterNumber:
    found = runner.world.table(NUMBERS).get_by_key(e164)
    assert found is not None
    return found


def test_a_number_is_imported_assigned_and_settled(runner: PlatformRunner) -> None:
    declare(
        runner,
        {
            ONE: {"agent": "sales", "takeover": "allow"},
            TWO: {"agent": "help", "supports_outbound": False},
        },
    )
    with runner.watched() as calls:
        runner.apply()
    body = next(
        call.params for call in calls if call.path == "/butter/api/phone-numbers" and call.is_write
    )
    assert body["supports_inbound"] is True
    assert (row(runner).assigned_agent_id, row(runner, TWO).assigned_agent_id) == (FIRST, SECOND)
    assert (row(runner, TWO).supports_inbound, row(runner, TWO).supports_outbound) == (True, False)
    assert "getbutter" in runner.hooks(ONE)["voice_url"]
    runner.settled()
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    written = runner.hooks(ONE)
    row(runner).assigned_agent_id = SECOND
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [ADDRESS]
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    runner.apply()
    assert row(runner).assigned_agent_id == FIRST
    runner.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert actions(runner.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    runner.apply()
    assert runner.hooks(ONE) == written
    declare(runner, {ONE: "help"})
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    runner.apply()
    assert row(runner).assigned_agent_id == SECOND
    runner.settled()


def test_removal_unassigns_restores_and_lists_the_manual_steps(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    declare(runner, {})
    plan = runner.plan()
    assert actions(plan) == [(ADDRESS, "link"), (ADDRESS, "forget"), (f"number/{ONE}", "release")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_delete_missing"]
    assert "dashboard" in plan["diagnostics"][0]["detail"]
    runner.apply()
    assert row(runner).assigned_agent_id is None
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    assert actions(runner.plan()) == [
        (f"number/{ONE}", "import"),
        (ADDRESS, "import"),
        (ADDRESS, "link"),
    ]
    runner.apply()
    runner.settled()


def test_change_without_an_api_call_is_a_warning(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    declare(runner, {ONE: {"agent": "sales", "supports_outbound": False}})
    plan = runner.plan(code=0)
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_update_missing"]


def test_a_number_outside_twilio_is_imported_with_its_trunk(runner: PlatformRunner) -> None:
    sip = {"server_address": "sip.example.com", "username": "user", "media_encryption": "require"}
    number = {"provider": "sip", "platform": "bu", "agent": "sales", "sip": sip}
    declare(runner, {SIP: number})
    assert actions(runner.plan()) == [(f"registration/bu/{SIP}", "register")]
    runner.apply()
    found = row(runner, SIP)
    assert (found.provider, found.sip_server_address, found.media_encryption) == (
        "sip",
        "sip.example.com",
        "require",
    )
    assert found.assigned_agent_id == FIRST
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.state == {}


@pytest.mark.parametrize(
    ("integration", "agent", "code"),
    [
        ("intg_000000000000", FIRST, "integration_not_found"),
        (INTEGRATION, "agent_000000000000", "agent_not_found"),
        (INTEGRATION, "agent_c1b2c3d4e5f6", "integration_wrong_org"),
    ],
)
def test_refusal_is_reported_with_its_code(
    runner: PlatformRunner, integration: str, agent: str, code: str
) -> None:
    declare(runner, {TWO: "odd"}, integration=integration, odd={"platform": "bu", "id": agent})
    done = runner.apply(code=5)
    assert [e["code"] for e in done["errors"]] == [code]


def test_number_of_a_different_organisation_is_an_error(runner: PlatformRunner) -> None:
    taken = ButterNumber(sid="phon_ffffffffffff", phone_number=TWO, organization="org_2")
    runner.world.table(NUMBERS).add(taken)
    declare(runner, {TWO: "sales"})
    done = runner.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["number_already_imported"]
    assert runner.hooks(TWO) == {}


def test_detects_an_account_that_the_platform_does_not_have(
    runner: PlatformRunner,
) -> None:
    declare(runner, {TWO: "sales"})
    text = (
        (runner.folder / "reconciler.yaml")
        .read_text(encoding="utf-8")
        .replace(f'"main": "{INTEGRATION}"', "")
    )
    (runner.folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    assert runner.run("validate", "--json", code=3).codes == ["no_twilio_integration"]


def test_only_numbers_that_a_missing_page_may_hold_are_left_out(
    runner: PlatformRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One after the other: the page that can be read has the number that was imported first.
    numbers = {
        ONE: {"agent": "sales", "takeover": "allow"},
        TWO: {"agent": "help", "takeover": "allow"},
    }
    declare(runner, {ONE: numbers[ONE]})
    runner.apply()
    declare(runner, numbers)
    runner.apply()
    hooks = runner.hooks(TWO)
    monkeypatch.setattr(butter, "PAGE_SIZE", 1)
    row(runner).assigned_agent_id = SECOND
    unread = f"registration/bu/{TWO}"

    plan = runner.plan(code=1)
    assert actions(plan) == [(ADDRESS, "link")]
    problems = [each for each in plan["diagnostics"] if each["severity"] == "error"]
    assert [(each["code"], each["address"]) for each in problems] == [
        ("registration_unread", unread)
    ]

    drift = runner.json("drift", code=1)
    assert [each["address"] for each in drift["drifted"]] == [ADDRESS]
    assert "registration_unread" in [each["code"] for each in drift["diagnostics"]]

    # Apply does the rest, and neither forgets nor imports again what it cannot see.
    runner.json("apply", "--auto-approve", code=5)
    assert row(runner).assigned_agent_id == FIRST
    assert (unread in runner.state, runner.hooks(TWO)) == (True, hooks)

    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    plan = runner.plan(code=1)
    assert actions(plan) == []
    runner.json("apply", "--auto-approve", code=1)
    assert unread in runner.state
    checks = {check["check"]: check for check in runner.json("doctor")["checks"]}
    assert checks["numbers on bu"]["status"] == "warning"
