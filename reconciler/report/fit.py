"""Long values → values that fit a line: the middle of a URL is what a reader misses least; pure."""

from __future__ import annotations

ELLIPSIS = "…"
_LEAST = 24
"""Nothing is shortened below this: it would not be recognised any more."""


def fitted(before: str, after: str, room: int | None) -> tuple[str, str]:
    """Both values, shortened to share the room; whole when it is None, or when they would look the same."""
    if room is None or len(before) + len(after) <= room:
        return before, after
    half = max(_LEAST, room // 2)
    spare_before, spare_after = max(0, half - len(before)), max(0, half - len(after))
    short = shortened(before, half + spare_after), shortened(after, half + spare_before)
    return (before, after) if before != after and short[0] == short[1] else short


def shortened(text: str, room: int) -> str:
    """At most `room` characters: the head, and a tail half as long."""
    if len(text) <= room:
        return text
    tail = (room - 1) // 3
    return text[: room - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
