"""Ctrl-C and SIGTERM: calls in flight finish and are remembered, the next run does the rest; twice ends at once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.support.processes.http_server import Gate
from tests.support.processes.process_runner import AGENT, ProcessRunner, Running, is_update

NUMBERS = [f"+15550100{n}" for n in range(101, 109)]


def under_way(runner: ProcessRunner) -> tuple[Running, Gate]:
    """An apply with two writes in flight, which are not answered yet."""
    for e164 in NUMBERS:
        runner.number(e164, voice_url="https://demo.twilio.com/welcome/voice/")
    runner.declare(dict.fromkeys(NUMBERS, "support"))
    gate = runner.twilio.hold(is_update)
    running = runner.start("apply", "--auto-approve", "--json", "--concurrency", "2")
    gate.wait(2)
    return running, gate


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_calls_in_flight_finish_and_the_next_run_does_the_rest(
    runner: ProcessRunner, number: signal.Signals
) -> None:
    running, gate = under_way(runner)
    running.interrupt(number)
    running.err.wait_for("Stopping")
    gate.open()
    done = runner.end(running)
    assert done.code == 5
    assert done.json["summary"]["interrupted"] is True
    assert {error["code"] for error in done.json["errors"]} == {"interrupted"}
    assert len({error["address"] for error in done.json["errors"]}) == len(NUMBERS) - 2
    written = [call.path for call in runner.twilio.calls if is_update(call)]
    assert len(written) == 2
    assert len(runner.state) == len(NUMBERS)
    assert not (runner.folder / "state.json.journal").exists()

    runner.apply()
    again = [call.path for call in runner.twilio.calls if is_update(call)]
    assert len(again) == len(set(again)) == len(NUMBERS), "what was finished is not written again"
    assert {runner.twilio.number(e164)["voice_url"] for e164 in NUMBERS} == {AGENT["voice"]}
    runner.settled()


def test_second_signal_stops_the_run_at_once(runner: ProcessRunner) -> None:
    running, gate = under_way(runner)
    running.interrupt()
    running.err.wait_for("Stopping")
    running.interrupt()
    done = running.done()
    assert done.code == 1
    assert len(gate.held) == 2, "it has not waited for the calls in flight"
    gate.open()
    runner.twilio.quiet()
    runner.apply()
    assert all(
        e["prior"]["voice_url"] == "https://demo.twilio.com/welcome/voice/"
        for e in runner.state.values()
    )
    runner.settled()


@pytest.mark.parametrize(
    "command", [["apply", "--auto-approve"], ["plan"], ["drift"], ["export"], ["doctor"]]
)
def test_signal_during_reading_prevents_all_writes(
    runner: ProcessRunner, command: list[str]
) -> None:
    runner.number(NUMBERS[0])
    runner.declare({NUMBERS[0]: "support"})
    gate = runner.twilio.hold()
    running = runner.start(*command)
    gate.wait()
    running.interrupt()
    running.err.wait_for("Stopp")
    gate.open()
    done = runner.end(running)
    assert done.code == 1
    assert not runner.twilio.writes
    runner.apply()
    runner.settled()


def test_plan_continues_on_a_signal_that_the_caller_ignores(runner: ProcessRunner) -> None:
    """A shell without job control starts `reconciler plan &` with SIGINT ignored: Ctrl-C is not meant for it."""
    runner.number(NUMBERS[0])
    runner.declare({NUMBERS[0]: "support"})
    gate = runner.twilio.hold()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running = runner.start("plan", "--detailed-exitcode")
    finally:
        signal.signal(signal.SIGINT, before)
    gate.wait()
    running.interrupt()
    gate.open()
    assert runner.end(running).code == 2


LOST = """
import os, signal, sys
from reconciler.cli import main

class Finished:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

def command():
    Finished()
    return 0

main.watch_interrupts()
sys.unraisablehook = lambda lost: print("lost", lost.exc_type.__name__)
sys.exit(main.run_to_exit_code(command))
"""


def test_interrupt_with_a_lost_exception_is_not_a_success() -> None:
    """Python drops exceptions of finalizers and of callbacks; the command must not end as if nothing had come."""
    done = subprocess.run(
        [sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "lost KeyboardInterrupt\n", "the case is not the one that is meant"
    assert (done.returncode, done.stderr) == (1, "Stopped.\n")
