"""Several threads start processes at once, as a worker does: each gets the exit code of its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path

import pytest

from reconciler.fleet.job import Job
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.single import run_single


def test_no_thread_takes_the_exit_code_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start reads the codes of all processes that have ended; the slow reader makes threads meet there."""
    read = forkserver.read_signed

    def read_slowly(handle: int) -> int:
        time.sleep(0.02)
        return int(read(handle))

    monkeypatch.setattr(forkserver, "read_signed", read_slowly)

    # A wrong number must not end processes that are not ours, in case the threads do meet.
    monkeypatch.setattr("reconciler.fleet.processes._end_group", lambda pid: None)
    monkeypatch.setattr("reconciler.fleet.processes._send", lambda pid, number: None)

    def run(number: int) -> int | None:
        job = Job(
            name=f"s{number}",
            directory=tmp_path,
            file="",
            words=("end", str(tmp_path), str(number % 3)),
        )
        return run_single(job, "tests.fleet.targets:act", StopRequest(), None).exit_code

    with ThreadPoolExecutor(6) as threads:
        codes = list(threads.map(run, range(36)))
    assert codes == [number % 3 for number in range(36)]
