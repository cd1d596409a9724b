"""Run commands as whole processes and read the operating system's own account of them: seconds and peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Run:
    """One finished process: wall and CPU seconds, peak resident memory in MB, exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def run(command: Sequence[str], log: Path) -> Run:
    """Run a command to its end; what it prints goes to `log`."""
    with log.open("ab") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def in_turn(commands: dict[str, Sequence[str]], runs: int, log: Path) -> dict[str, list[Run]]:
    """Each command `runs` times, A B A B …, after one warm-up each: a machine that slows down slows both."""
    results: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            result = run(command, log)
            if turn:
                results[name].append(result)
    return results


def line(name: str, runs: Sequence[Run], floor: Sequence[Run] | None = None) -> str:
    """Median wall and CPU seconds, peak memory, and the ratio to the floor pair by pair."""
    wall, peak = median(r.wall for r in runs), max(r.peak for r in runs)
    codes = ",".join(sorted({str(r.code) for r in runs}))
    ratio = ""
    if floor is not None:
        ratio = (
            f"  {median(a.wall / b.wall for a, b in zip(runs, floor, strict=True)):5.2f} × floor"
        )
    return f"{name:34} {wall:7.2f} s  {median(r.cpu for r in runs):7.2f} s cpu  {peak:7.0f} MB  exit {codes}{ratio}"
