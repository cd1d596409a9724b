"""Define `Finding`, a problem inside one configuration entry; find the place of a field, convert
findings to diagnostics, and word hints such as "Did you mean …".

Equal entries share their findings, so that 100,000 equal numbers are checked once.
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
    """A problem at `loc` within an entry, on the key or on the value."""

    code: str
    detail: str
    loc: Loc = ()
    side: Side = "value"


def place_findings(
    findings: Iterable[Finding], entry: Place, address: str | None = None
) -> list[Diagnostic]:
    """Return the diagnostics of an entry at this place."""
    return [
        diagnostic(f.code, f.detail, find_place(entry, f.loc).at(f.side), address) for f in findings
    ]


def find_place(entry: Place, loc: Loc) -> Place:
    """Return the value at `loc`, in any spelling of the fields.

    Segments that the file does not have are skipped.
    """
    # pydantic's locations contain tags of unions, which are not in the file.
    place = entry
    for segment in loc:
        names = spellings(segment) if isinstance(segment, str) else (segment,)
        place = next(filter(None, map(place.child, names)), place)
    return place


def suggest_options(word: str, options: Collection[str]) -> str:
    """Suggest the nearest option, or list all of them when they are few.

    Also name invisible characters.
    """
    if not word.isascii():
        from reconciler.config.source.invisible_characters import describe_invisible

        return f"{_suggest(word, options)}{describe_invisible(word)}"
    return _suggest(word, options)


def _suggest(word: str, options: Collection[str]) -> str:
    near = nearest_option(word, options)
    if near:
        return f" Did you mean `{near}`?"
    if not options or len(options) > _MOST_LISTED:
        return ""
    return " Known here: " + ", ".join(f"`{option}`" for option in sorted(options)) + "."
