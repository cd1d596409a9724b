"""Read the entry file, with or without its includes, merge their sections, and hash the meaning;
each value keeps its file.

This module decides which keys may appear in several files; it does not interpret them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from reconciler.config.advice.spelling import reset_suggestions
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import (
    explain_outside_project,
    is_inside,
    repository_root,
)
from reconciler.config.lint.severity import find_ignore_comments
from reconciler.config.load.include_patterns import MOST_ENTRIES, TooManyFiles, find_files
from reconciler.config.load.meaning import digest_of_meaning
from reconciler.config.load.number_lists import expand_number_lists
from reconciler.config.load.read_content import read_content
from reconciler.config.load.secret_references import explain_unsafe_column, replace_row_values
from reconciler.config.load.variables import SECTION, Replace, substitute, unknown_variable
from reconciler.config.section_names import (
    HEADER_KEYS,
    LIST_SECTIONS,
    NUMBER_FILES,
    NUMBER_SECTIONS,
    duplicate_declaration,
)
from reconciler.config.source.nodes import Map, Mark, Place, Seq, Spot
from reconciler.config.source.parse import Document, parse_file
from reconciler.config.source.source_line import INCLUDED, has_suffix
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

_MAGIC = re.compile(r"[*?\[]")
_NO_ENTRY_FILE = (
    " `-C DIR` and `-f FILE` name another place; `reconciler init` starts a new project here."
)
_START = Spot(0, 0)
DEEPEST_INCLUDE = 50
"""The longest chain of files that include each other."""
MOST_FILES = 5_000


class Merged:
    """All files of a configuration.

    Variables are replaced by the values of `sources`; `incomplete_texts` are the places where that
    failed. `contents` are new contents of files by real path, read in place of the files. `paths`
    are the files that were read, or tried. `parts` maps each key at the top of any file to its
    value in each file that has it. `complete` is false when some file could not be read to its end:
    then a name that seems to be missing may be declared there. `ignored_rules` are the rules that
    comments switch off, by file and line.
    """

    sections: frozenset[str] | None = None
    """The keys at the top that are read; None for all."""

    def __init__(
        self,
        entry: Path,
        display_root: Path | None,
        sources: VariableSources = NO_SOURCES,
        contents: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.base = entry.parent
        self.entry = entry
        self._contents = contents
        self.files: list[str] = []
        self.paths: list[Path] = []
        self.parts: dict[str, list[Place]] = {}
        self.diagnostics: list[Diagnostic] = []
        self.complete = True
        self.ignored_rules: dict[tuple[str, int], frozenset[str]] = {}
        self._root = display_root
        self._project = repository_root(self.base)
        self._row = sources.row
        self._read: set[str] = set()
        self._has_references = False

        reset_suggestions()
        self._read_file(entry, ())
        self._check_duplicates()
        self.incomplete_texts = self._replace_variables(sources)

    @property
    def digest(self) -> str:
        """A hash of the meaning of all files: of their values, by section and key.

        Comments, quoting, the order of keys, and which file declares an entry, do not change it.
        """
        return digest_of_meaning(self.parts)

    def entries(self, section: str) -> dict[str, Place]:
        """Return the entries of a section by name; of two declarations of one name, the first."""
        found: dict[str, Place] = {}
        for part in self.parts.get(section, []):
            for name, place in part.entries().items():
                found.setdefault(name, place)
        return found

    def start(self) -> Position:
        """Return the start of the entry file: the position of a missing field."""
        return Position(self.files[0], 1, 1)

    def _read_file(
        self, path: Path, including: tuple[str, ...], by: Position | None = None
    ) -> None:
        """Read a file, which the files `including` include; `by` is the position of the include."""
        label = self.label(path)
        data = self.read_bytes(path, label, by)
        if data is None:
            return

        identity = os.path.realpath(path)
        self._read.add(identity)
        document = parse_file(data, label)
        self._has_references |= b"${" in data
        self.ignored_rules.update(find_ignore_comments(data, label))
        del data  # up to 100 MB, which the included files would otherwise add to
        self.complete &= document.complete
        self._add(document)

        for pattern in self._patterns(label, document.root):
            self._include(pattern, path.parent, (*including, identity))

    def read_bytes(self, path: Path, label: str, by: Position | None) -> bytes | None:
        """Return the content of a file that belongs to the configuration; None, with an error, for
        one that cannot be read.
        """
        if len(self.files) > MOST_FILES and by is not None:
            # Reported once: every further file would repeat it.
            if self.complete:
                self._report_limit(f"A configuration has at most {MOST_FILES:,} files.", by)
            return None

        self.paths.append(path)
        self.files.append(label)
        try:
            content = self._contents.get(os.path.realpath(path)) if self._contents else None
            return read_content(path, included=by is not None) if content is None else content
        except (OSError, ValueError) as error:
            self.complete = False
            reason = error.strerror if isinstance(error, OSError) else None
            cure = ""
            if by is None and isinstance(error, FileNotFoundError):
                cure = _entry_file_cure(path)
            detail = f"{label}: {reason or 'its name is not valid'}.{cure}"
            self._report("unreadable_file", detail, by or Position(label, 1, 1))
            return None

    def _add(self, document: Document) -> None:
        """Add the sections of a file, and report keys that it declares twice."""
        self.diagnostics += document.diagnostics
        root = Place(document.file, document.root, _START, _START)
        for key, place in root.entries().items():
            if key != "include":
                self.parts.setdefault(key, []).append(place)

        number_sections = [document.root.get(section) for section in NUMBER_SECTIONS]
        for node, name, again in document.duplicates:
            code = "duplicate_key"
            if any(node is section for section in number_sections):
                code = "number_already_imported"
            first = _position(document.file, node.mark(name, "key"))
            self._report_duplicate(code, name, first, _position(document.file, again))

    def _patterns(self, label: str, root: Map) -> Iterator[Place]:
        """Yield the patterns of `include`; report those that are no text."""
        include = Place(label, root, _START, _START).child("include")
        if include is None or include.node is None:
            return

        for item in include.items() if isinstance(include.node, Seq) else [include]:
            if isinstance(item.node, str) and item.node:
                pattern = self._fill_pattern(item.node, item.at("value"))
                if pattern is not None:
                    yield item._replace(node=pattern)
            else:
                detail = "`include` takes a file name or pattern, or a list of them."
                self._report("wrong_type", detail, item.at("value"))

    def _fill_pattern(self, pattern: str, at: Position) -> str | None:
        """Return a pattern of `include` with the columns of a fleet's row replaced."""
        try:
            return replace_row_values(pattern, self._row)
        except ValueError as error:
            self._report("variable_not_allowed", explain_unsafe_column(str(error)), at)
            return None

    def _include(self, item: Place, folder: Path, including: tuple[str, ...]) -> None:
        pattern, at = str(item.node), item.at("value")
        magic = _MAGIC.search(pattern)
        if magic is None:
            return self._include_file(folder / pattern, at, including)

        # Check the folder where the pattern starts before anything is listed there, and refuse `..`
        # behind it: a pattern must not list names outside the repository.
        start, rest = pattern[: magic.start()].rpartition("/")[:2], pattern[magic.start() :]
        if not self._contains_folder(folder / "".join(start)) or ".." in rest.split("/"):
            return self._report_outside(pattern, at)

        try:
            files = [folder / name for name in find_files(pattern, folder)]
        except TooManyFiles:
            reason = f"The pattern looks at more than {MOST_ENTRIES:,} names, or too deep."
            return self._report_limit(reason, at)
        except (OSError, ValueError):  # a name that no file can have
            files = []
        if not files:
            self._report("include_no_match", "No file matches this pattern.", at)

        for path in files:
            if not self.contains(path):
                self._report_outside(self.label(path), at)
            elif os.path.realpath(path) not in self._read:
                self._read_included(path, including, at)
        return None

    def _include_file(self, path: Path, at: Position, including: tuple[str, ...]) -> None:
        # First, so that the message does not reveal whether a file outside the repository exists.
        if not self.contains(path):
            return self._report_outside(self.label(path), at)

        try:
            identity, exists = os.path.realpath(path), path.exists()
        except (OSError, ValueError):
            identity, exists = "", False

        if not exists:
            self.complete = False
            self._report("include_not_found", f"There is no {self.label(path)}.", at)
        elif identity in including:
            detail = f"{self.label(path)} already includes this file. Remove one of the includes."
            self._report("include_cycle", detail, at)
        elif identity not in self._read:
            self._read_included(path, including, at)
        return None

    def contains(self, path: Path) -> bool:
        """Return whether this file, after following links, is below the root of the repository."""
        try:
            return is_inside(os.path.realpath(path), [self._project])
        except (OSError, ValueError):
            return True  # no file can have this name; reading it reports that

    def _contains_folder(self, path: Path) -> bool:
        """Return whether this folder is the root of the repository or below it."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return True
        return real == self._project or is_inside(real, [self._project])

    def _report_outside(self, name: str, at: Position) -> None:
        self.complete = False
        self._report("include_outside_project", explain_outside_project(name), at)

    def _report_limit(self, reason: str, at: Position) -> None:
        self.complete = False
        detail = f"{reason} Name the files, or the folder that holds them."
        self._report("include_limit", detail, at)

    def _read_included(self, path: Path, including: tuple[str, ...], at: Position) -> None:
        if len(including) > DEEPEST_INCLUDE:
            reason = f"Files include each other more than {DEEPEST_INCLUDE} times in a row."
            return self._report_limit(reason, at)
        if path.is_dir() or has_suffix(path, INCLUDED):  # reading a folder reports what it is
            return self._read_file(path, including, at)

        self.complete = False
        detail = f"{self.label(path)} must end in .yaml, .yml or .json, also where a link leads."
        self._report("include_not_yaml", detail, at)
        return None

    def _replace_variables(self, sources: VariableSources) -> frozenset[Position]:
        """Replace variables; return the places of texts that still have some. Raises UsageError."""
        if self.sections is not None:
            wanted = (*self.sections, SECTION)
            self.parts = {key: self.parts[key] for key in wanted if key in self.parts}
        values = [self._read_values(path) for path in sources.files]
        has_variables = (
            self._has_references or SECTION in self.parts or sources.given or sources.row or values
        )
        if not has_variables and NUMBER_FILES not in self.parts:
            expand_number_lists(self, _keep)
            return frozenset()

        def read_more(replace: Replace) -> None:
            expand_number_lists(self, replace)

        done = substitute(
            self.parts,
            self.files[0],
            sources,
            values,
            all_sections=self.sections is None,
            read_more=read_more,
        )
        self.diagnostics += done.problems
        if done.unknown and self.complete:
            raise unknown_variable(done.unknown[0], list(self.entries(SECTION)))
        return done.incomplete

    def _read_values(self, path: Path) -> Place:
        """Return the mapping of a file of values; an empty one, with an error, for anything else."""
        label = self.label(path)
        nothing = Place(label, Map(), _START, _START)
        try:
            document = parse_file(read_content(path, included=True), label)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            detail = (
                f"{label}: {reason or 'its name is not valid'}. `--var-file` names a YAML file."
            )
            self._report("unreadable_file", detail, Position(label, 1, 1))
            return nothing

        self.diagnostics += document.diagnostics
        for _, name, again in document.duplicates:
            detail = f"`{name}` has two values in this file. Keep one of the two."
            self._report("duplicate_key", detail, _position(label, again))
        return nothing._replace(node=document.root)

    def _check_duplicates(self) -> None:
        """Report what two files declare. `version` may be repeated; numbers are checked later."""
        for key, parts in self.parts.items():
            if key in ("version", *LIST_SECTIONS, *NUMBER_SECTIONS):
                continue

            if not all(isinstance(part.node, Map) for part in parts):
                for part in parts[1:]:
                    self._report_duplicate("duplicate_key", key, parts[0].at("key"), part.at("key"))
            elif len(parts) > 1:
                self._check_duplicate_entries(parts)

    def _check_duplicate_entries(self, parts: list[Place]) -> None:
        seen: dict[str, Position] = {}
        for part in parts:
            for name, place in part.entries().items():
                if name in seen:
                    self._report_duplicate("duplicate_key", name, seen[name], place.at("key"))
                else:
                    seen[name] = place.at("key")

    def _report_duplicate(self, code: str, name: str, first: Position, second: Position) -> None:
        self.diagnostics.append(duplicate_declaration(code, name, first, second))

    def _report(self, code: str, detail: str, at: Position) -> None:
        self.diagnostics.append(diagnostic(code, detail, at))

    def label(self, path: Path) -> str:
        """Return the name of a file in diagnostics."""
        if self._root is None:
            return os.path.normpath(path)
        relative = os.path.relpath(path, self._root)
        return os.path.abspath(path) if relative.split(os.sep)[0] == os.pardir else relative


class EntryFile(Merged):
    """The header in the entry file: nothing that the file includes is read."""

    sections = frozenset(HEADER_KEYS)

    def _include(self, item: Place, folder: Path, including: tuple[str, ...]) -> None:
        """Read nothing."""


def _keep(text: str, _place: Place) -> str:
    """Return a text as it is: there is nothing to replace."""
    return text


def _position(file: str, mark: Mark) -> Position:
    return Position(file, mark.line + 1, mark.column + 1)


def _entry_file_cure(path: Path) -> str:
    """Return what to do about a missing entry file; it may exist with the other ending."""
    other = path.with_suffix(".yml" if path.suffix == ".yaml" else ".yaml")
    if other != path and other.is_file():
        return f" There is a {other.name}: rename it, or name it with `-f {other.name}`."
    return _NO_ENTRY_FILE
