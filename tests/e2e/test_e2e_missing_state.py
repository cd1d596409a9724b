"""A state file that was taken away while its history is still there: nothing is imported over what that knows."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions, watched

ONE, TWO = "+15550100101", "+15550100102"
FOREIGN = "https://pbx.example.net/in"


@pytest.fixture
def lost(runner: ProcessRunner) -> ProcessRunner:
    """Two numbers are bound, one of them taken over, in two versions; then the state file is deleted."""
    runner.number(ONE)
    runner.number(TWO, voice_url=FOREIGN)
    runner.declare({TWO: {"agent": "support", "takeover": "allow"}})
    runner.apply()
    runner.declare({ONE: "support", TWO: {"agent": "support", "takeover": "allow"}})
    runner.apply()
    (runner.folder / "state.json").unlink()
    return runner


def told(document: Any) -> Any:
    [found] = [d for d in document["diagnostics"] if d["code"] == "state_gone"]
    return found


def test_plan_warns_about_the_missing_state_and_explains_its_recovery(
    lost: ProcessRunner,
) -> None:
    document = lost.plan()
    assert {name for _, name in actions(document)} == {"import"}
    warning = told(document)
    assert warning["severity"] == "warning"
    assert all(
        word in warning["detail"]
        for word in (
            "state.json does not exist",
            "serial 1, written 20",
            "`reconciler apply",
            "keeps its prior values",
            "reconciler state repair --dry-run",
        )
    )
    assert "state_gone" in lost.run("plan").text


@pytest.mark.parametrize("saved", [False, True])
def test_apply_takes_the_values_from_before_from_the_newest_version(
    lost: ProcessRunner, saved: bool
) -> None:
    lost.run("plan", "--out", "plan.bin")
    with watched(lost.twilio) as calls:
        document = lost.json("apply", "plan.bin") if saved else lost.apply()
    assert told(document)["severity"] == "warning"
    assert not any(call.writes for call in calls)
    assert lost.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    lost.settled()
    lost.declare({})
    lost.apply("--force")
    assert lost.twilio.number(TWO)["voice_url"] == FOREIGN


def test_later_foreign_values_need_consent_for_a_takeover(
    lost: ProcessRunner,
) -> None:
    lost.declare({TWO: "support"})
    lost.twilio.number(TWO)["voice_url"] = "https://elsewhere.example.net/in"
    assert "takeover_refused" in lost.run("apply", "--auto-approve", "--json", code=4).codes
    lost.apply("--allow-takeover")
    assert lost.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN, "the first value stays"


def test_refuses_a_second_creation_even_with_force(runner: ProcessRunner) -> None:
    runner.declare(trunks={"edge": {"origination": [{"sip_url": "sip:sbc.example.com"}]}})
    runner.apply()
    runner.declare(
        trunks={"edge": {"origination": [{"sip_url": "sip:sbc.example.com"}], "secure": True}}
    )
    runner.apply()
    (runner.folder / "state.json").unlink()
    [trunk] = runner.twilio.trunks.values()
    trunk["friendly_name"] = "renamed in the console"
    with watched(runner.twilio) as calls:
        document = runner.apply("--force", "--allow-takeover", code=4)
    assert told(document)["severity"] == "error"
    assert "a second time: trunk/edge" in told(document)["detail"]
    assert not any(call.writes for call in calls)
    assert not (runner.folder / "state.json").exists()
    runner.run("state", "repair")
    runner.apply()
    runner.settled()


@pytest.mark.parametrize("options", [["--target", f"number/{ONE}"], ["--exclude", f"number/{TWO}"]])
@pytest.mark.parametrize("saved", [False, True])
def test_refuses_a_selection_that_leaves_out_recorded_numbers(
    lost: ProcessRunner, options: list[str], saved: bool
) -> None:
    announced = lost.plan(*options, "--out", "plan.bin")
    assert f"the prior values of number/{TWO}" in told(announced)["detail"]
    again = ["plan.bin"] if saved else ["--auto-approve", *options]
    assert told(lost.json("apply", *again, code=4))["severity"] == "error"
    assert not (lost.folder / "state.json").exists()
    lost.apply(
        "--target", f"number/{TWO}"
    )  # the newest version kept knows nothing of the other one
    assert lost.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN


def test_new_state_continues_the_serials_and_keeps_the_history(
    lost: ProcessRunner,
) -> None:
    lost.apply()
    assert [v["serial"] for v in lost.json("state", "history")["versions"]] == [4, 3, 1, 0]
    assert json.loads(lost.run("state", "pull", "--serial", "1").out)["resources"].keys() == {
        f"number/{TWO}"
    }


@pytest.mark.parametrize(
    "command",
    [["rollback", "--to", "1", "--auto-approve"], ["undo", "--auto-approve"], ["release", TWO, "--auto-approve"],
     ["state", "rm", TWO], ["state", "mv", "trunk/one", "trunk/two"]],
    ids=lambda command: command[0] if command[0] != "state" else command[1],
)  # fmt: skip
def test_refuses_every_command_that_would_change_the_missing_state(
    lost: ProcessRunner, command: list[str]
) -> None:
    told(lost.json(*command, code=4))


@pytest.mark.parametrize(
    "command", [["state", "list"], ["state", "pull"], ["show", TWO], ["drift"]]
)
def test_every_command_that_reads_the_state_reports_it_missing(
    lost: ProcessRunner, command: list[str]
) -> None:
    told(lost.json(*command, code=1))


def test_doctor_reports_the_missing_state(lost: ProcessRunner) -> None:
    [state] = [
        check for check in lost.json("doctor", code=1)["checks"] if check["check"] == "state"
    ]
    assert (state["status"], state["code"]) == ("failed", "state_gone")
    assert "state repair" in state["detail"]


def test_repaired_state_keeps_the_old_prior_values(lost: ProcessRunner) -> None:
    assert "nothing was written" in lost.run("state", "repair", "--dry-run").out
    assert "Written again. Run `reconciler plan`" in lost.run("state", "repair").out
    lost.apply()
    assert lost.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    lost.settled()


def test_pushed_version_restores_the_state_under_an_unused_serial(lost: ProcessRunner) -> None:
    lost.write("mine.bin", lost.run("state", "pull", "--serial", "1").out)
    assert lost.json("state", "push", "mine.bin")["serial_after"] == 3
    document = json.loads((lost.folder / "state.json").read_text())
    assert (document["serial"], document["lineage"]) == (
        3,
        json.loads((lost.folder / "mine.bin").read_text())["lineage"],
    )
    lost.apply()
    assert lost.state[f"number/{TWO}"]["prior"]["voice_url"] == FOREIGN
    lost.settled()
    assert [v["serial"] for v in lost.json("state", "history")["versions"]] == [4, 3, 1, 0]


def test_missing_state_without_history_is_a_first_run(lost: ProcessRunner) -> None:
    shutil.rmtree(lost.folder / "state.json.history")
    assert all(d["code"] != "state_gone" for d in lost.plan()["diagnostics"])
    lost.apply()
    assert lost.twilio.number(TWO)["voice_url"] == AGENT["voice"]
    lost.settled()


def test_first_run_and_emptied_state_are_allowed(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"})
    assert runner.plan()["diagnostics"] == []
    runner.apply()
    runner.run("state", "rm", ONE)
    assert runner.state == {}
    assert runner.plan()["diagnostics"] == []
    runner.apply()
    runner.settled()


def test_unreadable_history_is_an_error_and_not_an_empty_history(
    lost: ProcessRunner,
) -> None:
    newest = max(
        (lost.folder / "state.json.history").iterdir(), key=lambda path: path.stat().st_mtime_ns
    )
    newest.write_bytes(newest.read_bytes()[:-40])
    with watched(lost.twilio) as calls:
        assert "state_damaged" in lost.run("apply", "--auto-approve", "--json", code=1).codes
    assert not any(call.writes for call in calls)
    assert "state_damaged" in lost.run("plan", "--json", code=1).codes
    assert not (lost.folder / "state.json").exists()
