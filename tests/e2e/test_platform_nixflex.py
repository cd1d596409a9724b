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

from .platform_stage import AC, PlatformStage, world
from .stage import actions

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
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    with Sandbox(rows_of_nixflex()) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def declare(stage: PlatformStage, numbers: object, **sections: object) -> None:
    platform = {
        "type": "nixflex",
        "api_key": stage.secret("NIX_KEY", KEY),
        "base_url": f"{stage.sandbox.base_url}/nixflex",
    }
    agents = {
        "sales": {"platform": "nix", "id": FIRST},
        "help": {"platform": "nix", "id": SECOND},
        "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    }
    stage.setting(numbers, platforms={"nix": platform}, agents=agents, **sections)


def test_the_first_apply_registers_and_the_second_plan_is_empty(stage: PlatformStage) -> None:
    declare(stage, {ONE: "sales"})
    refused = stage.apply(code=4)
    assert [d["code"] for d in refused["diagnostics"]] == ["takeover_refused"]
    assert PBX in refused["diagnostics"][0]["detail"]
    assert stage.hooks(ONE) == {"voice_url": PBX}

    plan = stage.plan()
    assert actions(plan) == [(f"number/{ONE}", "import"), (ADDRESS, "register")]
    assert {c["field"] for c in plan["actions"][1]["takeover"]} == {"voice_url"}
    done = stage.apply("--allow-takeover")
    assert done["success_count"] == 2
    assert "nixflex" in stage.hooks(ONE)["voice_url"]
    stage.settled()
    assert stage.json("drift")["drifted"] == []
    with stage.watched() as calls:
        stage.apply()
    assert [call for call in calls if call.is_write] == []


def test_an_edit_on_either_side_is_seen_and_put_back(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    written = stage.hooks(ONE)

    stage.edit(ONE, voice_url="https://api.vapi.ai/twilio/inbound_call")
    drift = stage.json("drift", code=2)
    assert [d["address"] for d in drift["drifted"]] == [f"number/{ONE}"]
    assert drift["drifted"][0]["looks_like"] == "Vapi"
    assert "looks like a Vapi import" in stage.run("drift", code=2).out
    assert actions(stage.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    assert "looks like a Vapi import" in stage.run("plan").out
    stage.apply()
    assert stage.hooks(ONE) == written

    row = stage.world.table(NUMBERS).get(ONE)
    assert row is not None
    row.agent_id = SECOND
    assert [d["address"] for d in stage.json("drift", code=2)["drifted"]] == [ADDRESS]
    plan = stage.plan()
    assert [(a["address"], a["action"], a["reason"]) for a in plan["actions"]] == [
        (ADDRESS, "reassign", "drift")
    ]
    stage.apply()
    assert row_of(stage).agent_id == FIRST
    stage.settled()

    stage.world.table(NUMBERS).remove(row_of(stage))
    assert actions(stage.plan()) == [(ADDRESS, "register")]
    stage.apply()
    stage.settled()


def test_a_number_moves_to_another_agent_by_removal_and_import(stage: PlatformStage) -> None:
    declare(stage, {TWO: "sales"})
    stage.apply()
    declare(stage, {TWO: "help"})
    plan = stage.plan()
    assert actions(plan) == [(f"registration/nix/{TWO}", "reassign")]
    assert "Until both are done the number answers nobody" in plan["actions"][0]["note"]
    stage.apply()
    stage.settled()
    assert row_of(stage, TWO).agent_id == SECOND


def test_what_is_let_go_of_is_as_it_was_before(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "sales"})
    stage.apply()
    declare(stage, {})
    plan = stage.plan()
    assert actions(plan) == [
        (f"registration/nix/{ONE}", "unregister"),
        (f"registration/nix/{TWO}", "unregister"),
        (f"number/{ONE}", "release"),
        (f"number/{TWO}", "release"),
    ]
    stage.apply()
    number = stage.twilio_number(ONE)
    assert (number.voice_url, number.voice_method) == (PBX, "GET")
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.hooks(TWO) == {}
    assert list(stage.world.table(NUMBERS)) == []
    assert stage.state == {}
    stage.settled()


def test_a_number_that_gets_an_agent_of_our_own_leaves_the_platform_first(
    stage: PlatformStage,
) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    declare(stage, {ONE: "own"})
    assert actions(stage.plan()) == [
        (ADDRESS, "unregister"),
        (f"number/{ONE}", "overwrite_webhooks"),
    ]
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": "https://agents.example.com/voice"}
    stage.settled()
    declare(stage, {ONE: "sales"})
    assert actions(stage.plan()) == [(ADDRESS, "register")]
    stage.apply()
    stage.settled()
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}


def test_a_number_declared_by_its_sid_is_the_same_number(stage: PlatformStage) -> None:
    declare(stage, {TWO: "sales"})
    stage.apply()
    declare(stage, {stage.twilio_number(TWO).sid: "sales"})
    stage.settled()
    declare(stage, {})
    stage.apply()
    assert stage.state == {}


def test_what_another_agent_has_is_not_taken(stage: PlatformStage) -> None:
    declare(stage, {TWO: "sales"})
    stage.apply()
    stage.lose_state()
    declare(stage, {TWO: "help"})
    plan = stage.run("plan", "--json", code=1)
    assert plan.codes == ["number_already_imported"]
    declare(stage, {TWO: "sales"})
    assert actions(stage.plan()) == [
        (f"number/{TWO}", "import"),
        (f"registration/nix/{TWO}", "import"),
    ]
    with stage.watched() as calls:
        stage.apply()
    assert [call for call in calls if call.is_write] == []
    stage.settled()


def test_an_account_with_an_api_key_is_refused_by_the_plan(stage: PlatformStage) -> None:
    declare(stage, {TWO: "sales"})
    file = stage.folder / "reconciler.yaml"
    whole = json.loads(file.read_text(encoding="utf-8"))
    del whole["accounts"]["main"]["auth_token"]
    whole["accounts"]["main"] |= {
        "api_key": {"env": "MAIN_KEY"},
        "api_secret": {"env": "MAIN_TOKEN"},
    }
    file.write_text(json.dumps(whole), encoding="utf-8")
    stage.environ["MAIN_KEY"] = AC
    done = stage.run("plan", "--json", code=1)
    assert done.codes == ["auth_token_needed"]


@pytest.mark.parametrize("agent", ["agent_0000000000000000", "agent_ffffffffffffffff"])
def test_an_agent_that_is_not_ours_is_an_error_of_the_plan(
    stage: PlatformStage, agent: str
) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    text = (stage.folder / "reconciler.yaml").read_text(encoding="utf-8").replace(FIRST, agent)
    (stage.folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    assert stage.run("plan", "--json", code=1).codes == ["agent_not_found"]
    with stage.watched() as calls:
        refused = stage.run("apply", "--auto-approve", "--json", code=1)
    assert refused.codes == ["agent_not_found"]
    assert [call for call in calls if call.is_write] == []
    assert stage.hooks(ONE) == {"voice_url": PBX}


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "platform_forbidden")])
def test_a_refusal_comes_out_as_its_code_and_nothing_is_touched(
    stage: PlatformStage, status: int, code: str
) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.sandbox.faults.add(
        f.Refuse(path="/nixflex/v1/phone-numbers", method="POST", status=status)
    )
    done = stage.apply(code=5)
    assert len(done["errors"]) == 1
    assert done["errors"][0]["code"] == code
    assert [o["status"] for o in done["outcomes"]] == ["applied", "failed"]
    assert stage.hooks(ONE) == {"voice_url": PBX}
    stage.sandbox.faults.clear()
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.state == {}


