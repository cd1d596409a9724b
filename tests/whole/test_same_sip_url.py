"""Several origination URLs of one trunk with the same SIP URL: each stays with its own SID."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.trunks import OriginationUrl
from tests.support.command_runner import CommandRunner, empty_world
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed
from tests.support.sandbox_client import ask

URL = "sip:sbc1.example.com"
PLAIN = f"origination_url/edge/{URL}"
FIRST = {"sip_url": URL, "priority": 10, "weight": 10}
SECOND = {"sip_url": URL, "priority": 20, "weight": 5}
THIRD = {"sip_url": URL, "priority": 30, "weight": 7}


def declare(runner: CommandRunner, *origination: dict[str, Any], **fields: Any) -> None:
    """Declare the trunk `edge` with these origination URLs."""
    edge = {"domain": "acme-edge.pstn.twilio.com", "origination": list(origination), **fields}
    runner.declare(trunks={"edge": edge})


def add_url(runner: CommandRunner, **values: Any) -> str:
    """Add an origination URL by hand. Return its SID."""
    (trunk,) = runner.sandbox.world.trunks
    form = {"SipUrl": URL, "Enabled": "true", "FriendlyName": "by hand"}
    form |= {name.capitalize(): str(value) for name, value in values.items()}
    answer = ask(runner.sandbox, "POST", f"/v1/Trunks/{trunk.sid}/OriginationUrls", form=form)
    assert answer.status == 201, answer.body
    return str(answer.json["sid"])


def edit_url(runner: CommandRunner, sid: str, **form: str) -> None:
    """Change an origination URL by hand."""
    (trunk,) = runner.sandbox.world.trunks
    path = f"/v1/Trunks/{trunk.sid}/OriginationUrls/{sid}"
    assert ask(runner.sandbox, "POST", path, form=form).status == 200


def rows(runner: CommandRunner) -> list[OriginationUrl]:
    """The origination URLs, by priority."""
    return sorted(runner.sandbox.world.origination_urls, key=lambda row: row.priority)


def sids(runner: CommandRunner) -> dict[int, str]:
    """Priority → SID."""
    return {row.priority: row.sid for row in rows(runner)}


def writes(runner: CommandRunner, **options: Any) -> list[str]:
    """Apply, and return the last part of each writing call; the second plan must be empty."""
    calls = runner.apply(**options)
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []
    return [f"{call.method} {call.path.rsplit('/', 1)[1]}" for call in calls]


def test_both_are_created_with_an_address_each(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    assert runner.plan() == [
        ("trunk/edge", "create"),
        (PLAIN, "create"),
        (f"{PLAIN}#2", "create"),
    ]
    writes(runner)
    assert [(row.priority, row.weight) for row in rows(runner)] == [(10, 10), (20, 5)]


def test_another_order_in_the_file_writes_nothing(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND, THIRD)
    writes(runner)
    before = sids(runner)
    for order in ((THIRD, FIRST, SECOND), (SECOND, THIRD, FIRST)):
        declare(runner, *order)
        assert runner.plan() == []
        assert writes(runner) == []
        assert sids(runner) == before


def test_a_changed_one_keeps_its_row(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    writes(runner)
    before = sids(runner)

    # The weight of the second changes, and it comes first in the file.
    declare(runner, {**SECOND, "weight": 50}, FIRST)
    assert runner.plan() == [(f"{PLAIN}#2", "update")]
    assert writes(runner) == [f"POST {before[20]}"]
    assert sids(runner) == before
    assert [row.weight for row in rows(runner)] == [10, 50]


def test_the_one_that_is_removed_is_deleted(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    writes(runner)
    before = sids(runner)

    declare(runner, SECOND)
    assert runner.plan() == [(PLAIN, "delete")]
    assert writes(runner) == [f"DELETE {before[10]}"]
    assert sids(runner) == {20: before[20]}

    # The remaining one keeps its address, and a new one gets the free address.
    declare(runner, SECOND, THIRD)
    assert runner.plan() == [(PLAIN, "create")]
    writes(runner)
    assert sids(runner)[20] == before[20]


def test_an_added_one_in_the_first_place_is_the_only_write(runner: CommandRunner) -> None:
    declare(runner, SECOND)
    writes(runner)
    before = sids(runner)
    declare(runner, FIRST, SECOND)
    assert runner.plan() == [(f"{PLAIN}#2", "create")]
    assert writes(runner) == ["POST OriginationUrls"]
    assert sids(runner)[20] == before[20]


@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_each_is_imported_with_its_own_row(runner: CommandRunner, order: tuple[int, int]) -> None:
    declare(runner)
    writes(runner)
    by_hand = {p: add_url(runner, priority=p, weight=1) for p in order}

    declare(runner, {**FIRST, "weight": 1}, {**SECOND, "weight": 1})
    assert [action for _, action in runner.plan()] == ["import", "import"]
    assert writes(runner) == []
    assert sids(runner) == by_hand
    recorded = {e["last_applied"]["priority"]: e["sid"] for e in _recorded(runner)}
    assert recorded == by_hand


def _recorded(runner: CommandRunner) -> list[dict[str, Any]]:
    return [e for e in runner.state.values() if e["kind"] == "origination_url"]


def test_one_that_was_deleted_by_hand_is_made_again_alone(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    writes(runner)
    before = sids(runner)
    (trunk,) = runner.sandbox.world.trunks
    runner.delete(f"/v1/Trunks/{trunk.sid}/OriginationUrls/{before[10]}")
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [PLAIN]
    assert runner.plan() == [(PLAIN, "create")]
    assert writes(runner) == ["POST OriginationUrls"]
    assert sids(runner)[20] == before[20]


def test_priorities_exchanged_by_hand_are_drift_of_both(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    writes(runner)
    before = sids(runner)
    edit_url(runner, before[10], Priority="20")
    edit_url(runner, before[20], Priority="10")
    drifted = [d["address"] for d in runner.json("drift", code=2)["drifted"]]
    assert drifted == [PLAIN, f"{PLAIN}#2"]
    writes(runner)
    assert sids(runner) == before


def test_rollback_writes_nothing_needless(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    writes(runner)
    before = sids(runner)
    declare(runner, THIRD, SECOND, FIRST)
    writes(runner)
    runner.run("undo", "--auto-approve")
    assert sids(runner) == before


def test_two_with_one_sip_url_are_one_server_for_lint(runner: CommandRunner) -> None:
    declare(runner, FIRST, SECOND)
    found = runner.json("lint")["diagnostics"]
    assert "single_origination" in [finding["code"] for finding in found]


def test_export_declares_both_and_its_plan_is_empty(runner: CommandRunner) -> None:
    declare(runner)
    writes(runner)
    for priority in (20, 10):
        add_url(runner, priority=priority, weight=1)
    runner.declare()
    (runner.folder / "state.json").unlink()
    exported = yaml.safe_load(runner.run("export").partition("\n---\n")[0])
    (trunk,) = exported["trunks"].values()
    found = [(url["sip_url"], url["priority"]) for url in trunk["origination"]]
    assert found == [(URL, 10), (URL, 20)]
    assert "unlisted" not in trunk


def test_of_two_that_are_equal_export_names_one_in_a_comment(runner: CommandRunner) -> None:
    declare(runner)
    writes(runner)
    for _ in range(2):
        add_url(runner, priority=10, weight=1)
    runner.declare()
    (runner.folder / "state.json").unlink()
    text = runner.run("export")
    assert "1 of its origination_urls cannot be declared" in text
    assert "unlisted: keep" in text


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_run_killed_at_any_write_is_finished_by_the_next(
    tmp_path: Path, recorded: bool, carried_out: bool
) -> None:
    """Two are created; or both change, in another order, while a third one comes in between."""
    for at in range(1, 9):
        folder = tmp_path / str(at)
        folder.mkdir()
        with Sandbox(empty_world()) as sandbox:
            runner = CommandRunner(folder, sandbox)
            declare(runner, FIRST, SECOND)
            wanted = [(10, 10), (20, 5)]
            if recorded:
                runner.apply()
                declare(runner, {**SECOND, "weight": 9}, THIRD, {**FIRST, "weight": 8})
                wanted = [(10, 8), (20, 9), (30, 7)]
            before = sids(runner)

            ended = run_until_killed(
                lambda run=runner.run: run("apply", "--auto-approve"), at, carried_out=carried_out
            )
            if ended == FINISHED:
                assert at == 4
                return
            assert ended == KILLED
            writes(runner)
            assert [(row.priority, row.weight) for row in rows(runner)] == wanted
            assert before.items() <= sids(runner).items()
    pytest.fail("more writing calls than expected")
