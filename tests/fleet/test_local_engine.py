"""The local engine: each job in a process of its own, whatever the others do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.fleet import processes
from reconciler.fleet.job import Ended, Job, Watcher
from reconciler.fleet.local_engine import EngineOptions, run_all
from reconciler.fleet.processes import StopRequest
from reconciler.report.documents.fleet import FleetStack, fleet_exit_code

TARGET = "tests.fleet.targets:act"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


def job(name: str, log: Path, *words: str) -> Job:
    what, *rest = words
    return Job(name=name, directory=log, file="x", words=(what, str(log), *rest), shown=".")


def run(
    jobs: list[Job],
    *,
    parallel: int = 2,
    stop_after: int | None = None,
    seconds: float | None = None,
    stop: StopRequest | None = None,
    watcher: Watcher | None = None,
) -> dict[str, FleetStack]:
    options = EngineOptions(parallel=parallel, stop_after_failures=stop_after, seconds=seconds)
    entries = run_all(jobs, TARGET, options, stop or StopRequest(), watcher or Watcher())
    assert [entry.name for entry in entries] == [each.name for each in jobs]
    return {entry.name: entry for entry in entries}


def starts(log: Path) -> list[str]:
    return sorted(path.name.split(".")[0] for path in log.iterdir())


def test_a_stack_that_crashes_does_not_affect_the_others(log: Path) -> None:
    jobs = [
        job("a", log, "end", "0"),
        job("killed", log, "crash"),
        job("cut", log, "cut"),
        job("memory", log, "memory"),
        job("b", log, "end", "2"),
        job("c", log, "end", "4"),
    ]
    found = run(jobs)

    assert starts(log) == sorted(each.name for each in jobs)
    outcomes = {name: (entry.outcome, entry.exit_code) for name, entry in found.items()}
    assert outcomes == {
        "a": ("done", 0),
        "killed": ("crashed", None),
        "cut": ("crashed", None),
        "memory": ("crashed", None),
        "b": ("changes", 2),
        "c": ("refused", 4),
    }
    assert found["a"].summary == {"number": 1}
    [error] = found["killed"].diagnostics
    assert error.code == "stack_crashed"
    assert "signal 9" in error.detail
    assert "something went wrong" in error.detail
    assert fleet_exit_code(found.values()) == 1


def test_so_many_run_at_the_same_time_and_no_more(log: Path) -> None:
    running: set[str] = set()
    most = 0

    class Counter(Watcher):
        def started(self, job: Job) -> None:
            nonlocal most
            running.add(job.name)
            most = max(most, len(running))

        def ended(self, ended: Ended, outcome: str) -> None:
            running.remove(ended.job.name)

    run([job(str(n), log, "slow", "0.2") for n in range(7)], parallel=3, watcher=Counter())
    assert most == 3
    assert not running


class Recorder(Watcher):
    """What a watcher gets about ends."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []

    def explain_failure(self, job: Job, reason: str) -> None:
        self.events.append(("why", job.name, reason))

    def ended(self, ended: Ended, outcome: str) -> None:
        self.events.append(("end", ended.job.name, outcome))

    def stop_starting(self, reason: str) -> None:
        self.events.append(("stop", reason))


def test_a_watcher_gets_reasons_and_the_limit_of_failures(log: Path) -> None:
    error = '{"diagnostics": [{"code": "%s", "summary": "A reason", "detail": "x"}]}'
    jobs = [
        job("planned", log, "print", "0", '{"actions": [{"address": "number/+15550100101"}]}'),
        job("other", log, "print", "64", error % "target_no_match"),
        job("bad", log, "print", "4", error % "some_code"),
        *[job(str(n), log, "end", "0") for n in range(3)],
    ]
    recorder = Recorder()
    run(jobs, parallel=1, stop_after=1, watcher=recorder)
    assert recorder.events == [
        ("end", "planned", "changes"),
        ("end", "other", "no_match"),
        ("why", "bad", "A reason (some_code)"),
        ("end", "bad", "refused"),
        ("stop", "No further stack starts: 1 stack has failed."),
    ]


