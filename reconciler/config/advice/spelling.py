"""The word that is probably meant by a misspelt one; bounded in time, however many words are misspelt."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

MOST_SUGGESTIONS = 100
"""So many different words of a run get a suggestion: nobody reads more, and each is compared with all options."""
MOST_COMPARED = 30_000
"""So many comparisons are made in a run."""
_LONGEST = 64
_made: dict[tuple[str, int, str], str] = {}
_compared = 0


def nearest_option(word: str, options: Collection[str]) -> str:
    """The option that is most like the word; "" when none is, or when enough suggestions have been made."""
    global _compared
    if len(word) > _LONGEST or not options:
        return ""
    # Options are told apart by their number and the first of them: to compare all of them takes as long as to search.
    key = (word, len(options), next(iter(options)))
    known = _made.get(key)
    if known is not None:
        return known

    if len(_made) >= MOST_SUGGESTIONS or _compared + len(options) > MOST_COMPARED:
        return ""
    _compared += len(options)
    found = get_close_matches(
        word, [option for option in options if len(option) <= _LONGEST], n=1, cutoff=0.6
    )
    _made[key] = found[0] if found else ""
    return _made[key]


def reset_suggestions() -> None:
    """Allow as many suggestions again, for another configuration."""
    global _compared
    _made.clear()
    _compared = 0
