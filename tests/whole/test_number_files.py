"""Numbers in a CSV file are planned, listed and reported at their rows."""

from __future__ import annotations

import json

from tests.support.command_runner import AGENT, CommandRunner


def declare(runner: CommandRunner, agent: str = "support") -> None:
    """Declare three numbers: two in a file, one in a group."""
    numbers = [number.phone_number for number in runner.sandbox.world.numbers]
    rows = [f"{number},{agent},Line {index}" for index, number in enumerate(numbers[:2])]
    text = "\n".join(["number,agent,friendly_name", *rows]) + "\n"
    (runner.folder / "numbers.csv").write_text(text, encoding="utf-8")
    runner.declare(
        agents={"support": {"webhooks": AGENT}},
        number_groups=[{"numbers": numbers[2:3], "agent": "support"}],
        numbers_from=[{"file": "numbers.csv"}],
    )


def test_an_action_and_a_drift_name_the_row(runner: CommandRunner) -> None:
    declare(runner)
    plan = runner.json("plan")
    rows = {(a["file"], a["line"]) for a in plan["actions"] if a["file"] == "numbers.csv"}
    assert rows == {("numbers.csv", 2), ("numbers.csv", 3)}
    runner.apply()
    assert runner.plan() == []

    number = next(iter(runner.sandbox.world.numbers))
    runner.sandbox.edit(number.sid, {"voice_url": "https://other.example.org/v"})
    sarif = json.loads(runner.run("drift", "--format", "sarif", code=2).partition("\nerror")[0])
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("numbers.csv")
    assert place["region"]["startLine"] == 2


def test_a_saved_plan_is_stale_once_a_row_means_something_else(runner: CommandRunner) -> None:
    declare(runner)
    runner.run("plan", "--out", "plan.bin")
    table = runner.folder / "numbers.csv"
    table.write_text(table.read_text().replace("Line 0", "Line 9"), encoding="utf-8")
    runner.run("apply", "plan.bin", code=4)
    table.write_text(
        table.read_text().replace("Line 9", '"Line 0"').replace("\n", "\r\n"), encoding="utf-8"
    )
    runner.run("apply", "plan.bin")
    assert runner.plan() == []


def test_a_mistake_is_shown_with_its_row(runner: CommandRunner) -> None:
    declare(runner, agent="suport")
    said = runner.run("validate", code=3)
    assert "numbers.csv:2:14: error agent_not_found" in said
    assert ",suport,Line 0\n" in said
    annotations = runner.run("validate", "--format", "github", code=3)
    assert "file=numbers.csv,line=2,col=14" in annotations
