"""Two projects in one database: a number that one has is refused to the other, and its plan says so already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.state.conftest import new_schema
from tests.support.processes.process_runner import ProcessRunner, actions, watched

ONE, TWO = "+15550100101", "+15550100102"


@pytest.fixture
def other(runner: ProcessRunner, postgres: str) -> ProcessRunner:
    """A project that declares two numbers, one of which is another project's in the same database."""
    runner.number(ONE)
    runner.number(TWO)
    database = new_schema(postgres)
    runner.declare({ONE: "support"}, state=database)
    runner.apply()
    runner.declare({ONE: "support", TWO: "support"}, state=database, project="other")
    return runner


def claimed(document: Any) -> Any:
    [found] = [d for d in document["diagnostics"] if d["code"] == "number_already_imported"]
    return found


def test_plan_is_shown_whole_and_names_number_place_and_owner(other: ProcessRunner) -> None:
    document = other.plan(code=1)
    assert {address for address, _ in actions(document)} == {f"number/{ONE}", f"number/{TWO}"}
    found = claimed(document)
    assert (found["severity"], found["address"]) == ("error", f"number/{ONE}")
    assert "'acceptance'" in found["detail"]
    line = (other.folder / "reconciler.yaml").read_text().splitlines()[found["line"] - 1]
    assert ONE in line


def test_apply_reports_the_claim_and_writes_nothing(other: ProcessRunner) -> None:
    with watched(other.twilio) as calls:
        document = other.apply(code=1)
    assert claimed(document)["line"] == claimed(other.plan(code=1))["line"]
    assert not any(call.writes for call in calls)
    assert other.run("state", "list").out == ""


def test_a_plan_saved_before_the_other_project_took_the_number_is_refused(
    runner: ProcessRunner, postgres: str
) -> None:
    runner.number(ONE)
    database = new_schema(postgres)
    runner.declare({ONE: "support"}, state=database, project="other")
    mine = (runner.folder / "reconciler.yaml").read_text()
    runner.run("plan", "--out", "plan.bin")
    runner.declare({ONE: {"agent": "support", "manage": []}}, state=database)
    runner.apply()
    runner.write("reconciler.yaml", mine)
    assert claimed(runner.json("apply", "plan.bin", code=1))["address"] == f"number/{ONE}"


def test_without_the_number_the_rest_is_applied(other: ProcessRunner) -> None:
    other.apply("--exclude", f"number/{ONE}")
    assert json.loads(other.run("state", "pull").out)["resources"].keys() == {f"number/{TWO}"}


def test_number_claimed_by_this_project_is_no_conflict(other: ProcessRunner) -> None:
    other.declare(
        {TWO: "support"},
        state=json.loads((other.folder / "reconciler.yaml").read_text())["state"],
        project="x",
    )
    assert other.plan()["summary"]["errors"] == 0
    other.apply()
    other.settled()
