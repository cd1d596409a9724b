"""Splits of calls: one text for equal splits, and the checks of declared shares and agents."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from reconciler.config.load.platform_agents import _check_agent_name, _check_splits
from reconciler.config.sections.agent import Agent
from reconciler.config.sections.split import DeclaredShare
from reconciler.kinds.platforms.kind import PlatformField, PlatformKind
from reconciler.kinds.platforms.split import Share, format_split, parse_split
from reconciler.kinds.platforms.table import PLATFORM_KINDS


def kind(**changes: Any) -> PlatformKind:
    """Return a platform whose agents may have a split."""
    split = PlatformField(
        name="split", form="split", description="Split.", example="", instead_of_id=True, **changes
    )
    return msgspec.structs.replace(PLATFORM_KINDS["nixflex"], agent_fields=(split,))


def test_equal_splits_have_equal_texts_in_any_order() -> None:
    shares = [Share(id=f"agent_{n}", version=str(n % 2), weight=0.25) for n in range(4)]
    texts = set()
    for _ in range(20):
        random.shuffle(shares)
        texts.add(format_split(shares))

    [text] = texts
    assert sorted(parse_split(text), key=repr) == sorted(shares, key=repr)


@pytest.mark.parametrize("hostile", ['a"b', "a,b", "a]}\n", "${X}", "ä'"])
def test_ids_with_any_character_survive_the_text(hostile: str) -> None:
    split = [Share(id=hostile, weight=1)]
    assert parse_split(format_split(split)) == split


@pytest.mark.parametrize(
    ("share", "code"),
    [
        ({"id": "a"}, "missing_field"),
        ({"weight": 1.0}, "missing_field"),
        ({"branch": "b"}, "missing_field"),
        ({"id": "a", "weight": 1.0, "branch": "b"}, "conflicting_fields"),
        ({"branch": "b", "percentage": 1.0, "version": 3}, "conflicting_fields"),
        ({"branch": "b", "percentage": 1.0, "id": "a", "weight": 0.5}, "conflicting_fields"),
        ({"id": "a", "weight": 0.0}, "greater_than"),
        ({"id": "a", "weight": 1.5}, "less_than_equal"),
        ({"id": "a", "weight": float("nan")}, "finite_number"),
        ({"branch": "b", "percentage": 100.5}, "less_than_equal"),
    ],
)
def test_a_share_has_one_form(share: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DeclaredShare(**share)
    assert code in {each["type"] for each in caught.value.errors()}


@pytest.mark.parametrize(
    ("shares", "split", "codes"),
    [
        ("agents", [("a", 0.1), ("b", 0.2), ("c", 0.7)], []),
        ("agents", [("a", 0.1), ("b", 0.2), ("c", 0.6)], ["invalid_value"]),
        ("agents", [("a", 0.5), ("a", 0.5)], ["duplicate_key"]),
        ("branches", [("a", 0.5), ("b", 0.5)], ["unsupported_feature"]),
    ],
)
def test_shares_are_of_one_kind_and_have_the_right_sum(
    shares: Any, split: list[tuple[str, float]], codes: list[str]
) -> None:
    text = format_split([Share(id=name, weight=weight) for name, weight in split])
    found = list(_check_splits({"split": text}, kind(shares=shares)))
    assert [each.code for each in found] == codes


def test_percentages_of_branches_have_the_sum_100() -> None:
    halves = [Share(branch="b1", percentage=50), Share(branch="b2", percentage=50)]
    assert not list(_check_splits({"split": format_split(halves)}, kind(shares="branches")))
    [found] = _check_splits({"split": format_split(halves[:1])}, kind(shares="branches"))
    assert found.code == "invalid_value"


@pytest.mark.parametrize(
    ("has_id", "has_split", "codes"),
    [
        (True, False, []),
        (False, True, []),
        (True, True, ["conflicting_fields"]),
        (False, False, ["missing_field"]),
    ],
)
def test_an_agent_has_an_id_or_what_stands_in_its_place(
    has_id: bool, has_split: bool, codes: list[str]
) -> None:
    agent = Agent.model_construct(platform="x", id="a" if has_id else None)
    if has_split:
        object.__setattr__(agent, "split", [DeclaredShare(id="a", weight=1.0)])
    assert [each.code for each in _check_agent_name(agent, kind())] == codes
