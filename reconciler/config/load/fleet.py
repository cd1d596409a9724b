"""Load a fleet file: return the stacks that it names, or raise all problems of the file and of its
rows. Reads no configuration of a stack, and sends nothing: the caller lists subaccounts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.config.advice.findings import find_place, place_findings
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import explain_outside_project, is_inside, repository_root
from reconciler.config.load.fleet_rows import Row, read_rows
from reconciler.config.load.fleet_subaccounts import make_rows
from reconciler.config.load.include_patterns import TooManyFiles, find_files
from reconciler.config.load.read_content import read_content
from reconciler.config.sections.fleet import FleetFile, ForEach
from reconciler.config.source.nodes import Place, Spot
from reconciler.config.source.parse import parse_file
from reconciler.config.validation.pydantic_errors import validate_entry
from reconciler.diagnostics import Diagnostic, has_errors, sort_by_place
from reconciler.errors import ConfigInvalid
from reconciler.model.position import Position
from reconciler.model.subaccount import Subaccount

DEFAULT_FLEET = "fleet.yaml"
MOST_STACKS = 100_000
_MAGIC = re.compile(r"[*?\[]")
_START = Spot(0, 0)


class Stack(msgspec.Struct, frozen=True):
    """One stack: its name, its entry file, and the values of its row.

    `row` is None for a stack that is not from `for_each`. `position` is where the fleet names it.
    """

    name: str
    directory: Path
    file: str
    position: Position
    row: Mapping[str, str] | None = None


class Fleet(msgspec.Struct, frozen=True):
    """The stacks of a fleet file, in its order, and how many of them run at the same time."""

    stacks: tuple[Stack, ...]
    parallel: int
    stop_after_failures: int | None
    warnings: tuple[Diagnostic, ...] = ()


ListSubaccounts = Callable[[Path, str, Position], Sequence[Subaccount]]
"""Lists the subaccounts of an account that an entry file declares; the fleet names it at a position.
Raises ConfigInvalid for problems of the entry file, and RemoteError.
"""


def _refuse_to_list(entry: Path, account: str, at: Position) -> Sequence[Subaccount]:
    detail = (
        "Subaccounts cannot be listed here: name a file with rows in place of `subaccounts_of`."
    )
    raise ConfigInvalid(diagnostic("unsupported_feature", detail, at))


def load_fleet(
    path: Path,
    display_root: Path | None = None,
    list_subaccounts: ListSubaccounts = _refuse_to_list,
) -> Fleet:
    """Load the fleet file at `path`.

    Raises ConfigInvalid with all problems, and what `list_subaccounts` raises. It is called once at
    most, and only for a file without errors.
    """
    return _Loader(path, display_root, list_subaccounts).load()


class _Loader:
    """The problems and the stacks of one fleet file."""

    def __init__(
        self, path: Path, display_root: Path | None, list_subaccounts: ListSubaccounts
    ) -> None:
        self._list_subaccounts = list_subaccounts
        self._path = path
        self._folder = path.parent
        self._display_root = display_root
        self._project = repository_root(path.parent)
        self._problems: list[Diagnostic] = []

    def load(self) -> Fleet:
        """Read the file and list its stacks."""
        root = self._read_file()
        value, findings = validate_entry(FleetFile.model_validate, FleetFile, root.node)
        self._problems += place_findings(findings, root)
        if value is None or has_errors(self._problems):
            raise ConfigInvalid(*sort_by_place(self._problems))

        fleet: FleetFile = value
        stacks = [*self._find_stacks(fleet, root), *self._read_for_each(fleet, root)]
        self._check_names(stacks)
        if not stacks and not has_errors(self._problems):
            self._report("empty_file", "The fleet has no stack.", root.at("value"))
        if has_errors(self._problems):
            raise ConfigInvalid(*sort_by_place(self._problems))
        return Fleet(
            tuple(stacks), fleet.parallel, fleet.stop_after_failures, tuple(self._problems)
        )

    def _read_file(self) -> Place:
        label = self._label(self._path)
        data = self._read(self._path, Position(label, 1, 1), is_entry=True)
        if data is None:
            raise ConfigInvalid(*self._problems)

        document = parse_file(data, label)
        self._problems += document.diagnostics
        for _, name, again in document.duplicates:
            at = Position(label, again.line + 1, again.column + 1)
            self._report("duplicate_key", f"`{name}` is there twice. Keep one of the two.", at)
        return Place(label, document.root, _START, _START)

    def _find_stacks(self, fleet: FleetFile, root: Place) -> Iterator[Stack]:
        """Yield the stacks whose entry files the patterns of `stacks` match."""
        seen: set[str] = set()
        for index, pattern in enumerate(fleet.stacks):
            at = find_place(root, ("stacks", index)).at("value")
            for name in self._match(pattern, at):
                entry = self._folder / name
                if not self._contains(entry, at):
                    continue
                identity = os.path.realpath(entry)
                if identity in seen:
                    continue
                seen.add(identity)
                yield Stack(_name_stack(name), entry.parent, entry.name, at)

    def _match(self, pattern: str, at: Position) -> list[str]:
        """Return the files that a pattern matches, relative to the folder of the fleet file."""
        if not _MAGIC.search(pattern):
            if not (self._folder / pattern).is_file():
                detail = f"There is no file `{pattern}`. `stacks` names entry files, not folders."
                self._report("include_not_found", detail, at)
                return []
            return [pattern]

        if ".." in pattern.split("/"):
            self._report("include_outside_project", explain_outside_project(pattern), at)
            return []
        try:
            files = find_files(pattern, self._folder)
        except TooManyFiles:
            detail = "The pattern looks at too many names, or too deep. Name the folders."
            self._report("include_limit", detail, at)
            return []
        if not files:
            self._report("include_no_match", "No file matches this pattern.", at)
        return files[:MOST_STACKS]

    def _read_for_each(self, fleet: FleetFile, root: Place) -> Iterator[Stack]:
        """Yield one stack for each row of `for_each`."""
        if fleet.for_each is None:
            return
        entry = self._folder / fleet.configuration
        where = find_place(root, ("configuration",)).at("value")
        if not self._contains(entry, where):
            return
        if not entry.is_file():
            detail = f"There is no file `{fleet.configuration}`, the configuration of each row."
            self._report("include_not_found", detail, where)
            return

        for row in self._read_rows(fleet.for_each, entry, root):
            yield Stack(row.name, entry.parent, entry.name, row.position, row.values)

    def _read_rows(self, for_each: ForEach, entry: Path, root: Place) -> list[Row]:
        """Return the rows of the file, or of the subaccounts."""
        problems: Sequence[Diagnostic]
        if for_each.file is not None:
            at = find_place(root, ("for_each", "file")).at("value")
            rows_file = self._folder / for_each.file
            data = self._read(rows_file, at) if self._contains(rows_file, at) else None
            if data is None:
                return []
            rows, problems = read_rows(data, self._label(rows_file))
        else:
            # Nothing is sent on behalf of a file with errors.
            if has_errors(self._problems):
                return []
            at = find_place(root, ("for_each", "subaccounts_of")).at("value")
            account = for_each.subaccounts_of or ""
            try:
                listed = self._list_subaccounts(entry, account, at)
                rows, problems = make_rows(listed, account, at)
            except ConfigInvalid as error:
                rows, problems = [], error.diagnostics
        self._problems += problems
        return rows

    def _check_names(self, stacks: list[Stack]) -> None:
        """Report two stacks with one name: reports could not tell them apart."""
        first: dict[str, Stack] = {}
        for stack in stacks:
            other = first.setdefault(stack.name, stack)
            if other is not stack:
                detail = (
                    f"Two stacks are called `{stack.name}`: the other one is named at "
                    f"{other.position.file}, line {other.position.line}."
                )
                self._report("duplicate_key", detail, stack.position)

    def _contains(self, path: Path, at: Position) -> bool:
        """Return whether a file is inside the repository; report one that is not."""
        try:
            inside = is_inside(os.path.realpath(path), [self._project])
        except (OSError, ValueError):
            inside = False
        if not inside:
            name = self._label(path)
            self._report("include_outside_project", explain_outside_project(name), at)
        return inside

    def _read(self, path: Path, at: Position, *, is_entry: bool = False) -> bytes | None:
        try:
            return read_content(path, included=not is_entry)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
            detail = f"{self._label(path)}: {reason}."
            self._report("unreadable_file", detail, at)
            return None

    def _report(self, code: str, detail: str, at: Position) -> None:
        self._problems.append(diagnostic(code, detail, at))

    def _label(self, path: Path) -> str:
        """Return the name of a file in diagnostics."""
        if self._display_root is None:
            return os.path.normpath(path)
        return os.path.relpath(path, self._display_root)


def _name_stack(entry: str) -> str:
    """Return the name of a stack: its folder, and its file where that has another name than usual."""
    folder, _, file = entry.rpartition("/")
    usual = file in ("reconciler.yaml", "reconciler.yml")
    return folder if folder and usual else entry
