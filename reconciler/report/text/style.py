"""Define the style of text output (colour, width, detail): colour a text by its meaning, and break
a sentence into lines for the terminal.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Meaning = Literal["", "good", "change", "bad", "warn", "quiet", "strong", "info"]
"""What a text means; empty for plain text."""

_CODES = {
    "good": "32",
    "change": "33",
    "bad": "31",
    "warn": "33",
    "quiet": "2",
    "strong": "1",
    "info": "36",
}

READABLE = 120
"""The widest line of prose on a terminal."""
NARROWEST = 20


class Style(msgspec.Struct, frozen=True):
    """The style of a stream: colour on a terminal that allows it.

    `width` is that of the terminal, None where lines may have any length. `whole`: show every
    resource, and fold or shorten nothing.
    """

    colour: bool = False
    width: int | None = None
    whole: bool = False

    def __call__(self, meaning: str, text: str) -> str:
        """Return the text in the colour of a meaning (`good`, `change`, `bad`, `warn`, `quiet`,
        `strong`, `info`).
        """
        return f"\x1b[{_CODES[meaning]}m{text}\x1b[0m" if self.colour and text else text

    def wrap(self, text: str, *, margin: int, indent: str = "") -> list[str]:
        """Break a sentence into lines for a terminal; `margin` is the width of what comes before.

        A line of prose is never wider than `READABLE`, however wide the terminal is. On a very
        narrow terminal it keeps `NARROWEST` cells.
        """
        if self.width is None:
            return [text]
        from reconciler.report.width import wrap  # a valid configuration needs no widths

        return wrap(text, max(min(self.width, READABLE) - margin, NARROWEST), indent)