def test_ctrl_c_on_the_terminal_reaches_no_process_that_starts(log: Path) -> None:
    """A process is forked into the session of its server, and takes interrupts once it handles them."""
    summary = run([job("a", log, "session")])["a"].summary
    assert summary["server"] != os.getsid(0)
    assert summary["blocked"] is True


def test_after_so_many_failures_nothing_more_starts(log: Path) -> None:
    jobs = [job(str(n), log, "end", "1" if n in (0, 2) else "0") for n in range(8)]
    found = run(jobs, parallel=1, stop_after=2)
    assert starts(log) == ["0", "1", "2"]
    assert [entry.outcome for entry in found.values()][3:] == ["not_started"] * 5
    assert fleet_exit_code(found.values()) == 1


def test_changes_are_no_failures(log: Path) -> None:
    jobs = [job(str(n), log, "end", "2") for n in range(4)]
    assert len(starts(log)) == 0
    run(jobs, parallel=1, stop_after=1)
    assert len(starts(log)) == 4


def test_a_stop_finishes_what_runs_and_starts_nothing_more(log: Path) -> None:
    stop = StopRequest()
    threading.Timer(0.5, stop.request).start()
    jobs = [job(str(n), log, "slow", "1.5") for n in range(6)]
    found = run(jobs, parallel=2, stop=stop)
    outcomes = [entry.outcome for entry in found.values()]
    assert outcomes[:2] == ["done", "done"]
    assert outcomes[2:] == ["not_started"] * 4


def test_a_second_stop_ends_what_runs_in_order(log: Path) -> None:
    stop = StopRequest()
    for seconds in (0.5, 0.6):
        threading.Timer(seconds, stop.request).start()
    found = run([job("a", log, "slow", "60")], stop=stop)
    assert found["a"].exit_code is None or found["a"].exit_code == 5


def test_a_stack_over_its_limit_is_ended(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.5)
    jobs = [job("hangs", log, "hang"), job("well", log, "end", "0")]
    found = run(jobs, seconds=0.5)
    assert found["well"].outcome == "done"
    assert found["hangs"].outcome == "crashed"
    assert "did not end in time" in found["hangs"].diagnostics[0].detail


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short name, as that of a socket must be."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_processes_end_with_their_parent(log: Path, temporary: Path) -> None:
    """And what they have written to temporary files goes with them."""
    program = (
        "from pathlib import Path\n"
        "from tests.fleet.test_local_engine import job, run\n"
        f"run([job('a', Path({str(log)!r}), 'hang')])\n"
    )
    root = Path(__file__).parents[2]
    environ = {**os.environ, "TMPDIR": str(temporary)}
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=root, env=environ)
    for _ in range(600):
        if list(log.iterdir()):
            break
        time.sleep(0.05)
    [started] = log.iterdir()
    child = int(started.suffix[1:])
    assert {path.stat().st_mode & 0o777 for path in temporary.iterdir()} == {0o700}

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        if not is_alive(child):
            assert list(temporary.iterdir()) == []
            return
        time.sleep(0.05)
    raise AssertionError("the process of the stack is still there")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or ") Z" not in status.read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 0], 0),
        ([0, 2], 2),
        ([2, 7], 7),
        ([7, 6], 6),
        ([6, 64], 64),
        ([64, 3], 3),
        ([3, 4], 4),
        ([4, 1], 1),
        ([1, 5], 5),
        ([None, 2], 1),
        ([], 0),
    ],
)
def test_the_exit_code_is_the_first_that_occurred(codes: list[int | None], expected: int) -> None:
    stacks = []
    for code in codes:
        stacks.append(
            FleetStack(
                name="x",
                directory=".",
                outcome="done",
                exit_code=code,
                summary={},
                seconds=0,
                diagnostics=[],
                items=[],
                left_out=0,
            )
        )
    assert fleet_exit_code(stacks) == expected
