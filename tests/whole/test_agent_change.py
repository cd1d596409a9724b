"""A plan names the agents where a number changes because its agent does."""

from __future__ import annotations

from typing import Any

from tests.support.command_runner import CommandRunner

from .refusal_worlds import numbers_of

AGENTS = {
    "support": {"webhooks": {"voice": "https://a.example.com/voice"}},
    "sales": {"webhooks": {"voice": "https://b.example.com/voice"}},
}


def declare(runner: CommandRunner, entry: Any, agents: Any = AGENTS) -> None:
    """All four numbers are declared alike; a plan may change all of them."""
    numbers = dict.fromkeys(numbers_of(runner), entry)
    runner.declare(agents=agents, numbers=numbers, safety={"max_updates": "100%"})


def changes(runner: CommandRunner) -> list[Any]:
    """The changes of agents in a plan, each once."""
    found: list[Any] = []
    for action in runner.json("plan")["actions"]:
        if action["agent_change"] not in found:
            found.append(action["agent_change"])
    return found


def test_numbers_that_move_from_one_agent_to_another_are_one_line(runner: CommandRunner) -> None:
    declare(runner, "support")
    assert changes(runner) == [None]
    runner.apply("--allow-takeover")
    declare(runner, "sales")
    assert "~ 4 numbers: agent support → sales  overwrite_webhooks (config)" in runner.run("plan")
    assert changes(runner) == [{"before": "support", "after": "sales"}]
    assert "**4 numbers**: agent `support` → `sales`" in runner.run("plan", "--format", "markdown")
    runner.run("plan", "--out", "plan.json")
    assert "agent support → sales" in runner.run("show", str(runner.folder / "plan.json"))


def test_one_number_has_a_line_of_its_own(runner: CommandRunner) -> None:
    declare(runner, "support")
    runner.apply("--allow-takeover")
    declare(runner, "sales")
    assert "    agent: support → sales\n" in runner.run("plan", "--target", numbers_of(runner)[0])


def test_an_agent_that_comes_or_goes_is_named(runner: CommandRunner) -> None:
    own = {"webhooks": {"voice": "https://own.example.com/"}}
    declare(runner, own)
    runner.apply("--allow-takeover")
    declare(runner, "support")
    assert "4 numbers: agent – → support" in runner.run("plan")
    assert changes(runner) == [{"before": None, "after": "support"}]
    runner.apply()
    declare(runner, own)
    assert "4 numbers: agent support → –" in runner.run("plan")


def test_new_webhooks_of_the_same_agent_are_no_change_of_agent(runner: CommandRunner) -> None:
    declare(runner, "support")
    runner.apply("--allow-takeover")
    other = {**AGENTS, "support": {"webhooks": {"voice": "https://c.example.com/voice"}}}
    declare(runner, "support", other)
    assert "~ 4 numbers of agent support  overwrite_webhooks" in runner.run("plan")
    assert changes(runner) == [None]
