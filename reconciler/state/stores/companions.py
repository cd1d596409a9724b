"""Return the path of a local state, and recognise a path that is the state or its journal, lock,
backup or history, under any name or link.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

SUFFIXES = ("journal", "lock", "backup", "history", "new")
"""The suffixes of the state's name: `state.json.journal` and so on."""


def local_path(location: str, base: Path) -> Path | None:
    """Return the file of a state; None for a state behind a URL."""
    return None if "://" in location else base / Path(location).expanduser()


def is_state_file(path: Path, state: Path) -> bool:
    """Return whether the path is this state or one of its companions, under any name, link or
    spelling.
    """
    state = state.resolve()
    if is_same_file(path, state):
        return True
    for suffix in SUFFIXES:
        if is_same_file(path, state.with_name(f"{state.name}.{suffix}")):
            return True

    # The history is a folder: everything in it is a former version, also by a second name of a
    # version.
    history = state.with_name(f"{state.name}.history")
    target = path.resolve()
    if any(is_same_file(parent, history) for parent in target.parents):
        return True
    if not _has_second_name(target):
        return False
    return any(is_same_file(path, version) for version in _versions(history))


def is_same_file(path: Path, other: Path) -> bool:
    """Return whether both are one file: by path, by link, or on a file system that ignores case or
    Unicode form.
    """
    first, second = path.resolve(), other.resolve()
    if first == second:
        return True
    try:
        return first.samefile(second)
    except OSError:
        pass

    # At least one does not exist. They would be one file when the file system ignores the
    # difference, and no
    # file system can be asked about a name that does not exist: take the careful answer.
    if first.exists() or second.exists() or _fold_case(first.name) != _fold_case(second.name):
        return False
    try:
        return first.parent.samefile(second.parent)
    except OSError:
        return False


def _fold_case(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _has_second_name(path: Path) -> bool:
    try:
        return path.stat().st_nlink > 1
    except OSError:
        return False


def _versions(history: Path) -> list[Path]:
    try:
        return [history / name for name in os.listdir(history)]
    except OSError:
        return []
