"""An apply is killed at each call that writes, to a platform or to Twilio; the next run ends in a right world.

The tables: each platform × first import or move to another agent × where the number rang before × each call that
writes, before and after it takes effect; and the same for a number that is on the platform already and is released, or
that somebody has removed there. The next run carries on, or finds the number declared no longer: after each call one of
the two, and the other one where the call took effect; both in a thorough run.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.examples import IS_THOROUGH
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed

from .platform_worlds import PLATFORMS, ROUTES, LawRunner, seeded

MOST_CALLS = 12


def left_on_platform(runner: LawRunner) -> list[dict[str, object]]:
    """What the platform still has of the number after a removal; nothing can be removed where it has no call for it."""
    return [] if runner.played.type in ("butter", "ravan") else runner.records()


@cache
def count_records_of_a_whole_run(name: str, route: str) -> int:
    """How many rows the platform keeps after an apply that nobody kills."""
    with TemporaryDirectory() as folder, Sandbox(seeded(route)) as sandbox:
        runner = LawRunner(Path(folder), sandbox, PLATFORMS[name])
        runner.declare(PLATFORMS[name].agents[1])
        runner.apply()
        return len(runner.records())


@pytest.mark.parametrize("turn", [0, 1] if IS_THOROUGH else [0])
@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("name", "moved", "route"),
    [
        (name, moved, route)
        for name, played in PLATFORMS.items()
        for moved in (False, True)
        for route in ("trunk", "webhook")
        # A number outside Twilio has no route there.
        if (not moved or played.move) and (route == "webhook" or played.serves != "sip")
    ],
)
def test_killed_at_any_call_the_next_run_ends_right(
    tmp_path: Path, name: str, moved: bool, route: str, carried_out: bool, turn: int
) -> None:
    played = PLATFORMS[name]
    expected = count_records_of_a_whole_run(name, route)
    for at in range(1, MOST_CALLS):
        then = ("again", "removed")[(at + carried_out + turn) % 2]
        folder = tmp_path / str(at)
        folder.mkdir()
        with Sandbox(seeded(route)) as sandbox:
            runner = LawRunner(folder, sandbox, played)
            original = runner.number()
            if moved:
                runner.declare(played.agents[0])
                runner.apply()
            before = runner.route()
            runner.declare(played.agents[1])
            ended = run_until_killed(runner.apply, at, carried_out=carried_out)
            if ended == FINISHED:
                assert at > 1
                return
            assert ended == KILLED
            assert runner.route() != "nobody" or moved, f"killed at call {at}"

            if then == "again":
                finished = [
                    o for o in runner.apply().result.outcomes if o.action.kind == "registration"
                ]
                assert all(o.succeeded for o in finished), [o.error for o in finished]
                refused = {
                    o.error.code for o in runner.apply().result.outcomes if o.error is not None
                }
                assert refused <= {"webhook_not_written"}, refused
                assert runner.route() != "nobody"
                assert len(runner.records()) == expected, "nothing is there twice"
            runner.declare(None)
            runner.apply()
            assert runner.number() == original, f"killed at call {at}; it rang at {before}"
            assert left_on_platform(runner) == []
            assert runner.plan().plan.actions == ()
    pytest.fail(f"more than {MOST_CALLS} writing calls")


def remove_there(runner: LawRunner) -> None:
    """Somebody removes the number on the platform."""
    for shelf in runner.played.shelves:
        table = runner.world.table(shelf)
        for row in list(table):
            table.remove(row)


def kept(runner: LawRunner) -> list[dict[str, object]]:
    """What the platform keeps, without the ids of what was made again."""
    return [
        {name: value for name, value in row.items() if name != "trunk_ids"}
        for row in runner.records()
    ]


def problems(runner: LawRunner) -> set[str]:
    """Apply, and return the codes of what did not succeed."""
    return {o.error.code for o in runner.apply().result.outcomes if o.error is not None}


@pytest.mark.parametrize(
    ("happened", "carried_out", "then"),
    [
        *product(["released"], [False, True], ["again", "removed"]),
        ("gone", False, "removed"),
        ("gone", True, "again"),
    ],
)
@pytest.mark.parametrize("name", [name for name in PLATFORMS if name != "ravan"])
def test_registered_number_killed_at_any_call_ends_right(
    tmp_path: Path, name: str, happened: str, carried_out: bool, then: str
) -> None:
    """Not on Ravan: it has no call that lists numbers, and none that removes one."""
    played = PLATFORMS[name]
    for at in range(1, MOST_CALLS):
        folder = tmp_path / str(at)
        folder.mkdir()
        with Sandbox(seeded("webhook")) as sandbox:
            runner = LawRunner(folder, sandbox, played)
            original = runner.number()
            runner.declare(played.agents[0])
            runner.apply()
            settled = kept(runner)
            if happened == "gone":
                remove_there(runner)
            else:
                runner.declare(None)

            ended = run_until_killed(runner.apply, at, carried_out=carried_out)
            if ended == FINISHED:
                assert at > 1
                return
            assert ended == KILLED

            if then == "again":
                runner.declare(played.agents[0])
                assert problems(runner) == set(), f"killed at call {at}"
                assert kept(runner) == settled, f"killed at call {at}"
                assert runner.route() != "nobody"
                assert runner.plan().plan.actions == ()
            runner.declare(None)
            assert problems(runner) == set()
            assert runner.number() == original, f"killed at call {at}"
            assert left_on_platform(runner) == []
            assert runner.plan().plan.actions == ()
    pytest.fail(f"more than {MOST_CALLS} writing calls")


def test_world_covers_every_route() -> None:
    assert {"trunk", "webhook"} <= ROUTES.keys()
