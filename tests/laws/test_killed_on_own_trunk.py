"""An apply about a number on a declared trunk is killed at each call that writes: its calls always have a route, and
the next run ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.sandbox.platforms.retell import NUMBERS
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.sip_lists import CREDENTIALS
from tests.support.processes.killed_child import FINISHED, KILLED, run_until_killed

from .platform_worlds import EDGE, NUMBER, PLATFORMS, LawRunner, seeded

MOST_CALLS = 16
WEST = {**EDGE, "domain": "west.pstn.twilio.com"}


class TrunkRunner(LawRunner):
    """One number on Retell, whose declaration the cases change."""

    password = "SIP_PASSWORD"

    def declare_trunk(
        self, name: str = "edge", *, agent: str = "sales", numbers: bool = True, trunks: bool = True
    ) -> None:
        """Declare the number on this trunk."""
        number: dict[str, object] = {"agent": agent, "takeover": "allow"}
        if agent == "sales":
            number["trunk"] = name
        trunk = dict(EDGE if name == "edge" else WEST)
        user = {"username": "agents", "password": {"env": self.password}}
        trunk["credential_lists"] = [{"name": "pbx", "credentials": [user]}]
        self.write(
            platforms={"p": self.platform(self.played)},
            agents={
                "sales": {"platform": "p", "id": "agent_1"},
                "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
            },
            trunks={name: trunk} if trunks else {},
            numbers={NUMBER: number} if numbers else {},
        )


def rotate(runner: TrunkRunner) -> None:
    runner.password = "NEW_PASSWORD"
    runner.declare_trunk()


CHANGES: dict[str, Callable[[TrunkRunner], None]] = {
    "another password": rotate,
    "another trunk": lambda runner: runner.declare_trunk("west"),
    "an own agent": lambda runner: runner.declare_trunk(agent="own"),
    "no number": lambda runner: runner.declare_trunk(numbers=False),
    "nothing": lambda runner: runner.declare_trunk(numbers=False, trunks=False),
}


def problems(runner: TrunkRunner) -> list[object]:
    return [o.error for o in runner.apply().result.outcomes if o.error is not None]


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_the_next_run_ends_right(tmp_path: Path, change: str, carried_out: bool) -> None:
    for at in range(1, MOST_CALLS):
        folder = tmp_path / str(at)
        folder.mkdir()
        with Sandbox(seeded("webhook")) as sandbox:
            runner = TrunkRunner(folder, sandbox, PLATFORMS["retell"])
            original = runner.number()
            runner.declare_trunk()
            assert problems(runner) == []

            CHANGES[change](runner)
            ended = run_until_killed(runner.apply, at, carried_out=carried_out)
            if ended == FINISHED:
                assert at > 1
                return
            assert ended == KILLED
            assert runner.route() != "nobody", f"killed at call {at}"

            assert problems(runner) == [], f"killed at call {at}"
            assert runner.plan().plan.actions == (), f"killed at call {at}"
            assert runner.route() != "nobody"
            check_passwords(runner)

            runner.declare_trunk(numbers=False, trunks=False)
            assert problems(runner) == []
            assert runner.number() == original, f"killed at call {at}"
            assert runner.records() == []
    pytest.fail(f"more than {MOST_CALLS} writing calls")


def check_passwords(runner: TrunkRunner) -> None:
    """Retell signs in with the password that Twilio has."""
    on_twilio = {
        each.password for each in runner.world.table(CREDENTIALS) if each.username == "agents"
    }
    for row in runner.world.table(NUMBERS):
        assert {row.password} == on_twilio
