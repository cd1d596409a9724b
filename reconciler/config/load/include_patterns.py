"""Find the files that a pattern of `include` matches, in bounded time whatever the folder holds.

As in a shell, `*`, `?` and `[…]` match within a name, `**` matches any number of folders, and none
of them matches a hidden name. `**` does not follow links to folders: a link to a folder above would
never end.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path

MOST_ENTRIES = 100_000
"""The largest number of names that one pattern may look at."""
_LONGEST = 1024
_DEEPEST = 100
"""The deepest nesting of folders; anything deeper is a loop or a trap."""
_MAGIC = re.compile(r"[*?\[]")
_ANY_FOLDERS = "**"


class TooManyFiles(Exception):
    """The pattern looks at more names, or at deeper folders, than a configuration has."""


def find_files(pattern: str, folder: Path) -> list[str]:
    """Return the files that match, relative to the folder, sorted. Raises TooManyFiles."""
    # `**/**` matches the same as `**`, and would be searched twice.
    segments: list[str] = []
    for segment in pattern.split("/"):
        if segment != _ANY_FOLDERS or segments[-1:] != [_ANY_FOLDERS]:
            segments.append(segment)

    if len(pattern) > _LONGEST or segments.count(_ANY_FOLDERS) > 4:
        raise TooManyFiles

    names = set(_Search(folder, segments).find("", 0))
    return sorted(name for name in names if (folder / name).is_file())


class _Search:
    """One search; counts the names that it looks at."""

    def __init__(self, folder: Path, segments: list[str]) -> None:
        self._folder = folder
        self._segments = segments
        self._patterns = [
            re.compile(translate(segment)) if _MAGIC.search(segment) else None
            for segment in segments
        ]
        self._looked_at = 0
        self._seen: set[tuple[str, int]] = set()

    def find(self, below: str, index: int) -> Iterator[str]:
        """Yield the names below a folder that the segments from `index` on match.

        Each pair of folder and segment is searched once: patterns with several `**` would otherwise
        take exponential time.
        """
        if (below, index) in self._seen:
            return
        self._seen.add((below, index))
        if below.count("/") > _DEEPEST:
            raise TooManyFiles
        segment, last = self._segments[index], index == len(self._segments) - 1

        if segment == _ANY_FOLDERS:
            if not last:
                yield from self.find(below, index + 1)
            for entry in self._entries(below):
                if last:
                    yield below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    yield from self.find(f"{below}{entry.name}/", index)
            return

        names = self._names(below, index)
        for name in names:
            if last:
                yield below + name
            else:
                yield from self.find(f"{below}{name}/", index + 1)

    def _names(self, below: str, index: int) -> Iterator[str]:
        pattern = self._patterns[index]
        if pattern is None:
            yield self._segments[index]
            return
        for entry in self._entries(below):
            if pattern.match(entry.name):
                yield entry.name

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        """The names in a folder that are not hidden; none when it cannot be read."""
        found: list[os.DirEntry[str]] = []
        try:
            with os.scandir(self._folder / below if below else self._folder) as entries:
                for entry in entries:
                    self._looked_at += 1
                    if self._looked_at > MOST_ENTRIES:
                        raise TooManyFiles
                    if not entry.name.startswith("."):
                        found.append(entry)
        except (OSError, ValueError):
            return []
        return found
