"""A configuration that may be broken → the name of its project all the same, so that a report of failure finds its
place; reads no more than it must and judges nothing."""

from __future__ import annotations

import re
from pathlib import Path

_PROJECT = re.compile(r"""(?m)^[ \t]*["']?project["']?[ \t]*:[ \t]*["']?([a-z0-9][a-z0-9_.-]*)""")
_MOST = 1 << 16


def guess_project(entry: Path) -> str:
    """The project named in the entry file, else in a file beside it, else the name of the folder."""
    beside = sorted(
        path
        for pattern in ("*.yaml", "*.yml")
        for path in entry.parent.glob(pattern)
        if path != entry
    )
    for path in [entry, *beside]:
        found = _PROJECT.search(_beginning(path))
        if found is not None:
            return found[1]
    return entry.resolve().parent.name


def _beginning(path: Path) -> str:
    # A pipe would be waited for without end.
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST)
    except (OSError, ValueError):  # ValueError: no file can have this name
        return ""
