"""Two runs at once: the second is refused and told who, or waits; readers are never kept out."""

from __future__ import annotations

import os
from pathlib import Path

from .stage import Running, Stage
from .wire import Gate

ONE = "+15550100101"


def under_way(stage: Stage) -> tuple[Running, Gate]:
    """An apply that holds the lock, because its first write is not answered."""
    stage.number(ONE)
    stage.declare({ONE: "support"})
    gate = stage.twilio.hold(lambda call: call.writes)
    running = stage.start("apply", "--auto-approve")
    gate.wait()
    return running, gate


def test_a_locked_state_is_refused_and_says_by_whom(stage: Stage) -> None:
    first, gate = under_way(stage)
    done = stage.run("apply", "--auto-approve", "--json", code=6)
    assert done.codes == ["state_locked"]
    assert str(first.process.pid) in done.json["diagnostics"][0]["detail"]
    assert (
        "`apply`" in done.json["diagnostics"][0]["detail"]
        or "apply --auto" in done.json["diagnostics"][0]["detail"]
    )
    told = stage.run("apply", "--auto-approve", "--lock-timeout", "0s", code=6)
    assert str(first.process.pid) in told.err
    assert "state_locked" in told.err
    stage.run("plan", "--json")
    stage.json("state", "list")
    gate.open()
    assert stage.end(first).code == 0
    stage.settled()


def test_a_lock_dies_with_its_process_and_whoever_waits_gets_it(stage: Stage) -> None:
    first, gate = under_way(stage)
    second = stage.start("apply", "--auto-approve", "--json", "--lock-timeout", "1m")
    wait_until_it_has_opened(second, "state.json.lock")
    first.kill()
    first.done()
    gate.open(discard=True)
    done = stage.end(second)
    assert done.code == 0
    assert done.json["failed_count"] == 0
    stage.settled()


def wait_until_it_has_opened(running: Running, name: str) -> None:
    """Return once the process has a file of this name open; where that cannot be seen, at once."""
    folder = Path(f"/proc/{running.process.pid}/fd")
    while folder.exists() and running.process.poll() is None:
        try:
            if any(os.readlink(link).endswith(name) for link in folder.iterdir()):
                return
        except OSError:
            continue


def test_a_state_that_is_damaged_or_of_another_project_is_never_touched(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"})
    stage.apply()
    whole = (stage.folder / "state.json").read_text(encoding="utf-8")
    stage.write("state.json", whole[: len(whole) // 2])
    done = stage.run("apply", "--auto-approve", "--json", code=1)
    assert done.codes == ["state_damaged"]
    assert (stage.folder / "state.json").read_text(encoding="utf-8") == whole[: len(whole) // 2]
    stage.write("state.json", whole)
    stage.declare({ONE: "support"}, project="another")
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["state_wrong_project"]
    stage.declare({ONE: "support"})
    stage.settled()
