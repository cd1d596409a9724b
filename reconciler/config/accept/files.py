"""Find the place of a declaration in the files of a configuration, and collect changes to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from yaml.error import YAMLError

from reconciler.config.accept.hooks import key_in, value_in
from reconciler.config.accept.request import CannotAccept
from reconciler.config.accept.table import EditedTable
from reconciler.config.confinement import is_inside, repository_root
from reconciler.config.load.merge import Merged
from reconciler.config.load.read_content import read_content
from reconciler.config.load.secret_references import REFERENCE
from reconciler.config.load.variables import SECTION
from reconciler.config.source.edit import Change, EditedText, Merge, Unsupported
from reconciler.config.source.nodes import Loc, Map, Mark, Node, Place, Seq, Spot
from reconciler.config.source.source_line import CSV, INCLUDED, has_suffix
from reconciler.config.source.text_tree import TextNode
from reconciler.config.source.write import Flow
from reconciler.model.position import Position

_START = Spot(0, 0)
_TWO_VALUES = "Two different live values would be written in one place."


class _Tree:
    """Changes below a path: of each segment a change, or a tree of its own; and further items."""

    def __init__(self) -> None:
        self.below: dict[str | int, Change | _Tree] = {}
        self.appended: list[Flow] = []

    def merge(self) -> Merge:
        """Return the tree as one change."""
        changes: dict[str | int, Change] = {}
        for segment, inner in self.below.items():
            changes[segment] = inner.merge() if isinstance(inner, _Tree) else inner
        return Merge(changes, tuple(self.appended))


class DeclaredEntry:
    """One entry: its file and path, its value with variables replaced, and its text."""

    def __init__(self, file: str, path: Loc, node: Node, text: TextNode) -> None:
        self.file = file
        self.path = path
        self.node = node
        self.text = text


class ConfigurationFiles:
    """The files of a configuration, and the changes to be made in them."""

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._paths = dict(zip(merged.files, merged.paths, strict=True))
        self._texts: dict[str, EditedText] = {}
        self._tables: dict[str, EditedTable] = {}
        self._rows: dict[tuple[str, str | int], int] = {}
        self._originals: dict[str, bytes] = {}
        self._changes: dict[str, _Tree] = {}

        # By the identity of a section, which `merged` keeps alive: a section has 100,000 numbers.
        self._indexes: dict[int, dict[tuple[int, int], Loc]] = {}

    @property
    def has_variables(self) -> bool:
        """Return whether the meaning of the files depends on values from outside."""
        return bool(self._merged.entries(SECTION))

    def find(self, section: str, position: Position) -> DeclaredEntry | None:
        """Return what is declared at a position of a section; None for another form."""
        mark = (position.line - 1, position.column - 1)
        for part in self._merged.parts.get(section, ()):
            if part.file != position.file:
                continue
            index = self._indexes.get(id(part.node))
            if index is None:
                index = self._indexes[id(part.node)] = _index_paths(part.node)
            path = index.get(mark)
            text = self._find_text(part.file, (section, *path), mark) if path is not None else None
            if path is not None and text is not None:
                whole = (section, *path)
                return DeclaredEntry(part.file, whole, _follow(part.node, path), text)
        return None

    def add(self, file: str, path: Loc, change: Change) -> None:
        """Add a change of the value at a path. Raises CannotAccept for two different ones."""
        tree = self._changes.setdefault(file, _Tree())
        steps = path if isinstance(change, Merge) else path[:-1]
        for segment in steps:
            inner = tree.below.setdefault(segment, _Tree())
            if not isinstance(inner, _Tree):
                raise CannotAccept(_TWO_VALUES)
            tree = inner

        if isinstance(change, Merge):
            tree.appended += [item for item in change.appended if item not in tree.appended]
            for name, inner_change in change.changes.items():
                self.add(file, (*path, name), inner_change)
        elif tree.below.setdefault(path[-1], change) != change:
            raise CannotAccept(_TWO_VALUES)

    def merge(self, entry: DeclaredEntry, changes: Mapping[str, Change]) -> None:
        """Add changes of the fields of an entry. Raises CannotAccept for two different ones."""
        for name, change in changes.items():
            self.add(entry.file, (*entry.path, name), change)

    def edit(self) -> dict[str, tuple[bytes, bytes]]:
        """Return the bytes before and after of each file that changes. Raises CannotAccept."""
        edited: dict[str, tuple[bytes, bytes]] = {}
        for file, tree in self._changes.items():
            try:
                after = self._edit_file(file, tree).encode("utf-8")
            except (Unsupported, UnicodeEncodeError) as error:
                reason = f"The layout of {file} has no place for the live value: {error}."
                raise CannotAccept(f"{reason} Write the value by hand.") from error
            edited[file] = (self._originals[file], after)
        return edited

    def _edit_file(self, file: str, tree: _Tree) -> str:
        """Return the new text of a file. Raises CannotAccept and Unsupported."""
        if file not in self._tables:
            text = self._load(file)
            text.change(text.root, text.root, tree.merge())
            return text.result()

        # A CSV file has numbers only: their changes are below the name of the section.
        table = self._tables[file]
        for section in tree.merge().changes.values():
            assert isinstance(section, Merge)
            for number, change in section.changes.items():
                table.change(self._rows[file, number], change)
        return table.result()

    def path(self, file: str) -> Path:
        """Return the path of a file that diagnostics name like this."""
        return self._paths[file]

    def _find_text(self, file: str, path: Loc, mark: tuple[int, int]) -> TextNode | None:
        """Return the text at a path if it begins at this place.

        Numbers of a group are entries of `numbers` that no file has at this path.
        """
        if has_suffix(self._paths[file], CSV):
            return self._find_row(file, path, mark)
        if self._paths[file].suffix not in INCLUDED:
            return None

        place = node = self._load(file).root
        for segment in path:
            if isinstance(segment, int):
                items = node.resolved.items or []
                place = node = items[segment]
                continue
            entry = node.find(segment)
            if entry is None:
                return None
            place, node = entry
        return node if (place.line, place.column) == mark else None

    def _find_row(self, file: str, path: Loc, mark: tuple[int, int]) -> TextNode:
        """Return the fields of the number in this row of a CSV file."""
        if file not in self._tables:
            data = self._read(file)
            self._tables[file] = EditedTable(data.decode("utf-8"), file)
            self._originals[file] = data
        line = mark[0]
        self._rows[file, path[-1]] = line
        return self._tables[file].row_text(line)

    def _read(self, file: str) -> bytes:
        """Return the bytes of a file of the repository. Raises CannotAccept for another one."""
        # An entry file may be a link to anywhere; only files of the repository are rewritten.
        path = self._paths[file]
        if not is_inside(os.path.realpath(path), [repository_root(self._merged.base)]):
            raise CannotAccept(f"{file} leads out of the repository, and is not rewritten.")

        return read_content(path, included=True)

    def _load(self, file: str) -> EditedText:
        """Read a file, and its text as a tree."""
        if file in self._texts:
            return self._texts[file]

        path = self._paths[file]
        data = self._read(file)
        try:
            text = EditedText(data.decode("utf-8"), quotes_all=path.suffix == ".json")
        except (YAMLError, ValueError, RecursionError, AssertionError) as error:
            raise CannotAccept(f"{file} has a layout that cannot be rewritten.") from error
        self._originals[file] = data
        self._texts[file] = text
        return text


def check_variable(text: TextNode, node: Node, path: tuple[str, ...]) -> None:
    """Raise CannotAccept when a variable is in the value at this path, if there is one.

    `node` is the same value with its variables replaced. A text in place of a mapping is its short
    form, and counts as a whole.
    """
    for name in path:
        if text.resolved.entries is None:
            break
        found = text.find(key_in(node, name))
        if found is None:
            return
        text, node = found[1], value_in(node, name)

    for scalar in text.scalars():
        for reference in REFERENCE.finditer(scalar):
            if reference[0] != "$${":
                raise CannotAccept(
                    f"The declared value comes from the variable `{reference[0]}`, and the files "
                    "serve its other values as well. Change the value of the variable, or write the "
                    "live value in its place by hand."
                )


def _index_paths(node: Node) -> dict[tuple[int, int], Loc]:
    """Map the place of each key and item to its path; of two at one place, the outer one."""
    found: dict[tuple[int, int], Loc] = {}
    pending: list[tuple[Loc, Node]] = [((), node)]
    while pending:
        path, parent = pending.pop()
        for segment, place, child in _children(parent):
            found.setdefault((place.line, place.column), (*path, segment))
            if isinstance(child, Map | Seq):
                pending.append(((*path, segment), child))
    return found


def _children(node: Node) -> Iterator[tuple[str | int, Mark, Node]]:
    if isinstance(node, Map):
        for (key, child), place in zip(node.items(), node.marks[::2], strict=True):
            yield key, place, child
    elif isinstance(node, Seq):
        for index, (child, place) in enumerate(zip(node, node.marks, strict=True)):
            yield index, place, child


def _follow(node: Node, path: Loc) -> Node:
    place = Place("", node, _START, _START)
    for segment in path:
        below = place.child(segment)
        assert below is not None, "the path comes from the same tree"
        place = below
    return place.node
