"""Parse the text of a YAML file to a tree that knows the characters of each value, so that single
values can be changed in place.

Does not depend on the meaning of a configuration, and reports no problems: the text has been read
without errors before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.config.source.parse import load_fastest_parser

_ALIAS: Any = AliasEvent
BLOCK_TEXTS = ("|", ">")
"""The styles of texts whose end depends on the lines below."""
_BLANKS = re.compile(r"(?:[ \t\r\n]|(?<=[ \t\r\n])#[^\r\n]*)*")
"""Spaces, line ends and comments."""


@dataclass(slots=True)
class TextNode:
    """One value in a text: the characters `start` to `end`, without its anchor.

    `line` and `column` count from 0 and include the anchor, as positions of diagnostics do. `style`
    is the style of a scalar, or `flow` or `block` of a mapping or a list. An alias has the
    `target` that it repeats.
    """

    start: int
    end: int
    line: int
    column: int
    style: str = ""
    value: str | None = None
    entries: list[tuple[TextNode, TextNode]] | None = None
    items: list[TextNode] | None = None
    target: TextNode | None = None
    is_tagged: bool = False

    @property
    def resolved(self) -> TextNode:
        """Return the value itself, also for an alias."""
        return self if self.target is None else self.target.resolved

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is written: a key without a value."""
        return self.value == "" and self.start == self.end and not self.style

    def find(self, key: str) -> tuple[TextNode, TextNode] | None:
        """Return the key and the value of an entry; None for another value or a missing key."""
        for name, value in self.resolved.entries or ():
            if name.value == key:
                return name, value
        return None

    def scalars(self) -> Iterator[str]:
        """Yield the texts of all scalars below, keys excepted; those of aliases too."""
        node = self.resolved
        if node.value is not None:
            yield node.value
        for _, value in node.entries or ():
            yield from value.scalars()
        for item in node.items or ():
            yield from item.scalars()


@dataclass(slots=True)
class _Reader:
    """Reader of one document; `anchors` maps each name to the last value that has it."""

    text: str
    events: Any
    anchors: dict[str, TextNode] = field(default_factory=dict)

    def read(self, event: Any) -> TextNode:
        """Return the value that starts with this event."""
        mark = event.start_mark
        if type(event) is _ALIAS:
            node = TextNode(mark.index, event.end_mark.index, mark.line, mark.column)
            node.target = self.anchors[event.anchor]
            return node

        start = self._after_anchor(mark.index, event.anchor)
        node = TextNode(start, event.end_mark.index, mark.line, mark.column)
        node.is_tagged = bool(event.tag)
        if type(event) is ScalarEvent:
            node.value, node.style = event.value, event.style or ""
        else:
            node.style = "flow" if event.flow_style else "block"
            node.end = self._fill(node, event)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _fill(self, node: TextNode, event: Any) -> int:
        """Add the entries or items of a mapping or list, and return where it ends."""
        is_mapping = type(event) is MappingStartEvent
        assert is_mapping or type(event) is SequenceStartEvent
        if is_mapping:
            node.entries = []
        else:
            node.items = []

        while True:
            event = self.events.get_event()
            if type(event) in (MappingEndEvent, SequenceEndEvent):
                return int(event.end_mark.index)
            child = self.read(event)
            if node.entries is not None:
                node.entries.append((child, self.read(self.events.get_event())))
            elif node.items is not None:
                node.items.append(child)

    def _after_anchor(self, start: int, anchor: str | None) -> int:
        """Return where a value begins behind its anchor, and behind a comment on the anchor."""
        if not anchor:
            return start
        found = _BLANKS.match(self.text, start + len(anchor) + 1)
        return found.end() if found is not None else start


def read_tree(text: str) -> TextNode:
    """Return the root of a text without a byte order mark that is known to be one mapping.

    Raises YAMLError or RecursionError for a text that is not.
    """
    parser = load_fastest_parser()(text.encode("utf-8"))
    reader = _Reader(text, parser)
    parser.get_event()  # the start of the stream
    parser.get_event()  # the start of the document
    return reader.read(parser.get_event())
