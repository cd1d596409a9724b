"""Escape text and values for Markdown, write table rows and folded sections, and drop the rows that
exceed a size limit.

A comment on GitHub holds 65,536 characters. A value from YAML or Twilio can neither end its cell,
nor mention a user, nor become a link, an image or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.report.truncate import shorten
from reconciler.report.width import cell_width
from reconciler.report.wording import NOTHING, printable

LIMIT = 65_000
"""Below GitHub's limit; in bytes, so that it holds for characters as well."""
FIRST_COLUMN, LAST_COLUMN = 34, 54
"""The longest line of code in each column of a table.

GitHub breaks no line inside a word of a table. With longer lines a table is wider than a comment of
760 pixels, and its last column is hidden.
"""
LONGEST = 160
"""A value longer than this is shortened in its middle."""

_MARKS = "/?&;,-_. "
_SPECIAL = re.compile(r"[\\`*_\[\]<>~&#!$:()]")
_MENTION = re.compile(r"@(?=\S)")
"""Before a word it mentions a user; before a dot or a dash it can be part of an e-mail address, which GitHub links."""


def text(raw: str, longest_word: int | None = None) -> str:
    """Escape text so that Markdown shows it as it is; ``@`` mentions nobody and links nothing.

    A word that is longer than `longest_word` may be broken.
    """
    plain = printable(raw)
    if longest_word is not None:
        plain = re.sub(rf"\S{{{longest_word}}}(?=\S)", "\\g<0>\u200b", plain)
    return _MENTION.sub("@\u200b", _SPECIAL.sub(lambda found: "\\" + found[0], plain))


def code(raw: str, longest: int = LONGEST, width: int | None = None) -> str:
    """Return a value as code, a dash when it is empty; on several lines if it exceeds the width."""
    plain = shorten(printable(raw), longest)
    if plain in ("", NOTHING):
        return NOTHING
    if width is None:
        return _code_line(plain)
    return "<br>".join(map(_code_line, _break_value(plain, width)))


def _break_value(plain: str, width: int) -> Iterator[str]:
    """Return lines that fit the width; where possible a line ends after a mark of a URL."""
    while cell_width(plain) > width:
        most = width if plain.isascii() else width // 2
        end = max(plain.rfind(mark, 0, most) for mark in _MARKS) + 1
        end = end if end > most // 2 else most
        yield plain[:end]
        plain = plain[end:]
    yield plain


def _code_line(plain: str) -> str:
    ticks = max((len(run) for run in re.findall("`+", plain)), default=0) + 1
    pad = " " if ticks > 1 else ""
    return f"{'`' * ticks}{pad}{plain}{pad}{'`' * ticks}"


def row(*cells: str) -> str:
    """Return one row of a table; a pipe in a cell is escaped."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def head(*titles: str) -> str:
    """Return the head of a table."""
    return row(*titles) + row(*("---" for _ in titles))


def fold(title: str, body: str) -> str:
    """Return a folded section."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n</details>\n\n"


def fit_rows(rows: Iterable[str], room: int) -> Iterator[str]:
    """Return the rows that fit, up to the first that does not."""
    for each in rows:
        room -= size(each)
        if room < 0:
            return
        yield each


def size(written: str) -> int:
    """Return the size of a text in bytes, as the limit counts it."""
    return len(written.encode())