def test_a_wrong_key_is_said_to_be_wrong(stage: PlatformStage) -> None:
    declare(stage, {TWO: "sales"})
    done = stage.run("plan", "--json", code=1, NIX_KEY="nxf_other:nxfs_other")
    assert done.codes == ["invalid_api_key"]
    done = stage.run("plan", "--json", code=1, NIX_KEY="no-colon")
    assert done.codes == ["invalid_api_key"]


def test_a_trunk_that_hides_the_webhooks_is_left_last_and_joined_again_at_the_end(
    stage: PlatformStage,
) -> None:
    trunk = stage.world.new_sid("TK")
    stage.world.extend(
        {"format": 1, "trunks": [{"sid": trunk, "account_sid": AC, "friendly_name": "theirs"}]}
    )
    stage.edit(ONE, trunk_sid=trunk)
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    assert actions(stage.plan()) == [
        (f"number/{ONE}", "import"),
        (ADDRESS, "register"),
        (f"number/{ONE}", "detach_trunk"),
    ]
    stage.apply()
    assert stage.hooks(ONE).keys() == {"voice_url", "sms_url", "status_callback"}
    stage.settled()
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX, "trunk_sid": trunk}


def test_a_number_is_bought_and_registered_in_one_run(stage: PlatformStage) -> None:
    bought = "+15550100177"
    declare(stage, {bought: {"agent": "sales", "purchase": {"country": "US"}}})
    assert actions(stage.plan()) == [
        (f"number/{bought}", "purchase"),
        (f"registration/nix/{bought}", "register"),
    ]
    assert stage.apply("--allow-purchase")["failed_count"] == 0
    assert "nixflex" in stage.hooks(bought)["voice_url"]
    stage.settled()
    assert stage.json("drift")["drifted"] == []


def test_a_saved_plan_is_applied_and_refused_once_somebody_else_has_registered(
    stage: PlatformStage,
) -> None:
    declare(stage, {TWO: "sales"})
    stage.run("plan", "--out", "plan.bin")
    stage.world.extend(
        {"format": 1, "nixflex_numbers": [{"phone_number": TWO, "agent_id": SECOND}]}
    )
    refused = stage.run("apply", "--json", "--auto-approve", "plan.bin", code=4)
    assert refused.codes == ["plan_stale"]
    stage.world.table(NUMBERS).remove(row_of(stage, TWO))
    stage.run("apply", "--auto-approve", "plan.bin")
    stage.settled()
    shown = stage.json("show", f"registration/nix/{TWO}")["resource"]
    assert shown["applied"] == {"agent": FIRST}


def row_of(stage: PlatformStage, e164: str = ONE) -> NixflexNumber:
    row = stage.world.table(NUMBERS).get(e164)
    assert row is not None
    return row
