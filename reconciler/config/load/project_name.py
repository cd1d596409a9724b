"""Guess the project name of a configuration that may be invalid.

A report of a failure needs the name. Files are searched, not parsed.
"""

from __future__ import annotations

import re
from pathlib import Path

_PROJECT = re.compile(r"""(?m)^[ \t]*["']?project["']?[ \t]*:[ \t]*["']?([a-z0-9][a-z0-9_.-]*)""")
_MOST = 1 << 16


def guess_project(entry: Path) -> str:
    """Return the project named in the entry file, else in a file beside it, else the folder's name."""
    folder = entry.parent
    beside = {*folder.glob("*.yaml"), *folder.glob("*.yml")} - {entry}

    for path in [entry, *sorted(beside)]:
        found = _PROJECT.search(_read_head(path))
        if found is not None:
            return found[1]
    return entry.resolve().parent.name


def _read_head(path: Path) -> str:
    try:
        # Opening a pipe would wait for its writer without end.
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return ""
