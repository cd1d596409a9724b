"""Compute how many terminal cells a text takes, and by it align and cut columns and break a line
between words.

A CJK character or an emoji takes two cells, a combining mark none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_EMOJI_FORM = 0xFE0F
"""Turns the character before it into an emoji, two cells wide."""
_SKIN = range(0x1F3FB, 0x1F400)
"""Colours the emoji before it."""
_FLAG = range(0x1F1E6, 0x1F200)
"""Two of these are one flag."""
_JAMO = range(0x1160, 0x1200)
"""Vowels and finals of Korean, which are drawn into the consonant before them."""
_SOFT_HYPHEN = 0xAD
_NARROWEST = 8
"""Cells that a column keeps on a narrow terminal."""
_SPACES_OR_WORD = re.compile(r" +|(?:`[^`]*`|[^ ])+")


def cell_width(text: str) -> int:
    """Return the number of cells of a text."""
    if text.isascii():
        return len(text)

    total = last = flags = 0
    for code in map(ord, text):
        flags = flags + 1 if code in _FLAG else 0
        cells = _cells_of(code, last, flags)
        total, last = total + cells, last + cells if code == _EMOJI_FORM else cells
    return total


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return each row as one line, with the columns below each other."""
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]

    lines: list[str] = []
    for row in rows:
        cells = [
            cell + " " * (width - cell_width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def fit_columns(
    rows: Sequence[Sequence[str]], flexible: Sequence[int], width: int
) -> list[tuple[str, ...]]:
    """Return the rows with cells of the `flexible` columns cut so that a line fits the width.

    The widest column is cut first, each to at least `_NARROWEST` cells: a line may stay too long
    where the other columns fill the width.
    """
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    surplus = sum(widths) + 2 * (len(widths) - 1) - width

    # One cell at a time: columns are few, and lines are short.
    while surplus > 0:
        widest = max(flexible, key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        surplus -= 1

    fitted: list[tuple[str, ...]] = []
    for row in rows:
        cells = [cut(cell, widths[index]) for index, cell in enumerate(row)]
        fitted.append(tuple(cells))
    return fitted


def cut(text: str, width: int) -> str:
    """Return the text, or its beginning with an ellipsis where it is wider than `width` cells."""
    if cell_width(text) <= width:
        return text

    end = min(len(text), width)
    while end > 0 and cell_width(text[:end]) > width - 1:
        end -= 1
    return text[:end] + "…"


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Break a line between words so that it fits the width; later lines begin with the indent.

    A line that begins with a space is a command or YAML to copy: it stays whole. So do words
    between backticks, and a word that is wider than a line, such as a URL.
    """
    if text.startswith(" ") or cell_width(text) <= width:
        return [text]

    lines: list[str] = []
    spaces = ""
    for found in _SPACES_OR_WORD.finditer(text):
        word = found[0]
        if word.startswith(" "):
            spaces = word
            continue
        longer = f"{lines[-1]}{spaces}{word}" if lines else word
        if not lines or cell_width(longer) > width:
            lines.append((indent if lines else "") + word)
        else:
            lines[-1] = longer
    return lines


def _cells_of(code: int, last: int, flags: int) -> int:
    """Return the cells that a character adds.

    `last` are the cells of the character before it, `flags` the number of flag halves up to it.
    """
    if code == _EMOJI_FORM:
        return 1 if last == 1 else 0
    if code in _SKIN and last == 2:
        return 0
    if flags:
        return 2 if flags % 2 else 0

    # Combining marks and Korean finals are drawn into the character before them.
    if code in _JAMO or (
        unicodedata.category(chr(code)) in ("Mn", "Me", "Cf") and code != _SOFT_HYPHEN
    ):
        return 0
    return 2 if unicodedata.east_asian_width(chr(code)) in ("W", "F") else 1
