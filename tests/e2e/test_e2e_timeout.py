"""`--timeout`: a run that takes too long ends by itself, as after Ctrl-C; what is done stays done, the next goes on."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from reconciler.errors import ReconcilerError
from reconciler.remote.transport.time_limit import TimeLimit
from reconciler.workflows.plan_apply import apply
from reconciler.workflows.session import Consent, Planned, RunOptions
from tests.remote.scripted import FakeClock

from .stage import AGENT, Stage, is_update

NUMBERS = [f"+15550100{n}" for n in range(101, 109)]


class Silent:
    def report_read(self, account: str, numbers: int) -> None: ...
    def show_plan(self, planned: object) -> None: ...
    def start(self, total: int) -> None: ...
    def report_outcome(self, outcome: object) -> None: ...


def declare(stage: Stage) -> None:
    for e164 in NUMBERS:
        stage.number(e164)
    stage.declare(dict.fromkeys(NUMBERS, "support"))


def test_what_is_in_flight_when_the_time_is_over_is_finished_and_the_next_run_does_the_rest(
    stage: Stage,
) -> None:
    declare(stage)
    gate = stage.twilio.hold(is_update)
    running = stage.start(
        "apply", "--auto-approve", "--json", "--concurrency", "2", "--timeout", "5s"
    )
    gate.wait(2)
    running.err.wait_for("Time limit reached")
    gate.open()
    done = stage.end(running)
    assert done.code == 5
    assert done.json["summary"]["interrupted"] is True
    assert done.codes == ["timed_out"]
    assert {error["code"] for error in done.json["errors"]} == {"interrupted"}
    written = [call.path for call in stage.twilio.calls if is_update(call)]
    assert len(written) == 2
    assert not (stage.folder / "state.json.journal").exists()

    stage.apply("--timeout", "5m")
    again = [call.path for call in stage.twilio.calls if is_update(call)]
    assert len(again) == len(set(again)) == len(NUMBERS), "what was finished is not written again"
    assert {stage.twilio.number(e164)["voice_url"] for e164 in NUMBERS} == {AGENT["voice"]}
    stage.settled()


def test_a_reader_that_gets_no_answer_ends_with_its_time(stage: Stage) -> None:
    declare(stage)
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        gate = stage.twilio.hold()
        done = stage.run(*command, "--json", "--timeout", "1", code=1)
        gate.open(discard=True)
        assert done.codes == ["timed_out"]
    assert not stage.twilio.writes
    assert not (stage.folder / "state.json").exists()
    assert "timed_out" in stage.run("plan", "--timeout", "0", code=1).err


def test_nothing_is_begun_when_the_time_ends_before_the_first_write(stage: Stage) -> None:
    """Here while the plan is looked at."""
    declare(stage)
    clock = FakeClock()
    setting = RunOptions(
        directory=stage.folder,
        environ=stage.environ,
        progress=Silent(),
        clock=lambda: datetime.now(UTC),
        limit=TimeLimit(60, clock),
    )

    def after_a_minute(planned: Planned) -> bool:
        clock.now += 61
        return True

    with pytest.raises(ReconcilerError, match="timed_out"):
        apply(setting, Consent(), after_a_minute)
    assert not stage.twilio.writes
    assert not (stage.folder / "state.json").exists()
    assert apply(
        msgspec.structs.replace(setting, limit=TimeLimit(60)), Consent(), lambda planned: True
    ).result.successes


def test_a_duration_that_is_none_is_wrong_usage(stage: Stage) -> None:
    declare(stage)
    assert "not a duration" in stage.run("plan", "--timeout", "soon", code=64).err
