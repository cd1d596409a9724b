"""How text is to look: colour by meaning or none at all, how wide, how much; knows nothing of what is printed."""

from __future__ import annotations

import msgspec

_CODES = {
    "good": "32",
    "change": "33",
    "bad": "31",
    "warn": "33",
    "quiet": "2",
    "strong": "1",
    "info": "36",
}


class Style(msgspec.Struct, frozen=True):
    """How to mark text up: with colour on a terminal that wants it, else not at all.

    `width` is that of the terminal, None where lines may be as long as they are. `whole`: every resource by itself,
    nothing folded or shortened.
    """

    colour: bool = False
    width: int | None = None
    whole: bool = False

    def __call__(self, meaning: str, text: str) -> str:
        """The text in the colour of that meaning (`good`, `change`, `bad`, `warn`, `quiet`, `strong`, `info`)."""
        return f"\x1b[{_CODES[meaning]}m{text}\x1b[0m" if self.colour and text else text
