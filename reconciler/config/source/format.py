"""A YAML file's text in, the same configuration in one form out: quotes, indentation, order of numbers; pure.

Comments and the order of sections stay. Whatever is not sure to mean the same afterwards is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.config.formats import E164
from reconciler.config.section_names import NUMBER_SECTIONS, duplicate_declaration
from reconciler.config.source.layout import Layout, count_indent, parse_root, read_layout, reindent
from reconciler.config.source.parse import Document, parse_file
from reconciler.config.source.write import quote
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid
from reconciler.model.position import Position

_ODD_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
_CURED = frozenset({"unquoted_number"})
"""What quotes around a number's key mend."""
_BLOCK = re.compile(r"(?<!\S)([|>])([+0-9]*)(?!\S)")
"""How a text of several lines begins that does not say (`-`) that it has no line break at its end."""


class Formatted(NamedTuple):
    """One file as it is and as it ought to be."""

    file: str
    before: str
    after: str


def format_text(data: bytes, file: str) -> str:
    """A file's text in its tidy form. Raises ConfigInvalid when it cannot be read, or might not mean the same."""
    before = parse_file(data, file)
    problems = [*_uncured(before), *_duplicates(before)]
    if problems:
        raise ConfigInvalid(*problems)
    text = data.decode("utf-8").replace("\r\n", "\n")
    if _ODD_BREAKS.search(text):
        raise ConfigInvalid(
            _refusal(file, "It has line breaks that are not of this world's text editors.")
        )
    try:
        text = _plain_end(_sorted(reindent(_quoted(text))))
    except YAMLError:
        raise ConfigInvalid(
            _refusal(file, "Its layout is one that this command does not understand.")
        ) from None
    after = parse_file(text.encode("utf-8"), file)
    if after.root == before.root and not after.diagnostics:
        return text
    raise ConfigInvalid(_refusal(file, "It would not mean the same afterwards."))


def _uncured(document: Document) -> list[Diagnostic]:
    """What is wrong with the YAML, but for what quotes will mend."""
    return [d for d in document.diagnostics if d.code not in _CURED]


def _duplicates(document: Document) -> Iterator[Diagnostic]:
    for node, key, again in document.duplicates:
        first = node.mark(key, "key")
        one, two = (
            Position(document.file, mark.line + 1, mark.column + 1) for mark in (first, again)
        )
        yield duplicate_declaration("duplicate_key", key, one, two)


def _refusal(file: str, reason: str) -> Diagnostic:
    detail = f"{reason} The file stays as it is."
    return Diagnostic(
        code="not_formattable", summary="The file cannot be formatted", detail=detail, file=file
    )


def _quoted(text: str) -> str:
    """Numbers as keys in double quotes, and double quotes in the place of single ones.

    A text at the end of a file that has no line break there has none in its value: it says so, wherever it may move.
    """
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    changes: dict[int, tuple[int, str]] = {}
    unended = not text.endswith("\n")
    for node, is_number in _scalars(parse_root(text), ()):
        start, end = (starts[mark.line] + mark.column for mark in (node.start_mark, node.end_mark))
        raw = text[start:end]
        single = (
            node.style == "'"
            and "\n" not in raw
            and not re.search(r'["\\]|[^\x20-\x7e]', node.value)
        )
        if single or (is_number and raw == node.value):
            changes[start] = (end, quote(node.value))
        elif node.style in ("|", ">") and unended and not node.value.endswith("\n"):
            changes.update(_without_break(text, start))
    return _replaced(text, changes)


def _without_break(text: str, start: int) -> Iterator[tuple[int, tuple[int, str]]]:
    head = _BLOCK.search(text, start, text.find("\n", start) % (len(text) + 1))
    if head:
        yield head.start(), (head.end(), f"{head[1]}{head[2].replace('+', '')}-")


def _replaced(text: str, changes: dict[int, tuple[int, str]]) -> str:
    parts, last = [], 0
    for start in sorted(changes):
        end, new = changes[start]
        parts += [text[last:start], new]
        last = end
    return "".join([*parts, text[last:]])


def _scalars(node: Node, path: tuple[str, ...]) -> Iterator[tuple[ScalarNode, bool]]:
    """Every scalar, and whether it is the key of a number; what aliases stand for comes more than once."""
    if isinstance(node, ScalarNode):
        yield node, False
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item, (*path, ""))
    elif isinstance(node, MappingNode):
        in_numbers = len(path) == 1 and path[0] in NUMBER_SECTIONS
        for key, value in node.value:
            yield key, in_numbers and re.fullmatch(E164[1:-1], key.value) is not None
            yield from _scalars(value, (*path, key.value))


def _sorted(text: str) -> str:
    """Numbers in order, within the groups that empty lines make; each takes the comments right above it along."""
    for section in NUMBER_SECTIONS:
        if section not in text:
            continue
        found = read_layout(text)
        for key, value in found.root.value:
            block = isinstance(value, MappingNode) and not value.flow_style
            if key.value == section and block and not _repeats(found, value):
                text = "\n".join(_in_order(found, value))
    return text


def _repeats(found: Layout, section: MappingNode) -> bool:
    """Whether there are anchors or aliases in a section: what repeats another must stay below it."""
    lines = found.lines[section.start_mark.line : section.end_mark.line + 1]
    return re.search(r"[&*]\w", "\n".join(lines)) is not None


def _in_order(found: Layout, section: MappingNode) -> list[str]:
    keys = [(key.start_mark.line, key.value) for key, _ in section.value]
    if len({line for line, _ in keys}) < len(keys):
        return found.lines
    first = _lead(found, keys[0][0], 0)
    out, group, at = found.lines[:first], list[tuple[str, list[str]]](), first
    for place, (line, name) in enumerate(keys):
        last = keys[place + 1][0] if place + 1 < len(keys) else len(found.lines)
        end = _end(found, line, last)
        group.append((name, found.lines[at:end]))
        at = _lead(found, last, end) if place + 1 < len(keys) else end
        if at > end:  # an empty line, and comments that belong to nobody: the group ends here
            out += _flat(group) + found.lines[end:at]
            group = []
    return [*out, *_flat(group), *found.lines[at:]]


def _flat(group: list[tuple[str, list[str]]]) -> list[str]:
    return [line for _, lines in sorted(group, key=lambda entry: entry[0]) for line in lines]


def _lead(found: Layout, line: int, least: int) -> int:
    """The first of the comment lines that stand right above an entry, and no further in."""
    margin = count_indent(found.lines[line]) if line < len(found.lines) else 0
    while line > least and found.is_free(line - 1) and _is_comment(found, line - 1, margin):
        line -= 1
    return line


def _is_comment(found: Layout, line: int, most: int) -> bool:
    return bool(found.lines[line].strip()) and count_indent(found.lines[line]) <= most


def _end(found: Layout, line: int, limit: int) -> int:
    """Behind the last line of an entry's own."""
    last, margin = line, count_indent(found.lines[line])
    for below in range(line + 1, limit):
        columns = found.starts.get(below)
        if columns is not None and min(columns)[0] <= margin:
            break
        theirs = found.is_free(below) and (
            not found.lines[below].strip() or _is_comment(found, below, margin)
        )
        last = last if theirs else below
    return last + 1


def _plain_end(text: str) -> str:
    """No spaces at the ends of lines, no empty lines in a row, one line break at the end."""
    found = read_layout(text)
    kept: list[str] = []
    for number, line in enumerate(found.lines):
        inside = number in found.follows
        if line.strip() or inside or (kept and kept[-1].strip()):
            kept.append(line if inside else line.rstrip(" "))
    return "\n".join(kept).strip("\n") + "\n"
