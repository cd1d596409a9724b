"""A change of a YAML text gives exactly the changed value, and leaves every other character where it is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.source.edit import (
    REMOVE,
    Change,
    EditedText,
    Merge,
    Unsupported,
)
from tests.support.examples import examples

KEYS = st.sampled_from(["agent", "webhooks", "voice", "sms", "labels", "+15550100101", "é: #"])
TEXTS = st.sampled_from(
    ["support", "https://a.example.com/", "", "true", "- a", "# b", "a\nb", "ü"]
)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def edited(text: str, change: Change) -> str:
    """The text after a change of its root."""
    tree = EditedText(text)
    tree.change(tree.root, tree.root, change)
    return tree.result()


@examples(150)
@given(MAPPINGS, KEYS, TEXTS, st.sampled_from([True, False, None]), st.sampled_from(["", "\n"]))
def test_an_entry_that_is_set_or_added_has_the_new_value_and_the_others_keep_theirs(
    data: dict[str, Any], key: str, value: str, flow: bool | None, end: str
) -> None:
    text = yaml.safe_dump(
        data, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=40
    )
    text = text.rstrip("\n") + end
    try:
        after = edited(text, Merge({key: value}))
    except Unsupported:
        return
    assert yaml.safe_load(after) == {**data, key: value}
    assert after.endswith("\n") or not text.endswith("\n")


@examples(150)
@given(MAPPINGS, KEYS, st.sampled_from([True, False, None]))
def test_an_entry_that_is_removed_is_gone_and_the_others_keep_their_values(
    data: dict[str, Any], key: str, flow: bool | None
) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    try:
        after = edited(text, Merge({key: REMOVE}))
    except Unsupported:
        return
    assert yaml.safe_load(after) == {k: v for k, v in data.items() if k != key}


CASES = {
    "comment behind a value": ("a: b   # c\n", Merge({"a": "d"}), "a: d   # c\n"),
    "empty value": ("a:   # c\nb: 1\n", Merge({"a": "d"}), "a: d   # c\nb: 1\n"),
    "new entry after a comment": ("a: b # c\n# d\n", Merge({"e": "f"}), "a: b # c\ne: f\n# d\n"),
    "new entry at the end": ("a: b", Merge({"e": "f"}), "a: b\ne: f"),
    "new entry with CRLF": ("a: b\r\n", Merge({"e": "f"}), "a: b\r\ne: f\r\n"),
    "new entry below a block text": (
        "x:\n  a: |\n    b\n\ny: 1\n", Merge({"x": Merge({"c": "d"})}), "x:\n  a: |\n    b\n  c: d\n\ny: 1\n",
    ),
    "item of a block list": ("a:\n  - b # c\n# d\n", Merge({"a": Merge({}, ("e",))}), "a:\n  - b # c\n  - e\n# d\n"),
    "item of a list without indent": ("a:\n- b\nc: 1\n", Merge({"a": Merge({}, ("e",))}), "a:\n- b\n- e\nc: 1\n"),
    "item of an empty list": ("a: []\n", Merge({"a": Merge({}, ("e",))}), "a: [e]\n"),
    "entry in an item": ("a:\n  - b: 1\n", Merge({"a": Merge({0: Merge({"c": "d"})})}), "a:\n  - b: 1\n    c: d\n"),
    "entry in the last item and another item": (
        "a:\n  - b: 1\n", Merge({"a": Merge({0: Merge({"c": "d"})}, ("e",))}), "a:\n  - b: 1\n    c: d\n  - e\n",
    ),
    "first of a flow mapping": ("{a: 1, b: 2}\n", Merge({"a": REMOVE}), "{b: 2}\n"),
    "last of a flow mapping": ("{a: 1, b: 2}\n", Merge({"b": REMOVE}), "{a: 1}\n"),
    "last of several lines": (
        "{\n  a: 1,   # one\n  b: 2   # two\n}\n", Merge({"b": REMOVE}), "{\n  a: 1   # one\n}\n",
    ),
    "last of several lines with a comma": (
        "{\n  a: 1,   # one\n  b: 2,   # two\n}\n", Merge({"b": REMOVE}), "{\n  a: 1,   # one\n}\n",
    ),
    "first of several lines": (
        "{\r\n  a: 1,   # one\r\n  # of b\r\n  b: 2   # two\r\n}\r\n",
        Merge({"a": REMOVE}),
        "{\r\n  # of b\r\n  b: 2   # two\r\n}\r\n",
    ),
    "one in the middle of several lines": (
        "{\n  a: 1,   # one\n  b: 2,\n  c: 3   # three\n}\n", Merge({"b": REMOVE}), "{\n  a: 1,   # one\n  c: 3   # three\n}\n",
    ),
    "list that is empty but for a comment": (
        "a: [  # none\n  ]\n", Merge({"a": Merge({}, ("b", "c"))}), "a: [b, c  # none\n  ]\n",
    ),
    "mapping that is empty but for a comment": (
        "a: {  # none\n  }\n", Merge({"a": Merge({"b": 1})}), "a: {b: 1  # none\n  }\n",
    ),
    "comment behind an anchor": ("a: &x   # c\n  b\nc: *x\n", Merge({"a": "d"}), "a: &x   # c\n  d\nc: *x\n"),
    "tab behind an anchor": ("{a: &x\tb, c: *x}\n", Merge({"a": "d"}), "{a: &x\td, c: *x}\n"),
    "item of a list behind an anchor with a comment": (
        "a: &x   # c\n  - b\nd: *x\n", Merge({"a": Merge({}, ("e",))}), "a: &x   # c\n  - b\n  - e\nd: *x\n",
    ),
    "new entry in a file of both line ends": ("a: b\nc: d\r\n", Merge({"e": "f"}), "a: b\nc: d\r\ne: f\r\n"),
    "new entry below the other line end": (
        "a: {b: 1}\r\nc:\n  d: 1\n", Merge({"c": Merge({"e": "f"})}), "a: {b: 1}\r\nc:\n  d: 1\n  e: f\n",
    ),
    "another in its place": ("a:\n  b: 1  # c\n", Merge({"a": Merge({"b": REMOVE, "d": "e"})}), "a:\n  d: e  # c\n"),
    "alias": ("a: &x {b: 1}\nc: *x\n", Merge({"c": Merge({"d": "e"})}), "a: &x {b: 1}\nc: {b: 1, d: e}\n"),
    "anchor": ("a: &x b\nc: *x\n", Merge({"a": "d"}), "a: &x d\nc: *x\n"),
    "byte order mark": ("\ufeffa: b\n", Merge({"a": "d"}), "\ufeffa: d\n"),
    "characters of several bytes": ("é: 😀\na: b\n", Merge({"a": "d"}), "é: 😀\na: d\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_layout_stays(case: str) -> None:
    before, change, after = CASES[case]
    assert edited(before, change) == after


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: |\n  b\n", Merge({"a": "c"})),
        ("a:\n  b: 1\n", Merge({"a": "c"})),
        ("a: !!str b\n", Merge({"a": "c"})),
        ("a: {b: 1}\n", Merge({"a": Merge({"b": REMOVE})})),
        ("a: b\n", Merge({"a": Merge({"c": "d"})})),
        ("a: {b: 1, c: }\n", Merge({"a": Merge({"d": "e"})})),
        ("a: {b: 1,   # of b\n  c: 2, d: 3}\n", Merge({"a": Merge({"c": REMOVE})})),
        ("a: {b: 1   # of b\n  , c: 2, d: 3}\n", Merge({"a": Merge({"b": REMOVE})})),
    ],
)
def test_what_has_no_place_is_refused(text: str, change: Change) -> None:
    with pytest.raises(Unsupported):
        edited(text, change)
