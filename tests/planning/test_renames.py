"""Chains of renames: where each name ends, and that a chain of many lines takes no longer than its length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.planning.identity.moved import chain_lengths, last_names


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ({}, {}),
        ({"a": "b"}, {"a": "b", "b": "b"}),
        ({"b": "c", "a": "b"}, {"a": "c", "b": "c", "c": "c"}),
        ({"a": "b", "b": "a"}, {"a": None, "b": None}),
        ({"a": "b", "b": "c", "c": "b"}, {"a": None, "b": None, "c": None}),
        ({"a": "a"}, {"a": None}),
    ],
)
def test_the_last_name(following: dict[str, str], expected: dict[str, str | None]) -> None:
    assert last_names(following) == expected


def walk(name: str, following: dict[str, str]) -> tuple[str | None, int]:
    """The definition, step by step: the last name (None in a circle), and the number of renames."""
    seen = []
    while name not in seen:
        seen.append(name)
        if name not in following:
            return name, len(seen) - 1
        name = following[name]
    return None, len(seen)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")))
def test_every_name_ends_where_walking_ends(following: dict[str, str]) -> None:
    ends, lengths = last_names(following), chain_lengths(following)
    for name in {*following, *following.values()}:
        end, length = walk(name, following)
        assert ends[name] == end
        assert end is None or lengths[name] == length


@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain_is_walked_once(backwards: bool) -> None:
    """300,000 renames in one chain: visiting each name anew for every line would take hours."""
    lines = [(f"t{i}", f"t{i + 1}") for i in range(300_000)]
    following = dict(reversed(lines) if backwards else lines)
    assert set(last_names(following).values()) == {"t300000"}
    assert chain_lengths(following)["t0"] == 300_000
