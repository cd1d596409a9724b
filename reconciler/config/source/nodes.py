"""Define the values of a parsed YAML file: maps and lists with the place of each key and value.

Does not depend on YAML's syntax or on the meaning of a configuration.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from reconciler.model.position import Position

Loc = tuple[str | int, ...]
"""A path into a value: keys and list indexes."""
Side = Literal["key", "value"]


class Mark(Protocol):
    """A place in a file; both count from 0."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column, in characters."""


class Spot(NamedTuple):
    """A `Mark` of our own making."""

    line: int
    column: int


class Int(int):
    """An integer with its text: without it, ``+15551234567`` would lose its plus sign."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Float(float):
    """A decimal number with its text."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Map(dict[str, "Node"]):
    """A mapping; `marks` holds the place of key, value, key, value … in the order of the file."""

    __slots__ = ("_index", "marks")
    marks: list[Mark]
    _index: dict[str, int]

    def mark(self, key: str, side: Side) -> Mark:
        """Return the place of this key, or of its value."""
        try:
            index = self._index
        except AttributeError:
            index = self._index = {name: 2 * i for i, name in enumerate(self)}
        return self.marks[index[key] + (side == "value")]

    def entry(self, file: str, key: str) -> Place:
        """Return the value of this key, with its places."""
        return Place(file, self[key], self.mark(key, "key"), self.mark(key, "value"))


class Seq(list["Node"]):
    """A list; `marks` holds the place of each item."""

    __slots__ = ("marks",)
    marks: list[Mark]


Scalar = str | int | float | bool | None
Node = Map | Seq | Scalar


class Place(NamedTuple):
    """A value, its file, and the places of its key and of itself."""

    file: str
    node: Node
    key: Mark
    value: Mark

    def at(self, side: Side) -> Position:
        """Return the position of the key or of the value, counted from 1."""
        mark = self.key if side == "key" else self.value
        return Position(self.file, mark.line + 1, mark.column + 1)

    def child(self, segment: str | int) -> Place | None:
        """Return the value of this key or index; None when there is none."""
        node = self.node
        if isinstance(node, Map) and isinstance(segment, str) and segment in node:
            return node.entry(self.file, segment)
        if isinstance(node, Seq) and isinstance(segment, int) and segment < len(node):
            mark = node.marks[segment]
            return Place(self.file, node[segment], mark, mark)
        return None

    def entries(self) -> dict[str, Place]:
        """Return the entries of a mapping by key; none for other values."""
        return (
            {key: self.node.entry(self.file, key) for key in self.node}
            if isinstance(self.node, Map)
            else {}
        )

    def items(self) -> list[Place]:
        """Return the items of a list; none for other values."""
        node = self.node
        marked = zip(node, node.marks, strict=True) if isinstance(node, Seq) else ()
        return [Place(self.file, item, mark, mark) for item, mark in marked]
