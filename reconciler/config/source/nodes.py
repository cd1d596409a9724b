"""A parsed YAML file as values with positions: maps and lists that remember where each key and value stands.

Knows nothing of YAML's syntax or of what a configuration means.
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
    """An integer that remembers how it was written: ``+15551234567`` has lost its plus sign otherwise."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Float(float):
    """A decimal number that remembers how it was written."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Map(dict[str, "Node"]):
    """A mapping; `marks` holds the place of key, value, key, value … in the order of the file."""

    __slots__ = ("_index", "marks")
    marks: list[Mark]
    _index: dict[str, int]

    def mark(self, key: str, side: Side) -> Mark:
        """Where this key, or its value, stands."""
        try:
            index = self._index
        except AttributeError:
            index = self._index = {name: 2 * i for i, name in enumerate(self)}
        return self.marks[index[key] + (side == "value")]

    def entry(self, file: str, key: str) -> Place:
        """What stands under this key."""
        return Place(file, self[key], self.mark(key, "key"), self.mark(key, "value"))


class Seq(list["Node"]):
    """A list; `marks` holds the place of each item."""

    __slots__ = ("marks",)
    marks: list[Mark]


Scalar = str | int | float | bool | None
Node = Map | Seq | Scalar


class Place(NamedTuple):
    """A value, the file it is in, and where its key and it stand there."""

    file: str
    node: Node
    key: Mark
    value: Mark

    def at(self, side: Side) -> Position:
        """The position of the key or of the value, as people count."""
        mark = self.key if side == "key" else self.value
        return Position(self.file, mark.line + 1, mark.column + 1)

    def child(self, segment: str | int) -> Place | None:
        """The value under this key or index; None when there is none."""
        node = self.node
        if isinstance(node, Map) and isinstance(segment, str) and segment in node:
            return node.entry(self.file, segment)
        if isinstance(node, Seq) and isinstance(segment, int) and segment < len(node):
            mark = node.marks[segment]
            return Place(self.file, node[segment], mark, mark)
        return None

    def entries(self) -> dict[str, Place]:
        """What a mapping holds, by key; nothing for what is no mapping."""
        return (
            {key: self.node.entry(self.file, key) for key in self.node}
            if isinstance(self.node, Map)
            else {}
        )

    def items(self) -> list[Place]:
        """What a list holds; nothing for what is no list."""
        node = self.node
        marked = zip(node, node.marks, strict=True) if isinstance(node, Seq) else ()
        return [Place(self.file, item, mark, mark) for item, mark in marked]
