"""How wide a text is on a terminal, so that a caret stands under what it means."""

from __future__ import annotations

import unicodedata

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.report.text.render import render_diagnostics
from reconciler.report.text.style import Style
from reconciler.report.width import align_columns, cell_width


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("plain text", 10),
        ("Zürich", 6),
        (unicodedata.normalize("NFD", "Zürich"), 6),
        ("東京", 4),
        ("ｗｉｄｅ", 8),
        ("서울", 4),
        (unicodedata.normalize("NFD", "서울"), 4),
        ("नमस्ते", 4),
        ("📞", 2),
        ("☎", 1),
        ("☎\ufe0f", 2),
        ("📞\ufe0f", 2),
        ("👍🏽", 2),
        ("🏽", 2),
        ("🇬🇧", 2),
        ("🇬🇧🇩🇪", 4),
        ("co\u00adop", 5),
        ("a\u0301\u0302b", 2),
    ],
)
def test_text_width_equals_its_terminal_cells(text: str, cells: int) -> None:
    assert cell_width(text) == cells


@pytest.mark.parametrize(
    "name", ["東京 📞", "e\u0301te\u0301", "☎\ufe0f 🇬🇧", "a\tb\u200bc", "plain"]
)
def test_caret_points_to_the_error_after_any_text(name: str) -> None:
    line = f'  "+15550100101": {{friendly_name: {name}, agent: nobody}}'
    problem = Diagnostic(
        code="x", summary="y", file="a.yaml", line=1, column=line.index("nobody") + 1
    )
    _, source, caret, *_ = render_diagnostics(
        [problem], Style(), lambda _file, _line, at: (line, line[: at - 1])
    ).splitlines()
    assert cell_width(source[: source.index("nobody")]) == caret.index("^")
    assert caret.strip() == "^"


def test_caret_points_after_the_token_before_a_missing_one() -> None:
    line = '{voice: "https://agents.example.com/voice?token=pl4nted-token-of-some-length", agent: nobody}'
    problem = Diagnostic(
        code="x", summary="y", file="a.yaml", line=1, column=line.index("nobody") + 1
    )
    shown = render_diagnostics([problem], Style(), lambda _file, _line, at: (line, line[: at - 1]))
    _, source, caret, *_ = shown.splitlines()
    assert "pl4nted" not in shown
    assert source.index("nobody") == caret.index("^")


def test_columns_are_aligned_by_cells_and_not_by_characters() -> None:
    assert align_columns([("place", "can"), ("東京", "voice"), ("", "sms")]) == [
        "place  can",
        "東京   voice",
        "       sms",
    ]
