"""Build the tree of values of one YAML file from the events of its parser.

Collects the problems of its form.

Anchors and aliases are supported up to a limit; merge keys (``<<``), tags and all values that YAML
1.1 and 1.2 read differently are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.config.codes import diagnostic
from reconciler.config.source.nodes import Int, Map, Mark, Node, Scalar, Seq, Spot
from reconciler.config.source.scalars import Ambiguous, resolve
from reconciler.config.source.syntax_errors import find_cure, find_error_place
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

DEEPEST = 64
MOST_ALIASED = 500_000
"""Highest number of values that all aliases of a file may expand to."""
_SCALAR: Any = ScalarEvent
_MAPPING: Any = MappingStartEvent
_MAPPING_END: Any = MappingEndEvent
_OPEN = object()
_TAB = re.compile(rb"^ *(?=\t[ \t]*[^ \t\r\n#])", re.MULTILINE)
_CONFLICT = re.compile(rb"^<{7} [^\n]*\n", re.MULTILINE)
"""The first line of a conflict that git has left in a file."""
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NO_TABS = "YAML is indented with spaces. Replace tabs by spaces."
_TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_TREE_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class Duplicate(NamedTuple):
    """A repeated key: the mapping, which has its first value, and the place of another."""

    node: Map
    key: str
    again: Mark


class Stop(Exception):
    """The rest of the file cannot be read; the problem is already recorded."""


class Builder:
    """Builder of nodes from events; collects problems."""

    def __init__(self, file: str) -> None:
        self.root = _empty()
        self.diagnostics: list[Diagnostic] = []
        self.duplicates: list[Duplicate] = []

        self._file = file
        self._get: Callable[[], Any]
        self._keys: dict[str, str] = {}
        self._plain: dict[str, Scalar] = {}
        self._anchors: dict[str, Any] = {}
        self._sizes: dict[int, tuple[int, Map | Seq]] = {}
        self._aliased = 0
        self._in_key = 0
        self._open: list[Map] = []

    def problem(self, code: str, detail: str, mark: Mark) -> None:
        """Record a problem."""
        self.diagnostics.append(
            diagnostic(code, detail, Position(self._file, mark.line + 1, mark.column + 1))
        )

    def tabs(self, data: bytes) -> None:
        """Record the first line that is indented with a tab."""
        found = _TAB.search(data) if b"\t" in data else None
        if found is not None:
            self.problem("tab_indentation", _NO_TABS, find_spot(data, found.end()))

    def syntax(self, error: MarkedYAMLError, data: bytes) -> None:
        """Record the error at which the parser stopped; a tab in that line is its cause."""
        problem = error.problem or ""
        mark = find_error_place(problem, error.problem_mark, error.context_mark) or Spot(0, 0)
        lines = [*_LINE_ENDS.split(data.decode("utf-8")), ""]
        line = lines[min(mark.line, len(lines) - 1)]
        if "\t" not in line[: mark.column + 1]:
            from reconciler.config.source.whitespace_errors import find_cause

            found = find_cause(lines, mark) or (
                "yaml_syntax",
                find_cure(problem, error.context or ""),
                mark,
            )
            spot = (found[0], found[2].line + 1, found[2].column + 1)
            if not any((d.code, d.line, d.column) == spot for d in self.diagnostics):
                self.problem(*found)
        elif not self.diagnostics or self.diagnostics[0].code != "tab_indentation":
            self.problem("tab_indentation", _NO_TABS, Spot(mark.line, line.index("\t")))

    def conflict_markers(self, data: bytes) -> None:
        """Report the first marker of an unfinished merge in place of the errors that it causes."""
        found = _CONFLICT.search(data)
        if found is not None:
            self.diagnostics.clear()
            detail = (
                "Git has left a conflict here: keep one of the two versions, and remove the lines "
                "that begin with `<<<<<<<`, `=======` and `>>>>>>>`."
            )
            self.problem("yaml_syntax", detail, find_spot(data, found.start()))

    def drop_unfinished(self) -> None:
        """Drop the section in which reading stopped: its last entry may be incomplete."""
        marks = self.root.marks
        if self._open or (self.root and marks[-1].line > marks[-2].line):
            self.root.popitem()
        del self.root.marks[2 * len(self.root) :]

    def build(self, get: Callable[[], Any]) -> None:
        """Read the one document of the stream into `root`."""
        self._get = get
        get()  # the start of the stream
        if type(get()) is StreamEndEvent:
            self._not_a_mapping(None, Spot(0, 0))

        event = get()
        if type(event) is MappingStartEvent:
            self._decoration(event, _TREE_TAGS)
            self._map(1, self.root, self._open)
        else:
            self._not_a_mapping(self._node(event, 1), event.start_mark)

        get()  # the end of the document
        event = get()
        mark = event.start_mark
        if type(event) is DocumentStartEvent:
            detail = (
                "Only the first one would count. Put each into a file of its own and `include` it."
            )
            self.problem("multiple_documents", detail, mark)

    def _not_a_mapping(self, node: Node, mark: Mark) -> NoReturn:
        if node is None:
            self.problem(
                "empty_file",
                "Write `version: 1` and `project: NAME`; a file that is included holds a section, such as `numbers`.",
                Spot(0, 0),
            )
        else:
            from reconciler.config.source.whitespace_errors import (
                describe_missing_space,
                find_tight_key,
            )

            text = node if isinstance(node, str) else ""
            detail = "A configuration file is a mapping: `version: 1`, `project: …` and so on."
            hint = (
                f" {describe_missing_space(find_tight_key(text), text)}"
                if find_tight_key(text)
                else ""
            )
            self.problem("wrong_type", detail + hint, mark)
        raise Stop

    def _map(self, depth: int, root: Map, open_maps: list[Map]) -> Map:
        """Fill `root` and the mappings in it from events up to its end; `open_maps` are those that
        have begun.

        Hot path: nearly all events of a file are handled here, half a million for 100,000 numbers.
        So mappings need no recursion, attributes are local variables, and plain values that were
        seen before need no function call.
        """
        get, keys, plain = self._get, self._keys, self._plain
        scalar, mapping, end = _SCALAR, _MAPPING, _MAPPING_END
        node, add, deepest = root, root.marks.append, DEEPEST - depth
        while True:
            event = get()
            if type(event) is scalar:
                # A key; quoted keys are text as they are.
                mark, key = event.start_mark, event.value
                if not event.style:
                    key = keys.get(key) or self._key(key, mark)
                if event.anchor or event.tag:
                    self._read_scalar(event)
                if key in node:
                    self.duplicates.append(Duplicate(node, key, mark))
                    self._node(get(), depth + 1)
                    continue

                # Its value.
                event = get()
                add(mark)
                add(event.start_mark)
                if type(event) is scalar and not event.anchor and not event.tag:
                    if event.style:
                        node[key] = event.value
                    else:
                        try:
                            node[key] = plain[event.value]
                        except KeyError:
                            node[key] = self._scalar(event.value, event.start_mark)
                elif type(event) is mapping and not event.anchor and not event.tag:
                    node[key] = child = Map()
                    open_maps.append(node)
                    if len(open_maps) > deepest:
                        self._too_deep()
                    child.marks = []
                    node, add = child, child.marks.append
                else:
                    node[key] = self._node(event, depth + len(open_maps) + 1)

            elif type(event) is end:
                if not open_maps:
                    return root
                node = open_maps.pop()
                add = node.marks.append
            else:
                self._complex_key(event, depth + len(open_maps))

    def _seq(self, depth: int, node: Seq) -> Seq:
        if depth > DEEPEST:
            self._too_deep()
        while True:
            event = self._get()
            if type(event) is SequenceEndEvent:
                return node
            node.append(self._node(event, depth + 1))
            node.marks.append(event.start_mark)

    def _node(self, event: Any, depth: int) -> Node:
        """Return the value that starts with this event, of any type."""
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event)
        if kind is ScalarEvent:
            return self._read_scalar(event)
        anchor = self._decoration(event, _TREE_TAGS)
        if anchor:
            self._anchors[anchor] = _OPEN
        # `_map` counts the mappings in its values, but not one that is a key of a key.
        if depth > DEEPEST:
            self._too_deep()
        node: Node
        if kind is MappingStartEvent:
            node = self._map(depth, _empty(), [])
        else:
            node = Seq()
            node.marks = []
            self._seq(depth, node)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _read_scalar(self, event: Any) -> Node:
        """Return a scalar that may have an anchor or a tag."""
        anchor = self._decoration(event, _TEXT_TAGS)
        quoted = event.style or event.tag
        value: Scalar = event.value if quoted else self._scalar(event.value, event.start_mark)
        if anchor:
            self._anchors[anchor] = value
        return value

    def _decoration(self, event: Any, allowed: frozenset[str | None]) -> str:
        if event.tag not in allowed:
            detail = (
                "Tags are not supported. Remove the word that starts with `!`, or put the value in "
                "quotes."
            )
            self.problem("custom_tag", detail, event.start_mark)
        return event.anchor or ""

    def _alias(self, event: Any) -> Node:
        missing = object()
        node = self._anchors.get(event.anchor, missing)
        if node is missing or node is _OPEN:
            detail = "An alias (`*name`) repeats what an anchor (`&name`) marked further up in the same file; "
            detail += (
                "this one refers to itself."
                if node is _OPEN
                else "there is no such anchor. Text is put in quotes."
            )
            self.problem("unknown_alias", detail, event.start_mark)
            return f"*{event.anchor}"
        self._aliased += self._size(node)
        if self._aliased > MOST_ALIASED:
            detail = f"All aliases up to here expand to more than {MOST_ALIASED:,} values. Write out what you need."
            self.problem("alias_explosion", detail, event.start_mark)
            raise Stop
        return node  # type: ignore[no-any-return]

    def _size(self, node: Any) -> int:
        """Return the number of values of a node after its aliases are expanded."""
        if not isinstance(node, Map | Seq):
            return 1
        known = self._sizes.get(id(node))
        if known is None:
            children = node.values() if isinstance(node, Map) else node
            known = self._sizes[id(node)] = (1 + sum(self._size(child) for child in children), node)
        return known[0]

    def _key(self, text: str, mark: Mark) -> str:
        """Check a plain key that was not seen before."""
        value = resolve(text)
        if isinstance(value, str) and text != "<<":
            self._keys[text] = text
            if not text[0].isascii():
                self._unicode_key(text, mark)

        elif text == "<<":
            detail = (
                "Not every YAML program knows `<<`. Repeat the keys, use `defaults`, or alias the "
                "whole mapping."
            )
            self.problem("merge_key", detail, mark)
        elif isinstance(value, Int):
            self.problem(
                "unquoted_number",
                f'To YAML `{text}` is a number. Put it in quotes: "{text}".',
                mark,
            )
        else:
            reason = f" {value.reason}" if isinstance(value, Ambiguous) else ""
            self.problem(
                "ambiguous_scalar",
                f'As a key, `{text}` is not text to YAML: write "{text}".{reason}',
                mark,
            )
        return text

    def _unicode_key(self, text: str, mark: Mark) -> None:
        from reconciler.config.source.invisible_characters import SPACES
        from reconciler.config.source.whitespace_errors import describe_unicode_space

        if re.match(f"[{SPACES}]", text):
            self.problem("unicode_space", describe_unicode_space(text[0], "before the key"), mark)

    def _scalar(self, text: str, mark: Mark) -> Scalar:
        """Return the value of a plain scalar that was not seen before."""
        value = resolve(text)
        if isinstance(value, Ambiguous):
            self.problem(
                "ambiguous_scalar", f"{value.reason} Put it in quotes if it is text.", mark
            )
            return text
        self._plain[text] = value
        return value

    def _complex_key(self, event: Any, depth: int) -> None:
        if not self._in_key:
            detail = "A list, a mapping or an alias cannot be a key here: write the key out as plain text."
            self.problem("complex_key", detail, event.start_mark)
        self._in_key += 1
        self._node(event, depth + 1)
        self._in_key -= 1
        self._node(self._get(), depth + 1)

    def _too_deep(self) -> NoReturn:
        detail = (
            f"More than {DEEPEST} levels: no configuration has that many. Is a bracket missing?"
        )
        mark = self._get().start_mark
        self.problem("too_deep", detail, mark)
        raise Stop


def _empty() -> Map:
    node = Map()
    node.marks = []
    return node


def find_spot(data: bytes, offset: int) -> Spot:
    """Return line and column of a byte offset."""
    start = data.rfind(b"\n", 0, offset) + 1
    return Spot(data.count(b"\n", 0, offset), len(data[start:offset].decode("utf-8", "replace")))
