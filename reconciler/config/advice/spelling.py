"""Suggest the option that a misspelt word is most like, within limits that `reset_suggestions`
resets.

Bounded in time, however many words are misspelt.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

MOST_SUGGESTIONS = 100
"""Highest number of different words with a suggestion in a run: each word is compared with all
options.
"""
MOST_COMPARED = 30_000
"""Highest number of comparisons in a run."""
_LONGEST = 64
_suggestions: dict[tuple[str, int, str], str] = {}
_compared = 0


def nearest_option(word: str, options: Collection[str]) -> str:
    """Return the option that is most like the word; "" when none is, or when a limit of the run is
    reached.
    """
    global _compared
    if len(word) > _LONGEST or not options:
        return ""

    # Sets of options are recognised by their size and first element: to compare all takes as long
    # as to search.
    key = (word, len(options), next(iter(options)))
    known = _suggestions.get(key)
    if known is not None:
        return known

    if len(_suggestions) >= MOST_SUGGESTIONS or _compared + len(options) > MOST_COMPARED:
        return ""
    _compared += len(options)
    candidates = [option for option in options if len(option) <= _LONGEST]
    found = get_close_matches(word, candidates, n=1, cutoff=0.6)
    _suggestions[key] = found[0] if found else ""
    return _suggestions[key]


def reset_suggestions() -> None:
    """Reset the limits, for another configuration."""
    global _compared
    _suggestions.clear()
    _compared = 0
