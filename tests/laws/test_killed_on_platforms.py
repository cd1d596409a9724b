"""An apply is killed at each call that writes, to a platform or to Twilio; the next run ends in a right world.

The table: each platform × first import or move to another agent × where the number rang before × each call that
writes, before and after it takes effect. The next run carries on, or finds the number declared no longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.remote.transport.pool import Pool
from reconciler.sandbox.service.app import Sandbox

from .platform_worlds import PLATFORMS, ROUTES, LawRunner, seeded

MOST_CALLS = 12
KILLED, FINISHED, BROKEN = 9, 0, 1


def apply_in_child(runner: LawRunner, at: int, *, carried_out: bool) -> int:
    """Apply in another process, which dies at the writing call with this number; its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    send: Callable[..., tuple[int, Mapping[str, str], bytes]] = Pool.send
    seen = [0]

    def mortal(
        self: Pool, method: str, url: str, **options: object
    ) -> tuple[int, Mapping[str, str], bytes]:
        if method == "GET" or "/livekit.SIP/List" in url:
            return send(self, method, url, **options)
        seen[0] += 1
        if seen[0] < at:
            return send(self, method, url, **options)
        if carried_out:
            send(self, method, url, **options)
        os._exit(KILLED)

    ended = BROKEN
    try:
        Pool.send = mortal  # type: ignore[method-assign]
        runner.apply()
        ended = FINISHED
    finally:
        os._exit(ended)  # whatever was raised: the child must not go on with the tests


def left_on_platform(runner: LawRunner) -> list[dict[str, object]]:
    """What the platform still has of the number after a removal; nothing can be removed where it has no call for it."""
    return [] if runner.played.type in ("butter", "ravan") else runner.records()


def records_of_a_whole_run(folder: Path, name: str, route: str) -> list[dict[str, object]]:
    """What the platform keeps after an apply that nobody kills."""
    folder.mkdir()
    with Sandbox(seeded(route)) as sandbox:
        runner = LawRunner(folder, sandbox, PLATFORMS[name])
        runner.declare(PLATFORMS[name].agents[1])
        runner.apply()
        return runner.records()


@pytest.mark.parametrize("then", ["again", "removed"])
@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("route", ["trunk", "webhook"])
@pytest.mark.parametrize(
    ("name", "moved"),
    [(n, m) for n, p in PLATFORMS.items() for m in (False, True) if not m or p.move],
)
def test_killed_at_any_call_the_next_run_ends_right(
    tmp_path: Path, name: str, moved: bool, route: str, carried_out: bool, then: str
) -> None:
    played = PLATFORMS[name]
    expected = records_of_a_whole_run(tmp_path / "whole", name, route)
    for at in range(1, MOST_CALLS):
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
            ended = apply_in_child(runner, at, carried_out=carried_out)
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
                assert len(runner.records()) == len(expected), "nothing is there twice"
            runner.declare(None)
            runner.apply()
            assert runner.number() == original, f"killed at call {at}; it rang at {before}"
            assert left_on_platform(runner) == []
            assert runner.plan().plan.actions == ()
    pytest.fail(f"more than {MOST_CALLS} writing calls")


def test_world_covers_every_route() -> None:
    assert {"trunk", "webhook"} <= ROUTES.keys()
