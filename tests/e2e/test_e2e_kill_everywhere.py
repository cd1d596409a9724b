"""SIGKILL to a real `apply` of 50 numbers with 5 takeovers and a new trunk, at more than 200 distinct points of it.

Each time the next run ends in the right world, every prior value is there, nothing is made or bought twice, and nothing
is left to do. Always: 140 points of its own and all 62 writes; with `RECONCILER_KILL_POINTS=all`, every point there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from zlib import crc32

import pytest

from tests.support.processes.kill_runner import ENVIRON, WRITES, new_kill_runner
from tests.support.processes.killable_process import KillableProcesses

ALL = os.environ.get("RECONCILER_KILL_POINTS") == "all"
PARTS = 2
REPEATED = ("journal", "/IncomingPhoneNumbers/PN")


@pytest.fixture(scope="module")
def processes() -> Iterator[KillableProcesses]:
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    with KillableProcesses(**ENVIRON) as processes:
        yield processes


def points(processes: KillableProcesses, concurrency: int) -> list[str]:
    """All points of a run that nobody kills: first what is done once, then what is done for each number, well mixed."""
    with new_kill_runner(processes, concurrency) as whole:
        assert whole.apply()
        names = whole.points
        whole.finish_and_repeat()
    return sorted(
        names, key=lambda name: (any(word in name for word in REPEATED), crc32(name.encode()))
    )


def killed_at(processes: KillableProcesses, concurrency: int, name: str) -> bool:
    """Kill a run at this point, and finish; False when it did not come to it, because it wrote fewer lines."""
    with new_kill_runner(processes, concurrency) as runner:
        killed = not runner.apply(name)
        assert not killed or runner.points[-1] == name
        runner.finish()
        return killed


@pytest.mark.parametrize("part", range(PARTS))
def test_run_killed_at_its_own_points_is_finished_by_the_next(
    processes: KillableProcesses, part: int
) -> None:
    """One call after the other: 70 points in each part, no point in two of them."""
    whole = points(processes, 1)
    assert len(whole) > 200
    mine = [name for name in whole if crc32(name.encode()) % PARTS == part]
    killed = 0
    for name in mine:
        if killed == 70 and not ALL:
            break
        killed += killed_at(processes, 1, name)
    assert killed >= 70


def test_run_killed_with_concurrent_calls_is_finished_by_the_next(
    processes: KillableProcesses,
) -> None:
    """Four calls at once: what the dead had sent is carried out after their death."""
    mine = points(processes, 4)
    killed = sum(
        killed_at(processes, 4, name) for name in (mine if ALL else mine[:: len(mine) // 12])
    )
    assert killed >= 6


@pytest.mark.parametrize("carried_out", [False, True])
def test_run_killed_at_a_write_is_finished_by_the_next(
    processes: KillableProcesses, carried_out: bool
) -> None:
    """When the odd ones have come, and when the even ones have been carried out and are not answered yet."""
    for number in range(1, WRITES + 1) if ALL else range(1 + carried_out, WRITES + 1, 2):
        with new_kill_runner(processes, 4) as runner:
            assert not runner.apply(write=number, carried_out=carried_out)
            runner.finish()


@pytest.mark.parametrize("second", [6, 20, 60, 150])
def test_run_killed_twice_is_finished_by_the_next(
    processes: KillableProcesses, second: int
) -> None:
    """The run that was to finish is killed as well, soon or late."""
    for first in range(second // 2, 300, 20 if ALL else 100):
        with new_kill_runner(processes, 4 if first % 3 else 1) as runner:
            runner.apply(first)
            runner.apply(second)
            runner.finish_and_repeat()
