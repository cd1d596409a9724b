"""Long values → values that fit a line: the middle of a URL is what a reader misses least; pure."""

from __future__ import annotations

ELLIPSIS = "…"
_LEAST = 24
"""Nothing is shortened below this: it would not be recognised any more."""


def fit_pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Both values, each shortened to its line; whole when they would look the same."""
    short = shorten(before, max(_LEAST, room)), shorten(after, max(_LEAST, room))
    return (before, after) if before != after and short[0] == short[1] else short


def shorten(text: str, room: int) -> str:
    """At most `room` characters: the head, and a tail half as long."""
    if len(text) <= room:
        return text
    tail = (room - 1) // 3
    return text[: room - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
