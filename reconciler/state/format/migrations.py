"""Bring an older state document up to the present format, one step at a time; a newer or too old
format is an error. Opens no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.state import problems
from reconciler.state.format.former_names import rename_in_document

FORMAT = 3
"""The format that this version writes. Any change to what a document may hold, an added field too,
raises it, unless no released version has written this format yet.
"""
WITHOUT_DIGEST = (1,)
"""Formats whose documents have no digest."""

Document = dict[str, Any]
Step = Callable[[Document], Document]
MIGRATIONS: Mapping[int, Step] = {1: lambda document: document, 2: rename_in_document}
"""Map a format to the step to the next one: 2 added the digest, 3 renamed fields of entries."""


def migrate(document: Document, origin: str, steps: Mapping[int, Step] = MIGRATIONS) -> Document:
    """The document in the present format; StateError when it is newer, or older than any step
    reaches.
    """
    found: int = document["format"]
    if found > FORMAT:
        raise problems.state_too_new(origin, found, FORMAT)

    for version in range(found, FORMAT):
        if version not in steps:
            raise problems.state_too_old(origin, found)
        document = steps[version](document) | {"format": version + 1}
    return document
