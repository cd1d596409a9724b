"""Killed at the worst moments: the platform is asked what it has, nothing is done twice, nothing is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import faults as f
from reconciler.sandbox.platforms.nixflex import NUMBERS
from reconciler.sandbox.server import Sandbox

from .platform_stage import PlatformStage
from .test_platform_nixflex import ONE, PBX, declare, rows_of_nixflex
from .wire import PATIENCE

DECLARED = {ONE: {"agent": "sales", "takeover": "allow"}}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[PlatformStage]:
    with Sandbox(rows_of_nixflex()) as sandbox:
        yield PlatformStage(tmp_path / "work", sandbox)


def killed_at(stage: PlatformStage, path: str, method: str, *, carried_out: bool, skip: int = 0) -> None:
    """Kill an apply while it waits for the answer of this call, which has taken effect or has not."""
    stage.sandbox.calls.reset()
    stage.sandbox.faults.add(f.Hang(path=path, method=method, carried_out=carried_out, skip=skip, times=1))
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
    return sum(call.method == "POST" and call.path == "/nixflex/v1/phone-numbers" for call in stage.sandbox.calls)


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_registration_cut_short_is_finished_and_not_repeated(stage: PlatformStage, carried_out: bool) -> None:
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
def test_a_move_cut_short_between_removal_and_import_is_finished(stage: PlatformStage, carried_out: bool) -> None:
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


def test_an_answer_that_does_not_come_is_looked_for_before_anything_is_sent_again(stage: PlatformStage) -> None:
    declare(stage, DECLARED)
    stage.sandbox.faults.add(f.Drop(path="/nixflex/v1/phone-numbers", method="POST", carried_out=True, times=1))
    stage.sandbox.faults.add(f.RateLimit(path="/nixflex/*", method="GET", times=2, retry_after=0))
    stage.sandbox.faults.add(f.ServerError(path="/nixflex/*", method="GET", times=1, skip=2))
    done = stage.apply()
    assert done["failed_count"] == 0
    assert imports(stage) == 1
    stage.settled()
