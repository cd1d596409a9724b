"""Nixflex from the first apply to the removal: registered, the same again, edited on either side, moved, let go of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.nixflex import NUMBERS, NixflexNumber
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.platform_runner import AC, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO = "+15550100101", "+15550100102"
PBX = "https://pbx.example.net/in"
KEY = "nxf_pl4nted:nxfs_pl4nted_secret"
FIRST, SECOND = "agent_125207e452f8714a", "agent_aaaaaaaaaaaaaaaa"
ADDRESS = f"registration/nix/{ONE}"


def rows_of_nixflex() -> World:
    """Two numbers, one of them in use elsewhere, and three agents of which one is somebody else's."""
    numbers: dict[str, dict[str, object]] = {
        ONE: {"voice_url": PBX, "voice_method": "GET"},
        TWO: {},
    }
    rows = {
        "platform_keys": [{"platform": "nixflex", "key": KEY, "organization": "mine"}],
        "nixflex_agents": [
            {"agent_id": FIRST, "organization": "mine"},
            {"agent_id": SECOND, "organization": "mine"},
            {"agent_id": "agent_ffffffffffffffff", "organization": "theirs"},
        ],
    }
    return world(numbers, **rows)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    with Sandbox(rows_of_nixflex()) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object, **sections: object) -> None:
    platform = {
        "type": "nixflex",
        "api_key": runner.secret("NIX_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/nixflex",
    }
    agents = {
        "sales": {"platform": "nix", "id": FIRST},
        "help": {"platform": "nix", "id": SECOND},
        "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    }
    runner.setting(numbers, platforms={"nix": platform}, agents=agents, **sections)


def test_the_first_apply_registers_and_the_second_plan_is_empty(runner: PlatformRunner) -> None:
    declare(runner, {ONE: "sales"})
    refused = runner.apply(code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["takeover_refused"]
    assert PBX in refused["diagnostics"][0]["detail"]
    assert runner.hooks(ONE) == {"voice_url": PBX}

    plan = runner.plan()
    assert actions(plan) == [(f"number/{ONE}", "import"), (ADDRESS, "register")]
    assert {c["field"] for c in plan["actions"][1]["takeover"]} == {"voice_url"}
    done = runner.apply("--allow-takeover")
    assert done["success_count"] == 2
    assert "nixflex" in runner.hooks(ONE)["voice_url"]
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    written = runner.hooks(ONE)

    runner.edit(ONE, voice_url="https://api.vapi.ai/twilio/inbound_call")
    drift = runner.json("drift", code=2)
    assert [d["address"] for d in drift["drifted"]] == [f"number/{ONE}"]
    assert drift["drifted"][0]["looks_like"] == "Vapi"
    assert "looks like a Vapi import" in runner.run("drift", code=2).out
    assert actions(runner.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    assert "looks like a Vapi import" in runner.run("plan").out
    runner.apply()
    assert runner.hooks(ONE) == written

    row = runner.world.table(NUMBERS).get(ONE)
    assert row is not None
    row.agent_id = SECOND
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [ADDRESS]
    plan = runner.plan()
    assert [(a["address"], a["action"], a["reason"]) for a in plan["actions"]] == [
        (ADDRESS, "reassign", "drift")
    ]
    runner.apply()
    assert row_of(runner).agent_id == FIRST
    runner.settled()

    runner.world.table(NUMBERS).remove(row_of(runner))
    assert actions(runner.plan()) == [(ADDRESS, "register")]
    runner.apply()
    runner.settled()


def test_moves_a_number_to_a_new_agent_by_removal_and_import(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    declare(runner, {TWO: "help"})
    plan = runner.plan()
    assert actions(plan) == [(f"registration/nix/{TWO}", "reassign")]
    assert "Until both are done the number does not answer calls" in plan["actions"][0]["note"]
    with runner.watched() as calls:
        runner.apply()
    assert [call.method for call in calls if call.is_write and "nixflex" in call.path] == [
        "DELETE",
        "POST",
    ]
    runner.settled()
    assert row_of(runner, TWO).agent_id == SECOND


def test_one_agent_serves_several_numbers_and_a_number_has_one_agent(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "sales"})
    runner.apply()
    assert (row_of(runner).agent_id, row_of(runner, TWO).agent_id) == (FIRST, FIRST)
    runner.settled()

    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "help"})
    assert actions(runner.plan()) == [(f"registration/nix/{TWO}", "reassign")]
    runner.apply()
    assert (row_of(runner).agent_id, row_of(runner, TWO).agent_id) == (FIRST, SECOND)
    assert len(list(runner.world.table(NUMBERS))) == 2
    runner.settled()


def test_released_number_has_its_prior_values(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "sales"})
    runner.apply()
    declare(runner, {})
    plan = runner.plan()
    assert actions(plan) == [
        (f"registration/nix/{ONE}", "unregister"),
        (f"registration/nix/{TWO}", "unregister"),
        (f"number/{ONE}", "release"),
        (f"number/{TWO}", "release"),
    ]
    runner.apply()
    number = runner.twilio_number(ONE)
    assert (number.voice_url, number.voice_method) == (PBX, "GET")
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.hooks(TWO) == {}
    assert list(runner.world.table(NUMBERS)) == []
    assert runner.state == {}
    runner.settled()


def test_number_with_its_own_agent_leaves_the_platform_first(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    declare(runner, {ONE: "own"})
    assert actions(runner.plan()) == [
        (ADDRESS, "unregister"),
        (f"number/{ONE}", "overwrite_webhooks"),
    ]
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": "https://agents.example.com/voice"}
    runner.settled()
    declare(runner, {ONE: "sales"})
    assert actions(runner.plan()) == [(ADDRESS, "register")]
    runner.apply()
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}


def test_a_number_declared_by_its_sid_is_the_same_number(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    declare(runner, {runner.twilio_number(TWO).sid: "sales"})
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.state == {}


def test_does_not_take_a_number_of_a_different_agent(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    runner.lose_state()
    declare(runner, {TWO: "help"})
    plan = runner.run("plan", "--json", code=1)
    assert plan.codes == ["number_already_imported"]
    with runner.watched() as calls:
        runner.run("apply", "--json", "--auto-approve", code=1)
    assert [call for call in calls if call.is_write] == []
    assert row_of(runner, TWO).agent_id == FIRST
    declare(runner, {TWO: "sales"})
    assert actions(runner.plan()) == [
        (f"number/{TWO}", "import"),
        (f"registration/nix/{TWO}", "import"),
    ]
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []
    runner.settled()


def test_an_account_with_an_api_key_is_refused_by_the_plan(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    file = runner.folder / "reconciler.yaml"
    whole = json.loads(file.read_text(encoding="utf-8"))
    del whole["accounts"]["main"]["auth_token"]
    whole["accounts"]["main"] |= {
        "api_key": {"env": "MAIN_KEY"},
        "api_secret": {"env": "MAIN_TOKEN"},
    }
    file.write_text(json.dumps(whole), encoding="utf-8")
    runner.environ["MAIN_KEY"] = AC
    done = runner.run("plan", "--json", code=1)
    assert done.codes == ["auth_token_needed"]


@pytest.mark.parametrize("agent", ["agent_0000000000000000", "agent_ffffffffffffffff"])
def test_foreign_agent_is_an_error_in_the_plan(runner: PlatformRunner, agent: str) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8").replace(FIRST, agent)
    (runner.folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    assert runner.run("plan", "--json", code=1).codes == ["agent_not_found"]
    with runner.watched() as calls:
        refused = runner.run("apply", "--auto-approve", "--json", code=1)
    assert refused.codes == ["agent_not_found"]
    assert [call for call in calls if call.is_write] == []
    assert runner.hooks(ONE) == {"voice_url": PBX}


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "platform_forbidden")])
def test_refusal_is_reported_with_its_code_and_changes_nothing(
    runner: PlatformRunner, status: int, code: str
) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.sandbox.faults.add(
        f.Refuse(path="/nixflex/v1/phone-numbers", method="POST", status=status)
    )
    done = runner.apply(code=5)
    assert len(done["errors"]) == 1
    assert done["errors"][0]["code"] == code
    assert [o["status"] for o in done["outcomes"]] == ["applied", "failed"]
    assert runner.hooks(ONE) == {"voice_url": PBX}
    runner.sandbox.faults.clear()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}


def test_reports_a_wrong_key(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    done = runner.run("plan", "--json", code=1, NIX_KEY="nxf_other:nxfs_other")
    assert done.codes == ["invalid_api_key"]
    done = runner.run("plan", "--json", code=1, NIX_KEY="no-colon")
    assert done.codes == ["invalid_api_key"]


def test_import_detaches_a_hiding_trunk_last_and_rejoins_it(
    runner: PlatformRunner,
) -> None:
    trunk = runner.world.new_sid("TK")
    runner.world.extend(
        {"format": 1, "trunks": [{"sid": trunk, "account_sid": AC, "friendly_name": "theirs"}]}
    )
    runner.edit(ONE, trunk_sid=trunk)
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    assert actions(runner.plan()) == [
        (f"number/{ONE}", "import"),
        (ADDRESS, "register"),
        (f"number/{ONE}", "detach_trunk"),
    ]
    runner.apply()
    assert runner.hooks(ONE).keys() == {"voice_url", "sms_url", "status_callback"}
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX, "trunk_sid": trunk}


def test_a_number_is_bought_and_registered_in_one_run(runner: PlatformRunner) -> None:
    bought = "+15550100177"
    declare(runner, {bought: {"agent": "sales", "purchase": {"country": "US"}}})
    assert actions(runner.plan()) == [
        (f"number/{bought}", "purchase"),
        (f"registration/nix/{bought}", "register"),
    ]
    assert runner.apply("--allow-purchase")["failed_count"] == 0
    assert "nixflex" in runner.hooks(bought)["voice_url"]
    runner.settled()
    assert runner.json("drift")["drifted"] == []


def test_saved_plan_is_refused_once_someone_else_has_registered_the_number(
    runner: PlatformRunner,
) -> None:
    declare(runner, {TWO: "sales"})
    runner.run("plan", "--out", "plan.bin")
    runner.world.extend(
        {"format": 1, "nixflex_numbers": [{"phone_number": TWO, "agent_id": SECOND}]}
    )
    refused = runner.run("apply", "--json", "--auto-approve", "plan.bin", code=4)
    assert refused.codes == ["plan_stale"]
    runner.world.table(NUMBERS).remove(row_of(runner, TWO))
    runner.run("apply", "--auto-approve", "plan.bin")
    runner.settled()
    shown = runner.json("show", f"registration/nix/{TWO}")["resource"]
    assert shown["applied"] == {"agent": FIRST}


def row_of(runner: PlatformRunner, e164: str = ONE) -> NixflexNumber:
    row = runner.world.table(NUMBERS).get(e164)
    assert row is not None
    return row


def test_drift_of_webhooks_that_the_platform_writes_cannot_be_accepted(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: "sales"})
    runner.apply("--allow-takeover")
    runner.edit(ONE, voice_url=PBX)
    before = (runner.folder / "reconciler.yaml").read_bytes()
    refused = runner.json("drift", "--accept", ONE, code=4)
    [problem] = refused["diagnostics"]
    assert problem["code"] == "cannot_accept"
    assert "`nix` writes the webhooks of this number" in problem["detail"]
    assert (runner.folder / "reconciler.yaml").read_bytes() == before
