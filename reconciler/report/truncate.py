"""Shorten long values to a line. The middle is removed, which matters least in a URL."""

from __future__ import annotations

ELLIPSIS = "…"
_LEAST = 24
"""Nothing is shortened below this length, to stay recognisable."""


def fit_pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Shorten both values to a line each; keep them whole if they would look the same."""
    short = shorten(before, max(_LEAST, room)), shorten(after, max(_LEAST, room))
    return (before, after) if before != after and short[0] == short[1] else short


def shorten(text: str, room: int) -> str:
    """Return at most `room` characters: the head, and a tail half as long."""
    if len(text) <= room:
        return text
    tail = (room - 1) // 3
    return text[: room - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
