"""Options that exclude each other are refused: none of them silently wins."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.support.command_runner import AGENT, CommandRunner

FATES = ("--restore", "--clear", "--keep")


@pytest.fixture
def number(runner: CommandRunner) -> str:
    """A managed number."""
    number = next(iter(runner.sandbox.world.numbers)).phone_number
    runner.declare(agents={"support": {"webhooks": AGENT}}, numbers={number: "support"})
    runner.apply()
    return number


@pytest.mark.parametrize(
    "flags", [*combinations(FATES, 2), *combinations(reversed(FATES), 2), FATES]
)
def test_release_accepts_one_option_for_the_values(
    runner: CommandRunner, number: str, flags: tuple[str, ...]
) -> None:
    before = dict(runner.state)
    text = runner.run("release", number, *flags, "--auto-approve", code=64)
    assert all(flag in text for flag in flags)
    assert "exclude each other" in text
    assert runner.state == before


@pytest.mark.parametrize("fate", FATES)
def test_release_takes_a_single_fate(runner: CommandRunner, number: str, fate: str) -> None:
    runner.run("release", number, fate, "--auto-approve")
    assert f"number/{number}" not in runner.state


@pytest.mark.parametrize(
    "words", [("plan",), ("drift",), ("validate",), ("lint",), ("state", "list"), ("show",)]
)
@pytest.mark.parametrize("order", [0, 1])
def test_json_excludes_a_second_format(
    runner: CommandRunner, number: str, words: tuple[str, ...], order: int
) -> None:
    options = [["--json"], ["--format", "text"]]
    first, second = options[order], options[1 - order]
    runner.run(*words, *first, *second, code=64)
    runner.run(*words, "--json", "--format", "json")
