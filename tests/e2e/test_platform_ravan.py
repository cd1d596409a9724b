"""Ravan AI: a number is added by its pair, its price never differs, and what has no call is said in the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.ravan import NUMBERS
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import AC, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO = "+15550100101", "+15550100102"
PBX = "https://pbx.example.net/in"
KEY = "pl4nted-ravan-key"
ADDRESS = f"registration/ra/{ONE}"
OTHER = "AC" + "0c" * 16


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    rows = {
        "platform_keys": [{"platform": "ravan", "key": KEY}],
        "ravan_connections": [{"account_sid": AC}],
    }
    with Sandbox(world({ONE: {"voice_url": PBX}, TWO: {}}, **rows)) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object) -> None:
    platform = {
        "type": "ravan",
        "api_key": runner.secret("RAVAN_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/ravan",
    }
    runner.setting(
        numbers, platforms={"ra": platform}, agents={"sales": {"platform": "ra", "id": "any-uuid"}}
    )


def test_a_number_is_added_with_its_pair_and_its_price_never_differs(
    runner: PlatformRunner,
) -> None:
    declare(
        runner,
        {ONE: {"agent": "sales", "price": 1.15, "friendly_name": "Sales US", "takeover": "allow"}},
    )
    plan = runner.plan()
    assert actions(plan) == [
        (f"number/{ONE}", "import"),
        (f"number/{ONE}", "rename"),
        (ADDRESS, "register"),
    ]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_link_missing"]
    assert "dispatch rule" in plan["diagnostics"][0]["detail"]
    with runner.watched() as calls:
        runner.apply()
    [sent] = [call.params for call in calls if call.path.endswith("add-twilio")]
    pair = {"phone_number": ONE, "number_sid": runner.twilio_number(ONE).sid}
    assert sent == {**pair, "friendly_name": "Sales US", "price": 1.15}
    [row] = runner.world.table(NUMBERS)
    assert (row.friendly_name, row.price) == ("Sales US", 1)
    runner.settled()
    declare(runner, {ONE: {"agent": "sales", "price": 2.5, "friendly_name": "Sales US"}})
    runner.settled()
    declare(runner, {ONE: {"agent": "sales", "friendly_name": "Sales"}})
    plan = runner.plan()
    assert actions(plan) == [(f"number/{ONE}", "rename")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_update_missing"]


def test_removal_deletes_the_entry_and_lists_the_manual_steps(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    runner.edit(ONE, voice_url="https://laptop.example.dev/voice")
    assert actions(runner.plan()) == [(f"number/{ONE}", "overwrite_webhooks")]
    runner.apply()
    declare(runner, {})
    plan = runner.plan()
    assert actions(plan) == [(ADDRESS, "forget"), (f"number/{ONE}", "release")]
    assert [d["code"] for d in plan["diagnostics"]] == ["platform_delete_missing"]
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    refused = runner.apply(code=5)
    assert [e["code"] for e in refused["errors"]] == ["number_already_imported"], (
        "it may be anybody's by now"
    )
    [row] = runner.world.table(NUMBERS)
    runner.world.table(NUMBERS).remove(row)
    runner.apply()
    runner.settled()


def test_failure_with_status_200_is_a_failure(runner: PlatformRunner) -> None:
    from reconciler.sandbox.platforms.ravan import CONNECTIONS

    for row in list(runner.world.table(CONNECTIONS)):
        runner.world.table(CONNECTIONS).remove(row)
    declare(runner, {TWO: "sales"})
    done = runner.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["success_false"]
    assert done["errors"][0]["phone_number_sid"] == runner.twilio_number(TWO).sid
    runner.environ["RAVAN_KEY"] = "wrong"
    assert [e["code"] for e in runner.apply(code=1)["errors"]] == ["invalid_api_key"]


def test_a_number_of_ravans_has_no_directions_to_choose(runner: PlatformRunner) -> None:
    declare(runner, {TWO: {"agent": "sales", "supports_inbound": False}})
    assert runner.run("validate", "--json", code=3).codes == ["unsupported_feature"]
