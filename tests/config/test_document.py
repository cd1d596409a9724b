"""The strict YAML reader: values, positions, and everything that it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.source.builder import DEEPEST
from reconciler.config.source.nodes import Float, Int, Map, Place, Seq, Spot
from reconciler.config.source.parse import Document, PurePython, load_fastest_parser, parse_file
from reconciler.config.source.scalars import Ambiguous, resolve

PARSERS = pytest.mark.parametrize("parser", [load_fastest_parser(), PurePython])


def parse(text: str, parser: Any = None) -> Document:
    return parse_file(text.encode(), "a.yaml", parser=parser)


def codes(text: str, parser: Any = None) -> list[tuple[str, int | None, int | None]]:
    return [(d.code, d.line, d.column) for d in parse(text, parser).diagnostics]


@PARSERS
def test_values_keep_the_place_of_key_and_value(parser: Any) -> None:
    document = parse(
        "version: 1\nnumbers:\n  '+1555': {agent: support}\n  ü: [a, {b: c}]\n", parser
    )
    assert document.root == {
        "version": 1,
        "numbers": {"+1555": {"agent": "support"}, "ü": ["a", {"b": "c"}]},
    }
    place = Place("a.yaml", document.root, Spot(0, 0), Spot(0, 0)).child("numbers")
    assert place is not None
    number = place.child("+1555")
    assert number is not None
    assert (number.at("key"), number.at("value")) == (("a.yaml", 3, 3), ("a.yaml", 3, 12))
    listed = place.child("ü")
    assert listed is not None
    item = listed.child(1)
    assert item is not None
    assert item.at("key") == item.at("value") == ("a.yaml", 4, 10)
    assert listed.child(2) is None
    assert listed.child("b") is None
    assert number.child("zzz") is None


@PARSERS
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-7", -7),
        ("+15550100100", 15550100100),
        ("1.15", 1.15),
        (".5", 0.5),
        ("1.5e3", 1500.0),
        ("support", "support"),
        ("y", "y"),
        ("2024-01-01", "2024-01-01"),
        ("203.0.113.0/28", "203.0.113.0/28"),
        ("'12'", "12"),
        ('"+15550100100"', "+15550100100"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("[]", []),
        ("!!seq [a]", ["a"]),
        ("!!map {a: b}", {"a": "b"}),
        ("&x y", "y"),
    ],
)
def test_reads_scalars_as_all_yaml_parsers_do(parser: Any, text: str, value: Any) -> None:
    document = parse(f"key: {text}\n", parser)
    assert document.root == {"key": value}
    assert type(document.root["key"]) in (type(value), Int, Float, Map, Seq)
    assert document.diagnostics == []


ODD = (
    *(
        "yes",
        "No",
        "ON",
        "off",
        "0123",
        "-010",
        "08",
        "0x1F",
        "0b11",
        "0o17",
        "1_000",
        "12:30",
        "1:2:3.5",
        "12e4",
    ),
    *(".inf", "-.INF", ".NaN", "01.5", "1" * 40, "." + "5" * 40),
)


@pytest.mark.parametrize("text", ODD)
def test_refuses_scalars_that_parsers_read_differently(text: str) -> None:
    assert isinstance(resolve(text), Ambiguous)
    assert codes(f"key: {text}\n") == [("ambiguous_scalar", 1, 6)]
    assert codes(f"key: '{text}'\n") == []


def test_number_scalar_keeps_its_source_text() -> None:
    node = parse("key: +15550100100\nprice: 1.10\n").root
    assert [repr(value) for value in node.values()] == ["+15550100100", "1.10"]


@PARSERS
def test_alias_repeats_its_anchor(parser: Any) -> None:
    document = parse(
        "a: &a {x: 1}\nb: *a\nc: [*a, *a]\nd: &d [1]\ne: &e text\nf: *e\n&k g: *k\n", parser
    )
    assert document.diagnostics == []
    assert document.root["b"] is document.root["a"]
    assert document.root["c"] == [{"x": 1}, {"x": 1}]
    assert (document.root["f"], document.root["g"]) == ("text", "g")


@PARSERS
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: *b", [("unknown_alias", 1, 4)]),
        ("a: &a [*a]", [("unknown_alias", 1, 8)]),
        ("a: !b c", [("custom_tag", 1, 4)]),
        ("!b a: c", [("custom_tag", 1, 1)]),
        ("!b {a: c}", [("custom_tag", 1, 1)]),
        ("a: !!int 3", [("custom_tag", 1, 4)]),
        ("<<: {a: b}", [("merge_key", 1, 1)]),
        (
            "12: a\n1.5: b\ntrue: c\n~: d",
            [("unquoted_number", 1, 1), *(("ambiguous_scalar", line, 1) for line in (2, 3, 4))],
        ),
        ("? [a, [b]]\n: {c: d}\ne: f", [("complex_key", 1, 3)]),
        ("? {? [a] : b}\n: c", [("complex_key", 1, 3)]),
        ("*a : b", [("complex_key", 1, 1), ("unknown_alias", 1, 1)]),
        ("a: b\n---\nc: d", [("multiple_documents", 2, 1)]),
        ("", [("empty_file", 1, 1)]),
        ("# comment\n", [("empty_file", 1, 1)]),
        ("---\n...\n", [("empty_file", 1, 1)]),
        ("- a", [("wrong_type", 1, 1)]),
        ("\n  text", [("wrong_type", 2, 3)]),
    ],
)
def test_refuses_unsupported_yaml_features(parser: Any, text: str, found: list[Any]) -> None:
    assert codes(text, parser) == found


@PARSERS
@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: b: c", 1, 5),
        ("a: [1, 2\nb: 3", 1, 4),
        ("a: {b: c d: e}", 1, 11),
        ("a: 'b\nc: d\n", 1, 4),
        ("a: @b", 1, 4),
        ("a:\n  b: 1\n c: 2", 3, 2),
        ("%YAML 3.0\n---\na: b", 1, 1),
    ],
)
def test_a_syntax_error_is_placed_and_explained(
    parser: Any, text: str, line: int, column: int
) -> None:
    document = parse(text, parser)
    assert not document.complete
    (diagnostic,) = document.diagnostics
    assert diagnostic.code == "yaml_syntax"
    assert (diagnostic.line, diagnostic.column) == (line, column)
    assert diagnostic.detail


@PARSERS
def test_keeps_complete_entries_before_a_syntax_error(parser: Any) -> None:
    assert parse("a: b\nc: {d: e}\nf: {g: {h: i}, j: [\n", parser).root == {
        "a": "b",
        "c": {"d": "e"},
    }
    assert parse("a: b\nc: [d, {e: [\n", parser).root == {"a": "b"}
    assert parse("- a: [\n", parser).root == {}
    assert parse("a: b\nc: d\n e: f\n", parser).root == {"a": "b", "c": "d e"}
    document = parse("a: b\nc: {d: [\n", parser)
    assert len(document.root.marks) == 2 * len(document.root)


def test_reports_duplicates_and_uses_the_first() -> None:
    document = parse("a: 1\nb: {c: 1, c: {d: 2}}\na: [3]\na: 4\n")
    assert document.root == {"a": 1, "b": {"c": 1}}
    assert [(key, again.line, again.column) for _, key, again in document.duplicates] == [
        ("c", 1, 10),
        ("a", 2, 0),
        ("a", 3, 0),
    ]
    assert document.duplicates[0].node is document.root["b"]


def test_refuses_tabs_as_indentation() -> None:
    assert codes("a:\n\tb: c\n") == [("tab_indentation", 2, 1)]
    assert codes("a: {\n  \tb: c}\n") == [("tab_indentation", 2, 3)]
    assert codes("a:\tb\n") == []
    assert codes("a: b\n\t\nc: d\n") == [("tab_indentation", 2, 1)]
    assert codes("a: b\n  \tc: d\n") == [("tab_indentation", 2, 3)]
    assert codes("a:\n\tb: c\nd: [\n") == [("tab_indentation", 2, 1)]


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a: b\nc: \xff\n", "not_utf8", 2, 4),
        (b"\xc3\xa4\xc3\xa4: \xff", "not_utf8", 1, 5),
        ("a: b".encode("utf-16"), "not_utf8", 1, 1),
        (b"a: b\nc: \x07\n", "yaml_syntax", 2, 4),
    ],
)
def test_reports_the_position_of_invalid_bytes(
    data: bytes, code: str, line: int, column: int
) -> None:
    document = parse_file(data, "a.yaml")
    (diagnostic,) = document.diagnostics
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == (code, line, column)
    assert not document.complete


def test_a_byte_order_mark_is_allowed() -> None:
    assert parse_file(b"\xef\xbb\xbfa: b\n", "a.yaml").root == {"a": "b"}


@pytest.mark.parametrize("text", ["[" * 100, "{a: " * 100, "a: " + "[" * 100, "a: " + "[{b: " * 50])
def test_nesting_stops_early(text: str) -> None:
    document = parse(text)
    assert [d.code for d in document.diagnostics][-1] == "too_deep"
    assert not document.complete


def test_nesting_to_the_limit_is_fine() -> None:
    levels = DEEPEST - 1
    assert parse("a: " + "{b: " * levels + "c" + "}" * levels).diagnostics == []
    assert codes("a: " + "{b: " * DEEPEST + "c" + "}" * DEEPEST)[0][0] == "too_deep"


def test_limits_the_expansion_of_aliases() -> None:
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 20)}]\n" for i in range(1, 9))
    document = parse("l0: &l0 {a: b}\n" + levels)
    assert [d.code for d in document.diagnostics] == ["alias_explosion"]
    many = "a: &a {x: y}\nb: [" + ", ".join(["*a"] * 10_000) + "]\n"
    assert parse(many).diagnostics == []


@given(st.text() | st.text(alphabet="ab:{}[]&*!|>'\"#-?, \n\t0+<%@`~").map(str) | st.binary())
def test_any_text_is_read_or_refused_with_a_place(data: str | bytes) -> None:
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    lines = (
        raw.count(b"\n")
        + raw.count(b"\r")
        + raw.count("\x85".encode())
        + raw.count("\u2028".encode())
        + 1
    )
    lines += raw.count("\u2029".encode())
    document = parse_file(raw, "a.yaml")
    assert document.complete or document.diagnostics
    assert len(document.root.marks) == 2 * len(document.root)
    for diagnostic in document.diagnostics:
        assert diagnostic.line is not None
        assert 1 <= diagnostic.line <= lines + 1


@given(
    st.recursive(
        st.text(alphabet="abc:#'\"+0 ") | st.integers(-99, 99) | st.booleans() | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(alphabet="abc0", min_size=1), inner, max_size=3)
        ),
        max_leaves=12,
    ).map(lambda value: {"key": value})
)
def test_reads_json_unchanged(value: Any) -> None:
    import json

    document = parse(json.dumps(value))
    assert document.root == value
    assert document.diagnostics == []
