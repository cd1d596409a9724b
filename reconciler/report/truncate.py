"""Shorten a value, or a pair of values that must still look different. The middle is removed, which
matters least in a URL.
"""

from __future__ import annotations

ELLIPSIS = "…"
_LEAST = 24
"""Nothing is shortened below this length, to stay recognisable."""


def fit_pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Shorten both values to a line each; keep them whole if they would look the same."""
    short = shorten(before, max(_LEAST, room)), shorten(after, max(_LEAST, room))
    return (before, after) if before != after and short[0] == short[1] else short


def shorten_pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Shorten both values to `room` characters; two different values never look the same."""
    short = shorten(before, room), shorten(after, room)
    if before == after or short[0] != short[1]:
        return short

    # They differ only in the middle, which was removed: show the beginning and the difference.
    same = 0
    while before[same : same + 1] == after[same : same + 1]:
        same += 1
    lead = before[: room // 3] + ELLIPSIS
    start = max(same - room // 6, len(lead))
    rest = room - len(lead)
    return lead + shorten(before[start:], rest), lead + shorten(after[start:], rest)


def shorten(text: str, room: int) -> str:
    """Return at most `room` characters: the head, and a tail half as long."""
    if len(text) <= room:
        return text
    tail = (room - 1) // 3
    return text[: room - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
