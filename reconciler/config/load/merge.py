"""The entry file and all that it includes in, its sections put together out; each value keeps its file.

Knows which keys may stand in several files, nothing of what they mean.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from reconciler.config.advice.spelling import reset_suggestions
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import is_inside, repository_root
from reconciler.config.lint.severity import find_ignore_comments
from reconciler.config.load.include_patterns import MOST_ENTRIES, TooManyFiles, find_files
from reconciler.config.section_names import LIST_SECTION, NUMBER_SECTIONS, duplicate_declaration
from reconciler.config.source.nodes import Map, Mark, Place, Seq, Spot
from reconciler.config.source.parse import Document, parse_file
from reconciler.config.source.source_line import INCLUDED, has_suffix
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

_MAGIC = re.compile(r"[*?\[]")
_NO_ENTRY_FILE = (
    " `-C DIR` and `-f FILE` name another place; `reconciler init` starts a new project here."
)
_START = Spot(0, 0)
DEEPEST_INCLUDE = 50
"""A chain of so many files that include each other."""
MOST_FILES = 5_000
LARGEST_FILE = 1 << 29
"""Bytes of a file; a million numbers need a fifth of it."""


class Merged:
    """All files of a configuration.

    `paths` are the files that were read, or tried.
    `parts` holds, for each key at the top of any file, its value in each file that has it. `complete` is false when
    some file could not be read to its end: then what seems to be missing may stand there.
    """

    def __init__(self, entry: Path, display_root: Path | None) -> None:
        self.base = entry.parent
        self.entry = entry
        self.files: list[str] = []
        self.paths: list[Path] = []
        self.parts: dict[str, list[Place]] = {}
        self.diagnostics: list[Diagnostic] = []
        self.complete = True
        self.ignored_rules: dict[tuple[str, int], frozenset[str]] = {}
        self._root = display_root
        self._project = repository_root(self.base)
        self._digest = hashlib.sha256()
        self._read: set[str] = set()
        reset_suggestions()
        self._file(entry, ())
        self._check_twice()

    @property
    def digest(self) -> str:
        """Changes when the content, the name or the order of any file changes."""
        return f"sha256:{self._digest.hexdigest()}"

    def entries(self, section: str) -> dict[str, Place]:
        """What a section declares, by name; of two declarations of one name, the first."""
        found: dict[str, Place] = {}
        for part in self.parts.get(section, []):
            for name, place in part.entries().items():
                found.setdefault(name, place)
        return found

    def start(self) -> Position:
        """Where the entry file starts: the place of what should be in it and is not."""
        return Position(self.files[0], 1, 1)

    def _file(self, path: Path, including: tuple[str, ...], by: Position | None = None) -> None:
        label = self._label(path)
        self.paths.append(path)
        try:
            data = read_content(path, included=by is not None)
        except (OSError, ValueError) as error:
            reason = (
                error.strerror if isinstance(error, OSError) else None
            ) or "its name is not valid"
            self.complete = False
            self.files.append(label)
            cure = _NO_ENTRY_FILE if by is None and isinstance(error, FileNotFoundError) else ""
            self._problem(
                "unreadable_file", f"{label}: {reason}.{cure}", by or Position(label, 1, 1)
            )
            return
        identity = os.path.realpath(path)
        self._read.add(identity)
        self.files.append(label)
        self._digest.update(f"{os.path.relpath(path, self.base)}\0{len(data)}\0".encode())
        self._digest.update(data)
        document = parse_file(data, label)
        self.ignored_rules.update(find_ignore_comments(data, label))
        del data
        self.complete &= document.complete
        self._take(document)
        for pattern in self._patterns(label, document.root):
            self._include(pattern, path.parent, (*including, identity))

    def _take(self, document: Document) -> None:
        self.diagnostics += document.diagnostics
        root = Place(document.file, document.root, _START, _START)
        for key, place in root.entries().items():
            if key != "include":
                self.parts.setdefault(key, []).append(place)
        numbers = [document.root.get(section) for section in NUMBER_SECTIONS]
        for node, name, again in document.duplicates:
            code = (
                "number_already_imported"
                if any(node is section for section in numbers)
                else "duplicate_key"
            )
            first, second = (
                _position(document.file, mark) for mark in (node.mark(name, "key"), again)
            )
            self._twice(code, name, first, second)

    def _patterns(self, label: str, root: Map) -> Iterator[Place]:
        include = Place(label, root, _START, _START).child("include")
        if include is None or include.node is None:
            return
        for item in include.items() if isinstance(include.node, Seq) else [include]:
            if isinstance(item.node, str) and item.node:
                yield item
            else:
                detail = "`include` takes a file name or pattern, or a list of them."
                self._problem("wrong_type", detail, item.at("value"))

    def _include(self, item: Place, folder: Path, including: tuple[str, ...]) -> None:
        pattern, at = str(item.node), item.at("value")
        magic = _MAGIC.search(pattern)
        if magic is None:
            return self._include_file(folder / pattern, at, including)
        # Look where the pattern begins before anything is listed there, and let it not climb out again.
        start, rest = pattern[: magic.start()].rpartition("/")[:2], pattern[magic.start() :]
        if not self._contains_folder(folder / "".join(start)) or ".." in rest.split("/"):
            return self._outside(pattern, at)
        try:
            files = [folder / name for name in find_files(pattern, folder)]
        except TooManyFiles:
            return self._too_much(
                f"The pattern looks at more than {MOST_ENTRIES:,} names, or too deep.", at
            )
        except (OSError, ValueError):  # such a name is no file's
            files = []
        if not files:
            self._problem("include_no_match", "No file matches this pattern.", at)
        for path in files:
            if not self._contains(path):
                self._outside(self._label(path), at)
            elif os.path.realpath(path) not in self._read:
                self._included(path, including, at)
        return None

    def _include_file(self, path: Path, at: Position, including: tuple[str, ...]) -> None:
        if not self._contains(path):  # first: whether a file exists elsewhere is not told either
            return self._outside(self._label(path), at)
        try:
            identity, exists = os.path.realpath(path), path.exists()
        except (OSError, ValueError):
            identity, exists = "", False
        if not exists:
            self.complete = False
            self._problem("include_not_found", f"There is no {self._label(path)}.", at)
        elif identity in including:
            detail = f"{self._label(path)} is what includes this file. Remove one of the two."
            self._problem("include_cycle", detail, at)
        elif identity not in self._read:
            self._included(path, including, at)
        return None

    def _contains(self, path: Path) -> bool:
        """Whether this file, after following links, is below the root of the repository."""
        try:
            return is_inside(os.path.realpath(path), [self._project])
        except (OSError, ValueError):
            return True  # no file can have this name: that is what will be said of it

    def _contains_folder(self, path: Path) -> bool:
        """Whether this folder is the root of the repository or below it."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return True
        return real == self._project or is_inside(real, [self._project])

    def _outside(self, name: str, at: Position) -> None:
        self.complete = False
        detail = (
            f"`{name}` leads out of the repository, or into `.git`. Files are included from below the nearest folder "
            "with `.git` (without one, the folder of the entry file), after following links. Move the file there, or "
            "start with an entry file further up."
        )
        self._problem("include_outside_project", detail, at)

    def _too_much(self, reason: str, at: Position) -> None:
        self.complete = False
        self._problem(
            "include_limit", f"{reason} Name the files, or the folder that holds them.", at
        )

    def _included(self, path: Path, including: tuple[str, ...], at: Position) -> None:
        if len(including) > DEEPEST_INCLUDE:
            return self._too_much(
                f"Files include each other more than {DEEPEST_INCLUDE} times in a row.", at
            )
        if len(self.files) > MOST_FILES:
            return (
                self._too_much(f"A configuration has at most {MOST_FILES:,} files.", at)
                if self.complete
                else None
            )
        if path.is_dir() or has_suffix(path, INCLUDED):
            return self._file(path, including, at)
        self.complete = False
        detail = f"{self._label(path)} must end in .yaml, .yml or .json, also where a link leads."
        self._problem("include_not_yaml", detail, at)
        return None

    def _check_twice(self) -> None:
        for key, parts in self.parts.items():
            if key in ("version", LIST_SECTION) or key in NUMBER_SECTIONS:
                continue
            if not all(isinstance(part.node, Map) for part in parts):
                for part in parts[1:]:
                    self._twice("duplicate_key", key, parts[0].at("key"), part.at("key"))
            elif len(parts) > 1:
                self._check_entries(parts)

    def _check_entries(self, parts: list[Place]) -> None:
        seen: dict[str, Position] = {}
        for part in parts:
            for name, place in part.entries().items():
                if name in seen:
                    self._twice("duplicate_key", name, seen[name], place.at("key"))
                else:
                    seen[name] = place.at("key")

    def _twice(self, code: str, name: str, first: Position, second: Position) -> None:
        self.diagnostics.append(duplicate_declaration(code, name, first, second))

    def _problem(self, code: str, detail: str, at: Position) -> None:
        self.diagnostics.append(diagnostic(code, detail, at))

    def _label(self, path: Path) -> str:
        """The name by which diagnostics call a file."""
        if self._root is None:
            return os.path.normpath(path)
        relative = os.path.relpath(path, self._root)
        return os.path.abspath(path) if relative.split(os.sep)[0] == os.pardir else relative


def read_content(path: Path, *, included: bool) -> bytes:
    """The bytes of a file. What is included must be a file: a pipe or a device may never end."""
    # Without waiting for whoever may write into a pipe that is included.
    waiting = 0 if not included else getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, os.O_RDONLY | waiting | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if included and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST_FILE:,} bytes")
    return data


def _position(file: str, mark: Mark) -> Position:
    return Position(file, mark.line + 1, mark.column + 1)
