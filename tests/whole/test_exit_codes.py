"""How apply ends: with 5 as soon as anything was done, be it that state knows a number now, with 1 when nothing was."""

from __future__ import annotations

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import AGENT, CommandRunner


def declared(runner: CommandRunner) -> list[str]:
    """All numbers of the account, for one agent."""
    numbers = [str(number.phone_number) for number in runner.sandbox.world.numbers]
    taken = {"agent": "support", "takeover": "allow"}
    runner.declare(
        agents={"support": {"webhooks": {"voice": AGENT["voice"]}}},
        numbers=dict.fromkeys(numbers, taken),
    )
    return numbers


def test_imports_count_as_done_when_every_write_is_refused(runner: CommandRunner) -> None:
    """5 as soon as one action succeeded and one failed: state has moved, and the next run has less to do."""
    numbers = declared(runner)
    runner.sandbox.faults.add(Refuse(method="POST", code=21402))
    done = runner.json("apply", "--auto-approve", code=5)
    assert done["summary"]["by_action"] == {"import": len(numbers)}
    assert {error["address"] for error in done["errors"]} == {
        f"number/{number}" for number in numbers
    }
    assert runner.state.keys() == {f"number/{number}" for number in numbers}


def test_a_second_run_in_which_everything_is_refused_has_failed(runner: CommandRunner) -> None:
    numbers = declared(runner)
    runner.sandbox.faults.add(Refuse(method="POST", code=21402))
    runner.run("apply", "--auto-approve", code=5)
    done = runner.json("apply", "--auto-approve", code=1)
    assert (done["success_count"], done["failed_count"]) == (0, len(numbers))
    runner.sandbox.faults.clear()
    runner.apply()
    assert runner.plan() == []


def test_refused_write_without_imports_fails_at_once(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}})
    runner.sandbox.faults.add(Refuse(method="POST", path="*/Trunks", code=21245))
    runner.run("apply", "--auto-approve", code=1)
    assert runner.state == {}
