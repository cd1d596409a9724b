"""`fmt` changes the form of a file and never its meaning; saying it twice changes nothing more."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.config.source.format import format_text
from reconciler.config.source.parse import parse_file
from reconciler.errors import ConfigInvalid
from tests.support.examples import examples

ROOT = Path(__file__).parents[2]
OTHERS = {"kubernetes", "compose.yaml"}
FILES = sorted(
    [
        # Compose and Kubernetes files are not ours.
        *(each for each in ROOT.glob("examples/**/*.yaml") if not OTHERS & {*each.parts}),
        *ROOT.glob("tests/cases/*/config.yaml"),
        *ROOT.glob("tests/broken/*.yaml"),
    ]
)

SCALARS = (
    "support",
    "'support'",
    '"a b"',
    "'it''s'",
    "'say \"x\"'",
    "https://a.example.com/x#y",
    "12",
    "true",
    "'a # b'",
    "'\\d'",
    "{a: 'b', c: [1, 'two']}",
    "[]",
    "{}",
    "''",
    "'é'",
)
COMMENTS = ("# note", "#x: y", "# 'quoted'", "#")


@st.composite
def _gap(draw: st.DrawFn, indent: int) -> list[str]:
    """Comment lines and empty lines, some of them in the wrong column."""
    columns = st.sampled_from((0, indent, indent + 3))
    lines = st.one_of(
        st.just(""),
        st.just("  "),
        st.builds(lambda c, words: " " * c + words, columns, st.sampled_from(COMMENTS)),
    )
    return draw(st.lists(lines, max_size=3))


@st.composite
def _value(draw: st.DrawFn, indent: int, depth: int) -> tuple[str, list[str]]:
    """What stands behind the colon, and the lines below it."""
    form = draw(st.sampled_from(("scalar", "scalar", "map", "seq", "literal", "lines")))
    note = draw(st.sampled_from(("", "  # why", " #y")))
    step = draw(st.sampled_from((1, 2, 3, 4)))
    if form == "map" and depth < 3:
        return note, draw(_mapping(indent + step, depth + 1))
    if form == "seq" and depth < 3:
        step = draw(st.sampled_from((0, 2, 3)))
        return note, draw(_sequence(indent + step, depth + 1))
    if form == "literal":
        lines = draw(
            st.lists(
                st.sampled_from(("text # not a comment", "  deeper", "", "- x", "a: b  ")),
                min_size=1,
                max_size=3,
            )
        )
        return draw(st.sampled_from((" |", " >-", " |-"))), [
            " " * (indent + step) + f"first{line}"
            if n == 0
            else (" " * (indent + step) + line if line else "")
            for n, line in enumerate(lines)
        ]
    if form == "lines":
        return " {a: 1,", [
            " " * (indent + step) + "b: [x,  # here",
            " " * (indent + step + 1) + "'y']}",
        ]
    return f" {draw(st.sampled_from(SCALARS))}{note}", []


@st.composite
def _mapping(draw: st.DrawFn, indent: int, depth: int) -> list[str]:
    keys = draw(
        st.lists(
            st.sampled_from(
                (
                    "a",
                    "b",
                    "'c'",
                    '"d"',
                    "+15550100101",
                    "'+447700900001'",
                    '"+15550100100"',
                    "PN" + "0" * 32,
                )
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda key: key.strip("'\""),
        )
    )
    if depth != 1:
        keys = [key if key[0] != "+" else f"'{key}'" for key in keys]
    lines = []
    for key in keys:
        rest, below = draw(_value(indent, depth))
        lines += [*draw(_gap(indent)), " " * indent + f"{key}:{rest}", *below]
    return lines


@st.composite
def _sequence(draw: st.DrawFn, indent: int, depth: int) -> list[str]:
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        dash = "-" + " " * draw(st.sampled_from((1, 2, 3)))
        if draw(st.booleans()) and depth < 3:
            inner = draw(_mapping(indent + len(dash), depth + 2))
            while not inner[0].strip() or inner[0].lstrip().startswith("#"):
                inner.pop(0)
            inner[0] = " " * indent + dash + inner[0].lstrip()
            lines += [*draw(_gap(indent)), *inner]
        else:
            lines += [*draw(_gap(indent)), " " * indent + dash + draw(st.sampled_from(SCALARS))]
    return lines


@st.composite
def files(draw: st.DrawFn) -> str:
    lines = draw(_gap(0))
    for section in draw(st.permutations(("numbers", "bridge_numbers", "agents"))):
        lines += [f"{section}:", *draw(_mapping(draw(st.integers(1, 5)), 1)), *draw(_gap(0))]
    return draw(st.sampled_from(("\n", "\r\n"))).join(lines)


def comments(text: str) -> Counter[str]:
    return Counter(
        {words: text.count(words) for words in (*COMMENTS[:3], "# why", " #y", "# here")}
    )


SECTIONS = "numbers:\n a: support\nagents:\n a: support\nbridge_numbers:\n b: {a: 1,\n  b: [x,  # here\n   'y']}\n"


@examples(40)
@given(files())
@example(f"{SECTIONS} +15550100101:\n - support\n# note\n   # note")
@example(f"{SECTIONS} +15550100101:\n - support\n# note\n\n   # note\n")
@example(f"{SECTIONS} +15550100101: |\n  firsttext # not a comment")
def test_formatting_keeps_meaning_and_comments_and_is_idempotent(text: str) -> None:
    before = parse_file(text.encode(), "a.yaml")
    hurt = [
        d
        for d in before.diagnostics
        if d.code != "unquoted_number" or _in_agents(text, d.line or 0)
    ]
    if hurt:
        return
    once = format_text(text.encode(), "a.yaml")
    after = parse_file(once.encode(), "a.yaml")
    assert after.root == before.root
    assert after.diagnostics == []
    assert list(after.root) == list(before.root)
    assert comments(once) == comments(text)
    assert format_text(once.encode(), "a.yaml") == once


def _in_agents(text: str, line: int) -> bool:
    above = text.splitlines()[:line]
    return next(found for found in reversed(above) if re.match(r"\w+:$", found)) == "agents:"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_formatting_keeps_the_meaning_of_every_file_or_refuses_it(path: Path) -> None:
    before = parse_file(path.read_bytes(), path.name)
    try:
        once = format_text(path.read_bytes(), path.name)
    except ConfigInvalid:
        assert path.parent.name == "broken"
        return
    assert parse_file(once.encode(), path.name).root == before.root
    assert format_text(once.encode(), path.name) == once


def tidied(text: str) -> str:
    return format_text(textwrap.dedent(text).encode(), "a.yaml")


def test_numbers_are_quoted_and_sorted_with_their_comments_within_their_groups() -> None:
    assert tidied(
        """\
        # the head
        numbers:
            # second
            '+15550100102': 'support'   # why
            +15550100101:
                  agent:   support
                  webhooks:
                        sms: https://agents.example.com/sms
            # at the end

            # another group
            "+447700900002": a
            "+447700900001": b
        agents:
         a: {}


        """
    ) == textwrap.dedent(
        """\
        # the head
        numbers:
          "+15550100101":
            agent:   support
            webhooks:
              sms: https://agents.example.com/sms
          # second
          "+15550100102": "support"   # why
          # at the end

          "+447700900001": b
          # another group
          "+447700900002": a
        agents:
          a: {}
        """
    )


def test_keeps_required_quotes() -> None:
    assert (
        tidied("a: 'say \"x\"'\nb: 'C:\\dir'\nc: 'no'\n")
        == "a: 'say \"x\"'\nb: 'C:\\dir'\nc: \"no\"\n"
    )


def test_lists_and_texts_over_several_lines_move_as_a_whole() -> None:
    assert tidied(
        """\
        trunks:
              edge:
                  origination:
                  -   sip_url: sip:a.example.com
                      priority: 1
                  -   {sip_url: "sip:b.example.com",
                       priority: 2}
                  note: |
                      one
                        two
        """
    ) == textwrap.dedent(
        """\
        trunks:
          edge:
            origination:
              - sip_url: sip:a.example.com
                priority: 1
              - {sip_url: "sip:b.example.com",
                 priority: 2}
            note: |
                one
                  two
        """
    )


def test_keeps_indented_comments_with_the_line_above() -> None:
    text = 'numbers:\n  "+15550100102":\n    agent: b\n    # of the second\n  "+15550100101": a\n'
    once = 'numbers:\n  "+15550100101": a\n  "+15550100102":\n    agent: b\n    # of the second\n'
    assert tidied(text) == once
    assert tidied("numbers:\n b: [x]\n a:\n - c: d\n\n    # note\n e: f\n") == tidied(
        tidied("numbers:\n b: [x]\n a:\n - c: d\n\n    # note\n e: f\n")
    )


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("|", "|-"),
        ("|+", "|-"),
        (">4", ">4-"),
        ("&x | # why | not", "&x |- # why | not"),
        ("|-", "|-"),
    ],
)
def test_text_without_a_final_line_break_gets_a_strip_indicator(head: str, said: str) -> None:
    assert tidied(f"a: {head}\n    text") == f"a: {said}\n    text\n"


def test_keeps_the_order_of_numbers_linked_by_aliases() -> None:
    text = 'numbers:\n  "+15550100102": &x {agent: a}\n  "+15550100101": *x\n'
    assert tidied(text) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "yaml_syntax"),
        ("a: 1\na: 2\n", "duplicate_key"),
        ("a:\n\t- b\n", "tab_indentation"),
        ("a: 'x\u2028y'\n", "not_formattable"),
    ],
)
def test_refuses_to_format_what_it_cannot_read_with_certainty(text: str, code: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        format_text(text.encode(), "a.yaml")
    assert [d.code for d in caught.value.diagnostics] == [code]
