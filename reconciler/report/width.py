"""A text in, how many cells of a terminal it takes out; knows nothing of what is printed.

As terminals count: a CJK character or an emoji takes two cells, a mark that is written onto another takes none.
"""

from __future__ import annotations

import unicodedata

_EMOJI_FORM = 0xFE0F
"""Makes an emoji, two cells wide, of the character before it."""
_SKIN = range(0x1F3FB, 0x1F400)
"""Colours the emoji before it."""
_FLAG = range(0x1F1E6, 0x1F200)
"""Two of these are one flag."""
_JAMO = range(0x1160, 0x1200)
"""Vowels and finals of Korean, which are drawn into the consonant before them."""
_SOFT_HYPHEN = 0xAD


def cell_width(text: str) -> int:
    """The cells that a text takes."""
    if text.isascii():
        return len(text)
    total = last = flags = 0
    for code in map(ord, text):
        flags = flags + 1 if code in _FLAG else 0
        cells = _added(code, last, flags)
        total, last = total + cells, last + cells if code == _EMOJI_FORM else cells
    return total


def _added(code: int, last: int, flags: int) -> int:
    """What a character adds; `last` are the cells of the one before it, `flags` the halves of flags up to it."""
    if code == _EMOJI_FORM:
        return 1 if last == 1 else 0
    if code in _SKIN and last == 2:
        return 0
    if flags:
        return 2 if flags % 2 else 0
    if code in _JAMO or (
        unicodedata.category(chr(code)) in ("Mn", "Me", "Cf") and code != _SOFT_HYPHEN
    ):
        return 0
    return 2 if unicodedata.east_asian_width(chr(code)) in ("W", "F") else 1
