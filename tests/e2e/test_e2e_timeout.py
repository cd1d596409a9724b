"""`--timeout`: a run that takes too long ends by itself, as after Ctrl-C; what is done stays done, the next goes on."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from reconciler.errors import ReconcilerError
from reconciler.remote.transport.time_limit import TimeLimit
from reconciler.workflows.plan_apply import apply
from reconciler.workflows.session import Consent, Planned, RunOptions
from tests.support.processes.process_runner import AGENT, ProcessRunner, is_update
from tests.support.progress import SilentProgress
from tests.support.scripted_server import FakeClock

NUMBERS = [f"+15550100{n}" for n in range(101, 109)]


def declare(runner: ProcessRunner) -> None:
    for e164 in NUMBERS:
        runner.number(e164)
    runner.declare(dict.fromkeys(NUMBERS, "support"))


def test_finishes_running_calls_at_the_time_limit_and_the_next_run_completes(
    runner: ProcessRunner,
) -> None:
    declare(runner)
    gate = runner.twilio.hold(is_update)
    running = runner.start(
        "apply", "--auto-approve", "--json", "--concurrency", "2", "--timeout", "5s"
    )
    gate.wait(2)
    running.err.wait_for("Time limit reached")
    gate.open()
    done = runner.end(running)
    assert done.code == 5
    assert done.json["summary"]["interrupted"] is True
    assert done.codes == ["timed_out"]
    assert {error["code"] for error in done.json["errors"]} == {"interrupted"}
    written = [call.path for call in runner.twilio.calls if is_update(call)]
    assert len(written) == 2
    assert not (runner.folder / "state.json.journal").exists()

    runner.apply("--timeout", "5m")
    again = [call.path for call in runner.twilio.calls if is_update(call)]
    assert len(again) == len(set(again)) == len(NUMBERS), "what was finished is not written again"
    assert {runner.twilio.number(e164)["voice_url"] for e164 in NUMBERS} == {AGENT["voice"]}
    runner.settled()


def test_unanswered_read_ends_at_the_time_limit(runner: ProcessRunner) -> None:
    declare(runner)
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        gate = runner.twilio.hold()
        done = runner.run(*command, "--json", "--timeout", "1", code=1)
        gate.open(discard=True)
        assert done.codes == ["timed_out"]
    assert not runner.twilio.writes
    assert not (runner.folder / "state.json").exists()
    assert "timed_out" in runner.run("plan", "--timeout", "0", code=1).err


def test_starts_nothing_when_time_runs_out_before_the_first_write(runner: ProcessRunner) -> None:
    """Here while the plan is looked at."""
    declare(runner)
    clock = FakeClock()
    setting = RunOptions(
        directory=runner.folder,
        environ=runner.environ,
        progress=SilentProgress(),
        clock=lambda: datetime.now(UTC),
        limit=TimeLimit(60, clock),
    )

    def after_a_minute(planned: Planned) -> bool:
        clock.now += 61
        return True

    with pytest.raises(ReconcilerError, match="timed_out"):
        apply(setting, Consent(), after_a_minute)
    assert not runner.twilio.writes
    assert not (runner.folder / "state.json").exists()
    assert apply(
        msgspec.structs.replace(setting, limit=TimeLimit(60)), Consent(), lambda planned: True
    ).result.successes


def test_invalid_duration_is_wrong_usage(runner: ProcessRunner) -> None:
    declare(runner)
    assert "not a duration" in runner.run("plan", "--timeout", "soon", code=64).err
