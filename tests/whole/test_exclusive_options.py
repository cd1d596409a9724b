"""Options that exclude each other are refused: none of them silently wins."""

from __future__ import annotations

from itertools import combinations

import pytest

from .stage import AGENT, Stage

FATES = ("--restore", "--clear", "--keep")


@pytest.fixture
def number(stage: Stage) -> str:
    """A managed number."""
    number = next(iter(stage.sandbox.world.numbers)).phone_number
    stage.declare(agents={"support": {"webhooks": AGENT}}, numbers={number: "support"})
    stage.apply()
    return number


@pytest.mark.parametrize(
    "flags", [*combinations(FATES, 2), *combinations(reversed(FATES), 2), FATES]
)
def test_release_takes_one_fate_of_the_values(
    stage: Stage, number: str, flags: tuple[str, ...]
) -> None:
    before = dict(stage.state)
    text = stage.run("release", number, *flags, "--auto-approve", code=64)
    assert all(flag in text for flag in flags)
    assert "exclude each other" in text
    assert stage.state == before


@pytest.mark.parametrize("fate", FATES)
def test_release_takes_a_single_fate(stage: Stage, number: str, fate: str) -> None:
    stage.run("release", number, fate, "--auto-approve")
    assert f"number/{number}" not in stage.state


@pytest.mark.parametrize(
    "words", [("plan",), ("drift",), ("validate",), ("lint",), ("state", "list"), ("show",)]
)
@pytest.mark.parametrize("order", [0, 1])
def test_json_excludes_another_format(
    stage: Stage, number: str, words: tuple[str, ...], order: int
) -> None:
    options = [["--json"], ["--format", "text"]]
    first, second = options[order], options[1 - order]
    stage.run(*words, *first, *second, code=64)
    stage.run(*words, "--json", "--format", "json")
