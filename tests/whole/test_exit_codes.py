"""How apply ends: with 5 as soon as anything was done, be it that state knows a number now, with 1 when nothing was."""

from __future__ import annotations

from reconciler.sandbox.faults.rules import Refuse

from .stage import AGENT, Stage


def declared(stage: Stage) -> list[str]:
    """All numbers of the account, for one agent."""
    numbers = [str(number.phone_number) for number in stage.sandbox.world.numbers]
    taken = {"agent": "support", "takeover": "allow"}
    stage.declare(
        agents={"support": {"webhooks": {"voice": AGENT["voice"]}}},
        numbers=dict.fromkeys(numbers, taken),
    )
    return numbers


def test_imports_count_as_done_when_every_write_is_refused(stage: Stage) -> None:
    """5 as soon as one action succeeded and one failed: state has moved, and the next run has less to do."""
    numbers = declared(stage)
    stage.sandbox.faults.add(Refuse(method="POST", code=21402))
    done = stage.json("apply", "--auto-approve", code=5)
    assert done["summary"]["by_action"] == {"import": len(numbers)}
    assert {error["address"] for error in done["errors"]} == {
        f"number/{number}" for number in numbers
    }
    assert stage.state.keys() == {f"number/{number}" for number in numbers}


def test_a_second_run_in_which_everything_is_refused_has_failed(stage: Stage) -> None:
    numbers = declared(stage)
    stage.sandbox.faults.add(Refuse(method="POST", code=21402))
    stage.run("apply", "--auto-approve", code=5)
    done = stage.json("apply", "--auto-approve", code=1)
    assert (done["success_count"], done["failed_count"]) == (0, len(numbers))
    stage.sandbox.faults.clear()
    stage.apply()
    assert stage.plan() == []


def test_a_write_that_is_refused_without_any_import_has_failed_at_once(stage: Stage) -> None:
    stage.declare(trunks={"edge": {"domain": "acme-edge.pstn.twilio.com"}})
    stage.sandbox.faults.add(Refuse(method="POST", path="*/Trunks", code=21245))
    stage.run("apply", "--auto-approve", code=1)
    assert stage.state == {}
