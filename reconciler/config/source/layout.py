"""Return the role of each line of a YAML text and the line whose indentation it follows, and indent
the whole text again by two spaces a level.

Uses the positions that the parser reports; lines end in \\n. Does not depend on the meaning of a
configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

STEP = 2
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DASHES = re.compile(r"(?:-[ ]+)*")
_FAR = 1_000_000


@dataclass
class Layout:
    """The role of each line, by its index.

    `starts`: lines that begin with a key or a dash, with the columns of what begins there, old and
    new. `follows`: lines that continue a value, with the line that it began on. All others are
    comments or empty.
    """

    lines: list[str]
    root: MappingNode
    starts: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    follows: dict[int, int] = field(default_factory=dict)

    def is_free(self, line: int) -> bool:
        """Return true when this line is a comment or empty."""
        return line not in self.starts and line not in self.follows


def parse_root(text: str) -> MappingNode:
    """Return the root of a text that is known to be a mapping."""
    root = yaml.compose(text, Loader=_LOADER)
    assert isinstance(root, MappingNode), "the reader has taken it for a mapping"
    return root


def read_layout(text: str) -> Layout:
    """Return the layout of a text."""
    root = parse_root(text)
    found = Layout(text.split("\n"), root)
    if root.flow_style:
        _go_along(found, root.start_mark.line, 0, root)
        found.follows[root.start_mark.line] = root.start_mark.line
    else:
        _mapping(found, root, 0)
    return found


def _mapping(out: Layout, node: MappingNode, indent: int) -> None:
    for key, value in node.value:
        out.starts.setdefault(key.start_mark.line, []).append((key.start_mark.column, indent))
        _value(out, key, value, indent)


def _value(out: Layout, key: Node, value: Node, indent: int) -> None:
    """Add the value of a key: a block collection is indented below it, any other value moves with
    it.
    """
    if isinstance(value, MappingNode) and _is_block(value) and not _is_alias(value, key):
        _mapping(out, value, indent + STEP)
    elif isinstance(value, SequenceNode) and _is_block(value) and not _is_alias(value, key):
        _sequence(out, value, indent + STEP)
    else:
        _go_along(out, key.start_mark.line, key.start_mark.column, value)


def _sequence(out: Layout, node: SequenceNode, indent: int) -> None:
    column = node.start_mark.column
    for item in node.value:
        line = _line_of_dash(out, item, column)
        out.starts.setdefault(line, []).append((column, indent))
        if isinstance(item, MappingNode) and _is_block(item):
            _mapping(out, item, indent + STEP)
        elif isinstance(item, SequenceNode) and _is_block(item):
            _sequence(out, item, indent + STEP)
        else:
            _go_along(out, line, column, item)


def _line_of_dash(out: Layout, item: Node, column: int) -> int:
    """An item may begin below its dash."""
    line: int = item.start_mark.line
    while out.lines[line][column : column + 1] != "-":
        line -= 1
        if line < 0:
            raise YAMLError("no dash where there should be one")
    return line


def _go_along(out: Layout, first: int, margin: int, value: Node) -> None:
    for line in range(first + 1, _last_line(out, margin, value) + 1):
        out.follows[line] = first


def _last_line(out: Layout, margin: int, value: Node) -> int:
    """Return the last line of a value below a key or a dash in the column `margin`."""
    if not isinstance(value, ScalarNode) or value.style not in ("|", ">"):
        end = value.end_mark
        return end.line if end.column > 0 else end.line - 1

    # The end of a block scalar lies behind the comments that follow it.
    last, line = value.start_mark.line, value.start_mark.line + 1
    while line < len(out.lines) and (
        not out.lines[line].strip() or count_indent(out.lines[line]) > margin
    ):
        last = line if out.lines[line].strip() else last
        line += 1
    return last


def count_indent(line: str) -> int:
    """Return the number of spaces at the start of a line."""
    return len(line) - len(line.lstrip(" "))


def _is_block(node: MappingNode | SequenceNode) -> bool:
    return not node.flow_style


def _is_alias(value: Node, key: Node) -> bool:
    """Return true for an alias: its value is in another place."""
    return bool(value.start_mark.index < key.start_mark.index)


def reindent(text: str) -> str:
    """Indent every level of a text by two spaces.

    Comments move with the lines that they belong to.
    """
    found = read_layout(text)
    lines = found.lines
    out = list(lines)

    # Keys and dashes first: all other lines follow their shift.
    shift: dict[int, int] = {}
    for line, columns in found.starts.items():
        out[line], shift[line] = _indent(lines[line], columns)
    for line, first in found.follows.items():
        out[line] = _shift(lines[line], shift.get(first, 0))
    for line, column in _comments(found):
        out[line] = " " * _comment_indent(found, line, column) + lines[line].strip()
    return "\n".join(out)


def _comments(found: Layout) -> Iterator[tuple[int, int]]:
    """Yield each comment line and its column, which is at most that of the comment above it."""
    least = _FAR
    for line, text in enumerate(found.lines):
        if not found.is_free(line):
            least = _FAR
        elif text.strip():
            least = min(least, count_indent(text))
            yield line, least


def _indent(line: str, columns: list[tuple[int, int]]) -> tuple[str, int]:
    """Indent a line that begins with a key or dashes; also return the shift of the last of them."""
    columns = sorted(set(columns))
    text = line[columns[-1][0] :]
    dash = _DASHES.match(text)
    for (old, _), (after, _) in zip(columns[-2::-1], columns[:0:-1], strict=True):
        if line[old] != "-" or line[old + 1 : after].strip():
            return line, 0  # a key behind a key on one line: only flow style has that
        text = f"- {text}"
    if dash and dash[0]:
        text = text.replace(dash[0], "- ", 1) if dash[0].count("-") == 1 else text
    moved = len(" " * columns[0][1] + text) - len(line)
    return " " * columns[0][1] + text, moved


def _shift(line: str, by: int) -> str:
    if not line.strip():
        return ""
    return " " * by + line if by >= 0 else line[min(-by, count_indent(line)) :]


def _comment_indent(found: Layout, line: int, column: int) -> int:
    """Return the indentation of a comment: that of the next entry, or of the entry above that it
    belongs to.
    """
    after = _next_start(found, line)
    old, new = found.starts[after][0] if after is not None else (-1, 0)
    if column <= old:
        return new

    for was, now in _open_before(found, line):
        if was <= column:
            return now if was > old else new
    return new


def _next_start(found: Layout, line: int) -> int | None:
    return next(
        (below for below in range(line + 1, len(found.lines)) if below in found.starts), None
    )


def _open_before(found: Layout, line: int) -> Iterator[tuple[int, int]]:
    """Yield the open levels above a line, the innermost first."""
    least = _FAR
    for above in range(line - 1, -1, -1):
        for old, new in sorted(set(found.starts.get(above, [])), reverse=True):
            if old < least:
                least = old
                yield old, new
        if least == 0:
            return
