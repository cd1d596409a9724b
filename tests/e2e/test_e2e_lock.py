"""Two runs at once: the second is refused and told who, or waits; readers are never kept out."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.processes.http_server import Gate
from tests.support.processes.process_runner import ProcessRunner, Running

ONE = "+15550100101"


def under_way(runner: ProcessRunner) -> tuple[Running, Gate]:
    """An apply that holds the lock, because its first write is not answered."""
    runner.number(ONE)
    runner.declare({ONE: "support"})
    gate = runner.twilio.hold(lambda call: call.writes)
    running = runner.start("apply", "--auto-approve")
    gate.wait()
    return running, gate


def test_refuses_a_locked_state_and_names_the_holder(runner: ProcessRunner) -> None:
    first, gate = under_way(runner)
    done = runner.run("apply", "--auto-approve", "--json", code=6)
    assert done.codes == ["state_locked"]
    assert str(first.process.pid) in done.json["diagnostics"][0]["detail"]
    assert (
        "`apply`" in done.json["diagnostics"][0]["detail"]
        or "apply --auto" in done.json["diagnostics"][0]["detail"]
    )
    told = runner.run("apply", "--auto-approve", "--lock-timeout", "0s", code=6)
    assert str(first.process.pid) in told.err
    assert "state_locked" in told.err
    runner.run("plan", "--json")
    runner.json("state", "list")
    gate.open()
    assert runner.end(first).code == 0
    runner.settled()


def test_waiting_process_gets_the_lock_of_a_dead_one(runner: ProcessRunner) -> None:
    first, gate = under_way(runner)
    second = runner.start("apply", "--auto-approve", "--json", "--lock-timeout", "1m")
    wait_until_it_has_opened(second, "state.json.lock")
    first.kill()
    first.done()
    gate.open(discard=True)
    done = runner.end(second)
    assert done.code == 0
    assert done.json["failed_count"] == 0
    runner.settled()


def wait_until_it_has_opened(running: Running, name: str) -> None:
    """Return once the process has a file of this name open; where that cannot be seen, at once."""
    folder = Path(f"/proc/{running.process.pid}/fd")
    while folder.exists() and running.process.poll() is None:
        try:
            if any(os.readlink(link).endswith(name) for link in folder.iterdir()):
                return
        except OSError:
            continue


def test_never_changes_a_damaged_or_foreign_state(
    runner: ProcessRunner,
) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    runner.apply()
    whole = (runner.folder / "state.json").read_text(encoding="utf-8")
    runner.write("state.json", whole[: len(whole) // 2])
    done = runner.run("apply", "--auto-approve", "--json", code=1)
    assert done.codes == ["state_damaged"]
    assert (runner.folder / "state.json").read_text(encoding="utf-8") == whole[: len(whole) // 2]
    runner.write("state.json", whole)
    runner.declare({ONE: "support"}, project="another")
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == ["state_wrong_project"]
    runner.declare({ONE: "support"})
    runner.settled()
