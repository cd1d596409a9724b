"""Older state documents brought up to the present format, one step at a time; knows nothing of files or stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.state import problems

FORMAT = 2
"""The format that this version writes. Any change to what a document may hold, an added field too, raises it, unless
no released version has written this format yet."""
WITHOUT_DIGEST = (1,)
"""Formats that differ from the present one in nothing but the digest, which they lack; they are read as they are."""

Document = dict[str, Any]
Step = Callable[[Document], Document]
MIGRATIONS: Mapping[int, Step] = {1: lambda document: document}
"""Format → what turns a document of that format into one of the next. Format 1 is the first."""


def migrate(document: Document, origin: str, steps: Mapping[int, Step] = MIGRATIONS) -> Document:
    """The document in the present format; StateError when it is newer, or older than any step reaches."""
    found: int = document["format"]
    if found > FORMAT:
        raise problems.state_too_new(origin, found, FORMAT)
    for version in range(found, FORMAT):
        if version not in steps:
            raise problems.state_too_old(origin, found)
        document = steps[version](document) | {"format": version + 1}
    return document
