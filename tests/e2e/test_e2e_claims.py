"""Two projects in one database: a number that one has is refused to the other, and its plan says so already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.state.conftest import new_schema

from .stage import Stage, actions, watched

ONE, TWO = "+15550100101", "+15550100102"


@pytest.fixture
def other(stage: Stage, postgres: str) -> Stage:
    """A project that declares two numbers, one of which is another project's in the same database."""
    stage.number(ONE)
    stage.number(TWO)
    database = new_schema(postgres)
    stage.declare({ONE: "support"}, state=database)
    stage.apply()
    stage.declare({ONE: "support", TWO: "support"}, state=database, project="other")
    return stage


def claimed(document: Any) -> Any:
    [found] = [d for d in document["diagnostics"] if d["code"] == "number_already_imported"]
    return found


def test_plan_is_shown_whole_and_names_number_place_and_owner(other: Stage) -> None:
    document = other.plan(code=1)
    assert {address for address, _ in actions(document)} == {f"number/{ONE}", f"number/{TWO}"}
    found = claimed(document)
    assert (found["severity"], found["address"]) == ("error", f"number/{ONE}")
    assert "'acceptance'" in found["detail"]
    line = (other.folder / "reconciler.yaml").read_text().splitlines()[found["line"] - 1]
    assert ONE in line


def test_apply_says_the_same_and_writes_nothing(other: Stage) -> None:
    with watched(other.twilio) as calls:
        document = other.apply(code=1)
    assert claimed(document)["line"] == claimed(other.plan(code=1))["line"]
    assert not any(call.writes for call in calls)
    assert other.run("state", "list").out == ""


def test_a_plan_saved_before_the_other_project_took_the_number_is_refused(
    stage: Stage, postgres: str
) -> None:
    stage.number(ONE)
    database = new_schema(postgres)
    stage.declare({ONE: "support"}, state=database, project="other")
    mine = (stage.folder / "reconciler.yaml").read_text()
    stage.run("plan", "--out", "plan.bin")
    stage.declare({ONE: {"agent": "support", "manage": []}}, state=database)
    stage.apply()
    stage.write("reconciler.yaml", mine)
    assert claimed(stage.json("apply", "plan.bin", code=1))["address"] == f"number/{ONE}"


def test_without_the_number_the_rest_is_applied(other: Stage) -> None:
    other.apply("--exclude", f"number/{ONE}")
    assert json.loads(other.run("state", "pull").out)["resources"].keys() == {f"number/{TWO}"}


def test_a_number_that_is_our_own_is_no_matter(other: Stage) -> None:
    other.declare(
        {TWO: "support"},
        state=json.loads((other.folder / "reconciler.yaml").read_text())["state"],
        project="x",
    )
    assert other.plan()["summary"]["errors"] == 0
    other.apply()
    other.settled()
