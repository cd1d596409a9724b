"""Stacks whose processes do the worst: the fleet reports each, and none affects another."""

from __future__ import annotations

import errno
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.fleet import processes, results
from reconciler.fleet.job import Job, Watcher
from reconciler.fleet.processes import StopRequest
from tests.fleet.test_local_engine import is_alive, job, log, run, starts

__all__ = ["log"]


def wait_for_end(pid: int) -> bool:
    """Return whether a process ends within five seconds."""
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def pid_of(log: Path, name: str) -> int:
    [path] = log.glob(f"{name}.*")
    return int(path.suffix[1:])


def test_what_a_stack_has_left_running_ends_with_it(log: Path) -> None:
    found = run([job("a", log, "grandchild"), job("b", log, "end", "0")])
    assert [entry.outcome for entry in found.values()] == ["done", "done"]
    assert wait_for_end(pid_of(log, "child"))


def test_a_stack_that_prints_without_end_is_ended(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MOST_OUTPUT", 1 << 18)
    found = run([job("a", log, "flood"), job("b", log, "end", "0")])
    assert found["b"].outcome == "done"
    assert found["a"].outcome == "crashed"
    assert "more than a report can have" in found["a"].diagnostics[0].detail


def test_a_report_that_is_too_long_is_not_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MOST_OUTPUT", 100)
    text = '{"summary": {"number": 1}, "diagnostics": []}'
    found = run(
        [job("long", log, "print", "0", text + " " * 100), job("a", log, "print", "0", text)]
    )
    assert found["a"].outcome == "done"
    assert found["long"].outcome == "crashed"
    assert "more than a report can have" in found["long"].diagnostics[0].detail


def test_the_end_of_the_server_is_not_the_end_of_the_fleet(log: Path) -> None:
    """Nobody learns the end of a process of a server that is gone: the process must end too, before
    its stack counts as ended.
    """
    jobs = [job("a", log, "end_server"), *[job(f"b{n}", log, "end", "0") for n in range(3)]]
    found = run(jobs, parallel=1)
    assert found["a"].outcome == "crashed"
    assert "server of the processes" in found["a"].diagnostics[0].detail
    assert wait_for_end(pid_of(log, "a"))
    assert [found[f"b{n}"].outcome for n in range(3)] == ["done"] * 3


class Unwilling:
    """A way to start processes that has none to give for some jobs, for so many attempts."""

    def __init__(self, context: Any, attempts: dict[str, int]) -> None:
        self._context = context
        self._attempts = Counter(attempts)

    def Process(self, *, name: str, **values: Any) -> Any:
        process = self._context.Process(name=name, **values)
        if self._attempts[name] > 0:
            self._attempts[name] -= 1
            process.start = self._fail
        return process

    def _fail(self) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")


def test_a_process_that_cannot_be_started_is_tried_again_and_reported(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PAUSES", (0.01, 0.01))
    real = processes.choose_context
    monkeypatch.setattr(
        processes, "choose_context", lambda module: Unwilling(real(module), {"a": 2, "b": 9})
    )
    found = run([job(name, log, "end", "0") for name in ("a", "b", "c")], parallel=1)
    assert starts(log) == ["a", "c"]
    assert [entry.outcome for entry in found.values()] == ["done", "crashed", "done"]
    assert "Resource temporarily unavailable" in found["b"].diagnostics[0].detail


def test_two_requests_to_stop_before_a_process_is_ready_end_it_in_order(log: Path) -> None:
    stop = StopRequest()

    class Impatient(Watcher):
        def started(self, job: Job) -> None:
            stop.request()
            stop.request()

    found = run(
        [job("a", log, "slow", "60"), job("b", log, "slow", "60")], stop=stop, watcher=Impatient()
    )
    [error] = found["a"].diagnostics
    assert "stopped on request" in error.detail
    assert "It printed last" not in error.detail, "no traceback"
    assert found["b"].outcome == "not_started" or "on request" in found["b"].diagnostics[0].detail


def test_three_requests_end_a_stack_that_ignores_them(log: Path) -> None:
    stop = StopRequest()

    class VeryImpatient(Watcher):
        def started(self, job: Job) -> None:
            stop.count = 3

    found = run([job("a", log, "hang")], stop=stop, watcher=VeryImpatient())
    assert "stopped on request" in found["a"].diagnostics[0].detail


def test_a_full_disk_is_named(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_ROOM", 1 << 80)
    found = run([job("a", log, "cut")])
    assert "The folder for temporary files is full" in found["a"].diagnostics[0].detail
