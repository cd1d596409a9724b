"""What is wrong with one entry, said relative to it; becomes a diagnostic once a place for the entry is known.

Entries that say the same share their findings, so that 100,000 numbers declared alike are looked at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from reconciler.config.advice.spelling import nearest_option
from reconciler.config.codes import diagnostic
from reconciler.config.formats import spellings
from reconciler.config.source.nodes import Loc, Place, Side
from reconciler.diagnostics import Diagnostic

_MOST_LISTED = 12


class Finding(NamedTuple):
    """A problem at `loc` within an entry, on the key or the value that stands there."""

    code: str
    detail: str
    loc: Loc = ()
    side: Side = "value"


def place_findings(
    findings: Iterable[Finding], entry: Place, address: str | None = None
) -> list[Diagnostic]:
    """The diagnostics of an entry that stands at this place."""
    return [
        diagnostic(f.code, f.detail, find_place(entry, f.loc).at(f.side), address) for f in findings
    ]


def find_place(entry: Place, loc: Loc) -> Place:
    """The value that `loc` leads to, however fields are spelled; segments that the file does not have are skipped."""
    place = entry
    for segment in loc:
        names = spellings(segment) if isinstance(segment, str) else (segment,)
        place = next(filter(None, map(place.child, names)), place)
    return place


def suggest_options(word: str, options: Collection[str]) -> str:
    """What else could be meant: the nearest option, else all of them when they are few; and what cannot be seen."""
    if not word.isascii():
        from reconciler.config.source.invisible_characters import describe_invisible

        return f"{_meant(word, options)}{describe_invisible(word)}"
    return _meant(word, options)


def _meant(word: str, options: Collection[str]) -> str:
    near = nearest_option(word, options)
    if near:
        return f" Did you mean `{near}`?"
    if not options or len(options) > _MOST_LISTED:
        return ""
    return " Known here: " + ", ".join(f"`{option}`" for option in sorted(options)) + "."
