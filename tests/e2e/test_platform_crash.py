"""Killed at the worst moments: the platform is asked what it has, nothing is done twice, nothing is forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.nixflex import NUMBERS
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.http_server import PATIENCE
from tests.support.processes.platform_runner import AC, PlatformRunner

from .test_platform_nixflex import ONE, PBX, declare, rows_of_nixflex

DECLARED = {ONE: {"agent": "sales", "takeover": "allow"}}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    with Sandbox(rows_of_nixflex()) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def killed_at(
    runner: PlatformRunner, path: str, method: str, *, carried_out: bool, skip: int = 0
) -> None:
    """Kill an apply while it waits for the answer of this call, which has taken effect or has not."""
    runner.sandbox.calls.reset()
    runner.sandbox.faults.add(
        f.Hang(path=path, method=method, carried_out=carried_out, skip=skip, times=1)
    )
    running = runner.start("apply", "--auto-approve", "--json")
    until = time.monotonic() + PATIENCE
    while 0 not in runner.sandbox.calls.statuses:
        assert time.monotonic() < until, "the call has not come"
        assert running.process.poll() is None, runner.end(running)
        time.sleep(0.02)
    running.kill()
    runner.end(running)
    runner.sandbox.faults.clear()


def imports(runner: PlatformRunner) -> int:
    """How often the platform was asked to import a number since the log was last emptied."""
    return sum(
        call.method == "POST" and call.path == "/nixflex/v1/phone-numbers"
        for call in runner.sandbox.calls
    )


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_registration_cut_short_is_finished_and_not_repeated(
    runner: PlatformRunner, carried_out: bool
) -> None:
    declare(runner, DECLARED)
    killed_at(runner, "/nixflex/v1/phone-numbers", "POST", carried_out=carried_out)
    runner.sandbox.calls.reset()
    runner.apply()
    assert imports(runner) == (0 if carried_out else 1)
    assert "nixflex" in runner.hooks(ONE)["voice_url"]
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_removal_cut_short_is_finished_and_the_old_webhooks_come_back(
    runner: PlatformRunner, carried_out: bool
) -> None:
    declare(runner, DECLARED)
    runner.apply()
    declare(runner, {})
    killed_at(runner, "/nixflex/v1/phone-numbers/*", "DELETE", carried_out=carried_out)
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert list(runner.world.table(NUMBERS)) == []
    assert runner.state == {}


def test_a_kill_between_removal_and_release_loses_no_old_webhook(runner: PlatformRunner) -> None:
    declare(runner, DECLARED)
    runner.apply()
    declare(runner, {})
    killed_at(runner, "*/IncomingPhoneNumbers/*", "POST", carried_out=False)
    assert list(runner.world.table(NUMBERS)) == []
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_move_cut_short_between_removal_and_import_is_finished(
    runner: PlatformRunner, carried_out: bool
) -> None:
    declare(runner, DECLARED)
    runner.apply()
    declare(runner, {ONE: "help"})
    killed_at(runner, "/nixflex/v1/phone-numbers", "POST", carried_out=carried_out)
    runner.apply()
    [row] = runner.world.table(NUMBERS)
    assert row.agent_id == "agent_aaaaaaaaaaaaaaaa"
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}


def test_searches_for_an_unanswered_import_before_it_sends_again(
    runner: PlatformRunner,
) -> None:
    declare(runner, DECLARED)
    runner.sandbox.faults.add(
        f.Drop(path="/nixflex/v1/phone-numbers", method="POST", carried_out=True, times=1)
    )
    runner.sandbox.faults.add(f.RateLimit(path="/nixflex/*", method="GET", times=2, retry_after=0))
    runner.sandbox.faults.add(f.ServerError(path="/nixflex/*", method="GET", times=1, skip=2))
    done = runner.apply()
    assert done["failed_count"] == 0
    assert imports(runner) == 1
    runner.settled()


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
    runner: PlatformRunner, on_trunk: bool, kill: str
) -> None:
    """The next run finishes it, or, when the platform refuses now, gives back what was there; so does a removal."""
    path, method, skip, carried_out = KILLS[kill]
    if on_trunk:
        trunk = runner.world.new_sid("TK")
        runner.world.extend(
            {"format": 1, "trunks": [{"sid": trunk, "account_sid": AC, "friendly_name": "theirs"}]}
        )
        runner.edit(ONE, trunk_sid=trunk)
    elif path == TWILIO:
        pytest.skip("there is nothing to switch")
    before = runner.hooks(ONE)
    declare(runner, DECLARED)
    killed_at(runner, path, method, carried_out=carried_out, skip=skip)
    assert (
        runner.hooks(ONE).get("trunk_sid") == before.get("trunk_sid")
        or kill == "switch carried out"
    )
    imported = bool(list(runner.world.table(NUMBERS)))

    runner.sandbox.faults.add(f.Refuse(path=IMPORT, method="POST", status=403))
    done = runner.apply(code=0 if imported else 1)
    if imported:
        assert runner.hooks(ONE).keys() == {"voice_url", "sms_url", "status_callback"}
        runner.settled()
    else:
        assert done["failed_count"] == (2 if on_trunk else 1)
        assert runner.hooks(ONE) == before
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == before
    assert list(runner.world.table(NUMBERS)) == []
    assert runner.state == {}


@pytest.mark.parametrize("then", ["again", "removed"])
def test_next_run_completes_an_undo_that_was_killed(runner: PlatformRunner, then: str) -> None:
    """The platform overwrites the webhooks and then refuses; the run dies before it has put them back."""
    before = runner.hooks(ONE)
    declare(runner, DECLARED)
    runner.sandbox.faults.add(
        f.HtmlPage(path=IMPORT, method="POST", status=500, carried_out=True, times=1)
    )
    runner.sandbox.faults.add(
        f.Hang(path=IMPORT, method="GET", skip=1, times=1)
    )  # asked what it has
    runner.sandbox.calls.reset()
    running = runner.start("apply", "--auto-approve", "--json")
    until = time.monotonic() + PATIENCE
    while 0 not in runner.sandbox.calls.statuses:
        assert time.monotonic() < until, "the call has not come"
        assert running.process.poll() is None, runner.end(running)
        time.sleep(0.02)
    running.kill()
    runner.end(running)
    runner.sandbox.faults.clear()
    [row] = runner.world.table(NUMBERS)
    runner.world.table(NUMBERS).remove(row)  # it thinks better of it
    assert runner.hooks(ONE) != before

    if then == "again":
        runner.sandbox.faults.add(f.Refuse(path=IMPORT, method="POST", status=403))
        done = runner.apply(code=1)
        assert [o["status"] for o in done["outcomes"]] == ["reverted"]
        assert runner.hooks(ONE) == before
        runner.sandbox.faults.clear()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == before
    assert runner.state == {}
