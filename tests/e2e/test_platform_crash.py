"""Killed at the worst moments: the platform is asked what it has, nothing is done twice, nothing is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.nixflex import NUMBERS
from reconciler.sandbox.service.app import Sandbox

from .platform_stage import AC, PlatformStage
from .test_platform_nixflex import ONE, PBX, declare, rows_of_nixflex
from .wire import PATIENCE

DECLARED = {ONE: {"agent": "sales", "takeover": "allow"}}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    with Sandbox(rows_of_nixflex()) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def killed_at(
    stage: PlatformStage, path: str, method: str, *, carried_out: bool, skip: int = 0
) -> None:
    """Kill an apply while it waits for the answer of this call, which has taken effect or has not."""
    stage.sandbox.calls.reset()
    stage.sandbox.faults.add(
        f.Hang(path=path, method=method, carried_out=carried_out, skip=skip, times=1)
    )
    running = stage.start("apply", "--auto-approve", "--json")
    until = time.monotonic() + PATIENCE
    while 0 not in stage.sandbox.calls.statuses:
        assert time.monotonic() < until, "the call has not come"
        assert running.process.poll() is None, stage.end(running)
        time.sleep(0.02)
    running.kill()
    stage.end(running)
    stage.sandbox.faults.clear()


def imports(stage: PlatformStage) -> int:
    """How often the platform was asked to import a number since the log was last emptied."""
    return sum(
        call.method == "POST" and call.path == "/nixflex/v1/phone-numbers"
        for call in stage.sandbox.calls
    )


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_registration_cut_short_is_finished_and_not_repeated(
    stage: PlatformStage, carried_out: bool
) -> None:
    declare(stage, DECLARED)
    killed_at(stage, "/nixflex/v1/phone-numbers", "POST", carried_out=carried_out)
    stage.sandbox.calls.reset()
    stage.apply()
    assert imports(stage) == (0 if carried_out else 1)
    assert "nixflex" in stage.hooks(ONE)["voice_url"]
    stage.settled()
    assert stage.json("drift")["drifted"] == []
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.state == {}


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_removal_cut_short_is_finished_and_the_old_webhooks_come_back(
    stage: PlatformStage, carried_out: bool
) -> None:
    declare(stage, DECLARED)
    stage.apply()
    declare(stage, {})
    killed_at(stage, "/nixflex/v1/phone-numbers/*", "DELETE", carried_out=carried_out)
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert list(stage.world.table(NUMBERS)) == []
    assert stage.state == {}


def test_a_kill_between_removal_and_release_loses_no_old_webhook(stage: PlatformStage) -> None:
    declare(stage, DECLARED)
    stage.apply()
    declare(stage, {})
    killed_at(stage, "*/IncomingPhoneNumbers/*", "POST", carried_out=False)
    assert list(stage.world.table(NUMBERS)) == []
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}
    assert stage.state == {}


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_move_cut_short_between_removal_and_import_is_finished(
    stage: PlatformStage, carried_out: bool
) -> None:
    declare(stage, DECLARED)
    stage.apply()
    declare(stage, {ONE: "help"})
    killed_at(stage, "/nixflex/v1/phone-numbers", "POST", carried_out=carried_out)
    stage.apply()
    [row] = stage.world.table(NUMBERS)
    assert row.agent_id == "agent_aaaaaaaaaaaaaaaa"
    stage.settled()
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == {"voice_url": PBX}


def test_an_answer_that_does_not_come_is_looked_for_before_anything_is_sent_again(
    stage: PlatformStage,
) -> None:
    declare(stage, DECLARED)
    stage.sandbox.faults.add(
        f.Drop(path="/nixflex/v1/phone-numbers", method="POST", carried_out=True, times=1)
    )
    stage.sandbox.faults.add(f.RateLimit(path="/nixflex/*", method="GET", times=2, retry_after=0))
    stage.sandbox.faults.add(f.ServerError(path="/nixflex/*", method="GET", times=1, skip=2))
    done = stage.apply()
    assert done["failed_count"] == 0
    assert imports(stage) == 1
    stage.settled()


TWILIO, IMPORT = "*/IncomingPhoneNumbers/*", "/nixflex/v1/phone-numbers"
KILLS = {
    "import": (IMPORT, "POST", 0, False),
    "import carried out": (IMPORT, "POST", 0, True),
    "switch": (TWILIO, "POST", 0, False),
    "switch carried out": (TWILIO, "POST", 0, True),
}
"""Where an apply dies: path and method of the call, how many are let through first, whether it takes effect."""


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.parametrize("on_trunk", [True, False])
def test_a_first_import_killed_anywhere_keeps_the_old_route(
    stage: PlatformStage, on_trunk: bool, kill: str
) -> None:
    """The next run finishes it, or, when the platform refuses now, gives back what was there; so does a removal."""
    path, method, skip, carried_out = KILLS[kill]
    if on_trunk:
        trunk = stage.world.new_sid("TK")
        stage.world.extend(
            {"format": 1, "trunks": [{"sid": trunk, "account_sid": AC, "friendly_name": "theirs"}]}
        )
        stage.edit(ONE, trunk_sid=trunk)
    elif path == TWILIO:
        pytest.skip("there is nothing to switch")
    before = stage.hooks(ONE)
    declare(stage, DECLARED)
    killed_at(stage, path, method, carried_out=carried_out, skip=skip)
    assert (
        stage.hooks(ONE).get("trunk_sid") == before.get("trunk_sid") or kill == "switch carried out"
    )
    imported = bool(list(stage.world.table(NUMBERS)))

    stage.sandbox.faults.add(f.Refuse(path=IMPORT, method="POST", status=403))
    done = stage.apply(code=0 if imported else 1)
    if imported:
        assert stage.hooks(ONE).keys() == {"voice_url", "sms_url", "status_callback"}
        stage.settled()
    else:
        assert done["failed_count"] == (2 if on_trunk else 1)
        assert stage.hooks(ONE) == before
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == before
    assert list(stage.world.table(NUMBERS)) == []
    assert stage.state == {}


@pytest.mark.parametrize("then", ["again", "removed"])
def test_killed_while_undoing_the_next_run_undoes_to_the_first_route(
    stage: PlatformStage, then: str
) -> None:
    """The platform overwrites the webhooks and then refuses; the run dies before it has put them back."""
    before = stage.hooks(ONE)
    declare(stage, DECLARED)
    stage.sandbox.faults.add(
        f.HtmlPage(path=IMPORT, method="POST", status=500, carried_out=True, times=1)
    )
    stage.sandbox.faults.add(
        f.Hang(path=IMPORT, method="GET", skip=1, times=1)
    )  # asked what it has
    stage.sandbox.calls.reset()
    running = stage.start("apply", "--auto-approve", "--json")
    until = time.monotonic() + PATIENCE
    while 0 not in stage.sandbox.calls.statuses:
        assert time.monotonic() < until, "the call has not come"
        assert running.process.poll() is None, stage.end(running)
        time.sleep(0.02)
    running.kill()
    stage.end(running)
    stage.sandbox.faults.clear()
    [row] = stage.world.table(NUMBERS)
    stage.world.table(NUMBERS).remove(row)  # it thinks better of it
    assert stage.hooks(ONE) != before

    if then == "again":
        stage.sandbox.faults.add(f.Refuse(path=IMPORT, method="POST", status=403))
        done = stage.apply(code=1)
        assert [o["status"] for o in done["outcomes"]] == ["reverted"]
        assert stage.hooks(ONE) == before
        stage.sandbox.faults.clear()
    declare(stage, {})
    stage.apply()
    assert stage.hooks(ONE) == before
    assert stage.state == {}
