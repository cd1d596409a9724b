"""Change single values in the text of a YAML or JSON file: set, add and remove entries, append
items; every other character stays; pure.

| change       | meaning                                                        |
|--------------|----------------------------------------------------------------|
| a value      | the value becomes exactly this one                             |
| `Merge`      | these entries of a mapping, or items of a list, change; a list |
|              | gets further items                                             |
| `REMOVE`     | an entry of a mapping goes, with its key                       |

Does not depend on the meaning of a configuration. The caller reads the result back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from reconciler.config.source.scalars import resolve
from reconciler.config.source.text_tree import BLOCK_TEXTS, TextNode, read_tree
from reconciler.config.source.write import Flow, quote, render_flow

_BOM = "\ufeff"
_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\n]*(?=\n))*,")
"""The comma behind a value in a flow collection, and the blanks and comments before it."""
_LINE_END = re.compile(r"[ \t]*(?:(?<=[\s,])#[^\n]*|\r)?\n")
"""The rest of a line without any value."""


class Unsupported(Exception):
    """The text has no place for the change; the message says why."""


class Remove(msgspec.Struct, frozen=True):
    """The removal of an entry."""


REMOVE: Final = Remove()


class Merge(msgspec.Struct, frozen=True):
    """Changes of single entries of a mapping by key, or of single items of a list by index; and
    further items of a list.
    """

    changes: Mapping[str | int, Change]
    appended: tuple[Flow, ...] = ()


Change = Flow | Merge | Remove


class _Replacement(NamedTuple):
    start: int
    end: int
    text: str


class EditedText:
    """One text and the changes to it. `root` is its tree; `quotes_all` is true for JSON."""

    def __init__(self, text: str, *, quotes_all: bool = False) -> None:
        self._bom = _BOM if text.startswith(_BOM) else ""
        self._text = text.removeprefix(_BOM)
        self._quotes_all = quotes_all
        self._replacements: list[_Replacement] = []
        self.root = read_tree(self._text)

    def result(self) -> str:
        """Return the text with all changes."""
        pieces: list[str] = []
        end = 0
        # Of several at one place, the first that was asked for comes first.
        for each in sorted(self._replacements, key=lambda each: each[:2]):
            if each.start < end:
                raise Unsupported("two changes concern the same place")
            pieces += [self._text[end : each.start], each.text]
            end = each.end
        return "".join([self._bom, *pieces, self._text[end:]])

    def change(self, key: TextNode, node: TextNode, change: Change) -> None:
        """Change the value of a key. Raises Unsupported."""
        if node.is_tagged:
            raise Unsupported("the value has a tag")

        match change:
            case Remove():
                raise Unsupported("only an entry of a mapping can be removed")
            case Merge(changes=changes, appended=()):
                self._merge(key, node, changes)
            case Merge(changes=changes, appended=items):
                self._merge_items(node, changes)
                self._append(key, node, items)
            case Mapping() if node.entries is not None:
                self._make_equal(node, change)
            case _:
                self._replace(key, node, self._render(change))

    def _merge(self, key: TextNode, node: TextNode, changes: Mapping[str | int, Change]) -> None:
        """Change entries of a mapping, or items of a list."""
        # Only here, not at the anchor: other aliases would change as well.
        if node.target is not None:
            return self._replace(key, node, self._render(merge_data(to_data(node), changes)))

        if node.items is not None:
            return self._merge_items(node, changes)
        if node.entries is not None:
            return self._merge_entries(node, changes)
        if node.value in ("", "~", "null") and not node.style:
            return self._replace(key, node, self._render(merge_data({}, changes)))
        raise Unsupported("it is neither a mapping nor a list")

    def _merge_items(self, node: TextNode, changes: Mapping[str | int, Change]) -> None:
        """Change items of a list that is written out."""
        if changes and node.items is None:
            raise Unsupported("it is an alias, or no list")
        for index, change in changes.items():
            item = (node.items or [])[int(index)]
            self.change(item, item, change)

    def _merge_entries(self, node: TextNode, changes: Mapping[str | int, Change]) -> None:
        """Set, add and remove entries of a mapping that is written out."""
        removed: list[int] = []
        added: dict[str, Flow] = {}
        places = {name.value: place for place, (name, _) in enumerate(node.entries or ())}
        for name, change in changes.items():
            place = places.get(str(name))
            if isinstance(change, Remove):
                if place is not None:
                    removed.append(place)
            elif place is not None:
                self.change(*(node.entries or [])[place], change)
            else:
                added[str(name)] = _new_data(change)
        self._exchange(node, removed, added)

    def _make_equal(self, node: TextNode, wanted: Mapping[str, Flow]) -> None:
        """Make a mapping that is written out equal to `wanted`; equal entries stay as they are."""
        changes: dict[str | int, Change] = {}
        for name, value in node.entries or ():
            if name.value is not None and name.value not in wanted:
                changes[name.value] = REMOVE
            elif name.value is not None and to_data(value) != wanted[name.value]:
                changes[name.value] = wanted[name.value]
        for name_wanted, value_wanted in wanted.items():
            if node.find(name_wanted) is None:
                changes[name_wanted] = value_wanted
        self._merge_entries(node, changes)

    def _exchange(self, node: TextNode, removed: list[int], added: Mapping[str, Flow]) -> None:
        """Put new entries in the places of removed ones; add or remove the rest."""
        entries = node.entries or []
        new = [f"{self._render(name)}: {self._render(value)}" for name, value in added.items()]
        for place in sorted(removed):
            if new:
                name, value = entries[place]
                self._put(name.start, self._end(name, value), new.pop(0))
            else:
                self._remove(node, place, removed)
        if new:
            self._add(node, new)

    def _add(self, node: TextNode, new: Sequence[str]) -> None:
        """Add entries behind the last one of a mapping."""
        entries = node.entries or []
        if not entries:
            return self._fill_empty(node, f"{{{', '.join(new)}}}")

        name, value = entries[-1]
        if node.style == "flow":
            if value.is_empty:
                raise Unsupported("its last entry has no value")
            return self._put(value.end, value.end, "".join(f", {each}" for each in new))
        first = entries[0][0]
        return self._add_lines(self._end(name, value), first.column, new)

    def _append(self, key: TextNode, node: TextNode, items: Sequence[Flow]) -> None:
        """Add items behind the last one of a list."""
        if node.target is not None:
            known = to_data(node)
            if not isinstance(known, list):
                raise Unsupported("it is no list")
            return self._replace(key, node, self._render([*known, *items]))

        new = [self._render(item) for item in items]
        if not node.items:
            if node.items is None and (node.value not in ("", "~", "null") or node.style):
                raise Unsupported("it is no list")
            whole = f"[{', '.join(new)}]"
            if node.items is not None:
                return self._fill_empty(node, whole)
            return self._replace(key, node, whole)

        last = node.items[-1]
        if node.style == "flow":
            return self._put(last.end, last.end, "".join(f", {each}" for each in new))
        return self._add_lines(
            self._end(last, last), self._column(node.start), [f"- {each}" for each in new]
        )

    def _fill_empty(self, node: TextNode, whole: str) -> None:
        """Write a collection in the place of an empty one; a comment inside it stays."""
        if "#" in self._text[node.start : node.end]:
            return self._put(node.start + 1, node.start + 1, whole[1:-1])
        return self._put(node.start, node.end, whole)

    def _add_lines(self, end: int, column: int, new: Sequence[str]) -> None:
        """Add lines below the line on which a value ends, with the indent of its neighbours."""
        at = self._text.find("\n", end)
        at = len(self._text) if at < 0 else at
        line_break = "\r\n" if at == len(self._text) and "\r\n" in self._text else "\n"

        # A file may mix both kinds: the line above keeps its own, and the new one gets the same.
        if self._text[at - 1 : at] == "\r":
            at -= 1
            line_break = "\r\n"
        self._put(at, at, "".join(f"{line_break}{' ' * column}{each}" for each in new))

    def _remove(self, node: TextNode, place: int, removed: Sequence[int]) -> None:
        """Remove an entry of a mapping; one that other entries are left in."""
        entries = node.entries or []
        if len(removed) == len(entries):
            raise Unsupported("nothing would be left of it")

        name, value = entries[place]
        if node.style == "flow":
            return self._remove_from_flow(entries, place)

        # With its whole lines, and the comment behind it.
        start = self._text.rfind("\n", 0, name.start) + 1
        if self._text[start : name.start].strip():
            raise Unsupported("the entry begins behind a dash")
        end = self._text.find("\n", self._end(name, value))
        if end < 0:
            return self._put(max(start - 1, 0), len(self._text), "")
        return self._put(start, end + 1, "")

    def _remove_from_flow(self, entries: Sequence[tuple[TextNode, TextNode]], place: int) -> None:
        """Remove an entry and one comma; the comments of other entries stay."""
        name, value = entries[place]
        before = entries[place - 1][1] if place else None
        if value.is_empty or (before is not None and before.is_empty):
            raise Unsupported("an entry has no value")

        # On lines of its own it goes with these, and with the comment behind it.
        comma = _COMMA.match(self._text, value.end)
        behind = comma.end() if comma is not None else value.end
        start = self._text.rfind("\n", 0, name.start) + 1
        line_end = _LINE_END.match(self._text, behind)
        if line_end is not None and not self._text[start : name.start].strip():
            last_comma = _COMMA.match(self._text, before.end) if before is not None else None
            if comma is None and last_comma is not None:
                self._put(last_comma.end() - 1, last_comma.end(), "")
            return self._put(start, line_end.end(), "")

        # Among others on a line: with the comma before it; the first one with the comma behind it.
        first, last = (before.end, value.end) if before else (name.start, entries[1][0].start)
        beside = (first, name.start) if before else (value.end, last)
        if "#" in self._text[slice(*beside)]:
            raise Unsupported("a comment is beside an entry that has to go")
        return self._put(first, last, "")

    def _replace(self, key: TextNode, node: TextNode, text: str) -> None:
        """Replace a value that is written on its own: a scalar, an alias, or a flow collection."""
        if node.style in BLOCK_TEXTS or node.style == "block":
            raise Unsupported("it is written over several lines")
        if node.is_empty:
            colon = self._colon(key)
            return self._put(colon, colon, f" {text}")
        return self._put(node.start, node.end, text)

    def _end(self, name: TextNode, value: TextNode) -> int:
        """Return where the text of an entry ends."""
        if value.is_empty:
            return self._colon(name)
        if value.style == "block":
            if value.entries:
                return self._end(*value.entries[-1])
            last = (value.items or [value])[-1]
            return self._end(last, last) if last is not value else value.end
        if value.style in BLOCK_TEXTS:
            return value.start + len(self._text[value.start : value.end].rstrip())
        return value.end

    def _colon(self, name: TextNode) -> int:
        """Return where the colon behind a key ends."""
        at = self._text.find(":", name.end)
        if at < 0 or self._text[name.end : at].strip():
            raise Unsupported("its value is missing")
        return at + 1

    def _column(self, index: int) -> int:
        return index - (self._text.rfind("\n", 0, index) + 1)

    def _put(self, start: int, end: int, text: str) -> None:
        self._replacements.append(_Replacement(start, end, text))

    def _render(self, value: Flow) -> str:
        return _render_quoted(value) if self._quotes_all else render_flow(value)


def _render_quoted(value: Flow) -> str:
    """Return a value on one line with every text in quotes, as JSON has it."""
    match value:
        case str():
            return quote(value)
        case Mapping():
            return f"{{{', '.join(f'{quote(k)}: {_render_quoted(v)}' for k, v in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_render_quoted, value))}]"
        case _:
            return render_flow(value)


def to_data(node: TextNode) -> Flow:
    """Return the value that a text means, with its references to variables as they are written."""
    node = node.resolved
    if node.entries is not None:
        return {str(name.value): to_data(value) for name, value in node.entries}
    if node.items is not None:
        return [to_data(item) for item in node.items]

    text = node.value or ""
    if node.style or node.is_tagged:
        return text
    value = resolve(text)
    return text if isinstance(value, tuple) else value


def merge_data(known: Flow, changes: Mapping[Any, Change]) -> Flow:
    """Return a value with changes applied."""
    if not isinstance(known, Mapping):
        raise Unsupported("it is no mapping")

    merged: dict[str, Flow] = dict(known)
    for name, change in changes.items():
        if isinstance(change, Remove):
            merged.pop(str(name), None)
        elif isinstance(change, Merge):
            if change.appended:
                raise Unsupported("it is an alias")
            merged[str(name)] = merge_data(merged.get(str(name)) or {}, change.changes)
        else:
            merged[str(name)] = _new_data(change)
    return merged


def _new_data(change: Change) -> Flow:
    """Return the value that a change gives to a key that does not exist yet."""
    match change:
        case Remove():
            raise Unsupported("there is nothing to remove")
        case Merge(changes=changes, appended=()):
            return merge_data({}, changes)
        case Merge(appended=items):
            return list(items)
        case _:
            return change
