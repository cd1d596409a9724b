"""Ravan AI: a number is added by its pair, its price never differs, and what has no call is said in the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.ravan import NUMBERS
from reconciler.sandbox.service.app import Sandbox

from .platform_stage import AC, PlatformStage, world
from .stage import actions

ONE, TWO = "+15550100101", "+15550100102"
PBX = "https://pbx.example.net/in"
KEY = "pl4nted-ravan-key"
ADDRESS = f"registration/ra/{ONE}"
OTHER = "AC" + "0c" * 16


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    rows = {
        "platform_keys": [{"platform": "ravan", "key": KEY}],
        "ravan_connections": [{"account_sid": AC}],
    }
    with Sandbox(world({ONE: {"voice_url": PBX}, TWO: {}}, **rows)) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def declare(stage: PlatformStage, numbers: object) -> None:
    platform = {
        "type": "ravan",
        "api_key": stage.secret("RAVAN_KEY", KEY),
        "base_url": f"{stage.sandbox.base_url}/ravan",
    }
    stage.setting(
        numbers, platforms={"ra": platform}, agents={"sales": {"platform": "ra", "id": "any-uuid"}}
    )


def test_a_number_is_added_with_its_pair_and_its_price_never_differs(stage: PlatformStage) -> None:
    declare(
        stage,
        {ONE: {"agent": "sales", "price": 1.15, "friendly_name": "Sales US", "takeover": "allow"}},
    )
    plan = stage.plan()
    assert actions(plan) == [
        (f"number/{ONE}", "import"),
        (f"number/{ONE}", "rename"),
        (ADDRESS, "register"),
    ]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_link_missing"]
    assert "dispatch rule" in plan["diagnostics"][0]["detail"]
    with stage.watched() as calls:
        stage.apply()
    [sent] = [call.params for call in calls if call.path.endswith("add-twilio")]
    pair = {"phone_number": ONE, "number_sid": stage.twilio_number(ONE).sid}
    assert sent == {**pair, "friendly_name": "Sales US", "price": 1.15}
    [row] = stage.world.table(NUMBERS)
    assert (row.friendly_name, row.price) == ("Sales US", 1)
    stage.settled()
    declare(stage, {ONE: {"agent": "sales", "price": 2.5, "friendly_name": "Sales US"}})
    stage.settled()
    declare(stage, {ONE: {"agent": "sales", "friendly_name": "Sales"}})
    plan = stage.plan()
    assert actions(plan) == [(f"number/{ONE}", "rename")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_update_missing"]


def test_removal_forgets_and_says_what_is_left_to_do(stage: PlatformStage) -> None:
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    stage.apply()
    stage.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert actions(stage.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    stage.apply()
    declare(stage, {})
    plan = stage.plan()
    assert actions(plan) == [(ADDRESS, "forget"), (f"number/{ONE}", "release")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_delete_missing"]
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.state == {}
    declare(stage, {ONE: {"agent": "sales", "takeover": "allow"}})
    refused = stage.apply(code=5)
    assert [e["code"] for e in refused["errors"]] == ["number_already_imported"], (
        "it may be anybody's by now"
    )
    [row] = stage.world.table(NUMBERS)
    stage.world.table(NUMBERS).remove(row)
    stage.apply()
    stage.settled()


def test_a_failure_under_status_200_is_one(stage: PlatformStage) -> None:
    from reconciler.sandbox.platforms.ravan import CONNECTIONS

    for row in list(stage.world.table(CONNECTIONS)):
        stage.world.table(CONNECTIONS).remove(row)
    declare(stage, {TWO: "sales"})
    done = stage.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["number_not_in_twilio"]
    assert done["errors"][0]["phone_number_sid"] == stage.twilio_number(TWO).sid
    stage.environ["RAVAN_KEY"] = "wrong"
    assert [e["code"] for e in stage.apply(code=1)["errors"]] == ["invalid_api_key"]


def test_a_number_of_ravans_has_no_directions_to_choose(stage: PlatformStage) -> None:
    declare(stage, {TWO: {"agent": "sales", "supports_inbound": False}})
    assert stage.run("validate", "--json", code=3).codes == ["unsupported_feature"]
