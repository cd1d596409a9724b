"""Run a command with all processes that it starts, and read what they use together.

    python -m tests.benchmarks.tree RESULT COMMAND…

Only Linux: processes whose parent has ended are handed to this one, so that none is left out.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_INTERVAL = 0.25


@dataclass(frozen=True)
class TreeRun:
    """What a command and its processes used: seconds, and the peak of their proportional memory in MB."""

    wall: float
    cpu: float
    peak: float
    code: int


class RunningTree:
    """A command that runs with all its processes."""

    def __init__(
        self, command: Sequence[str], result: Path, environ: Mapping[str, str], log: Path
    ) -> None:
        self._result = result
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.tree", str(result), *command],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """Send SIGTERM to the command."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> TreeRun:
        """Return what it used, once all its processes have ended."""
        self._process.wait()
        return TreeRun(**json.loads(self._result.read_text()))


def run_tree(
    command: Sequence[str], result: Path, environ: Mapping[str, str], log: Path
) -> TreeRun:
    """Run a command to its end, with all its processes."""
    return RunningTree(command, result, environ, log).wait()


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _memory(pid: int) -> int:
    """Return the proportional memory of a process and of those below it, in kB."""
    total = 0
    with suppress(OSError):
        for text in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if text.startswith("Pss:"):
                total += int(text.split()[1])
    return total + sum(_memory(child) for child in _children(pid))


def main(result: Path, command: Sequence[str]) -> None:
    """Run the command, wait for everything that it started, and write the figures."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    began = time.monotonic()
    first = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: first.send_signal(signal.SIGTERM))
    ended = threading.Event()
    peak = [0]

    def watch() -> None:
        while not ended.wait(_INTERVAL):
            peak[0] = max(peak[0], sum(_memory(child) for child in _children(os.getpid())))

    watching = threading.Thread(target=watch)
    watching.start()
    cpu, wall, code = 0.0, 0.0, 0
    with suppress(ChildProcessError):
        while True:
            pid, status, usage = os.wait4(-1, 0)
            cpu += usage.ru_utime + usage.ru_stime
            if pid == first.pid:
                wall, code = time.monotonic() - began, os.waitstatus_to_exitcode(status)
    ended.set()
    watching.join()
    result.write_text(json.dumps({"wall": wall, "cpu": cpu, "peak": peak[0] / 1024, "code": code}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
