"""Format the text of a YAML file: quotes, indentation, order of numbers; pure.

Comments and the order of sections stay. A file whose meaning could change is refused.
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
"""Problems that quotes around a number's key solve."""
_BLOCK = re.compile(r"(?<!\S)([|>])([+0-9]*)(?!\S)")
"""Header of a block text without `-`, which would strip the line break at its end."""


class Formatted(NamedTuple):
    """One file before and after formatting."""

    file: str
    before: str
    after: str


def format_text(data: bytes, file: str) -> str:
    """Return the formatted text of a file.

    Raises ConfigInvalid when it is invalid, or when its meaning would change.
    """
    before = parse_file(data, file)
    problems = [d for d in before.diagnostics if d.code not in _CURED]
    problems += _find_duplicates(before)
    if problems:
        raise ConfigInvalid(*problems)

    text = data.decode("utf-8").replace("\r\n", "\n")
    if _ODD_BREAKS.search(text):
        raise ConfigInvalid(
            not_formattable(file, "It has line breaks that text editors do not write.")
        )
    try:
        text = _trim_lines(_sort_numbers(reindent(_normalise_quotes(text))))
    except YAMLError:
        raise ConfigInvalid(
            not_formattable(file, "This command does not support its layout.")
        ) from None

    # The last defence: formatting must never change the configuration.
    after = parse_file(text.encode("utf-8"), file)
    if after.root == before.root and not after.diagnostics:
        return text
    raise ConfigInvalid(not_formattable(file, "Formatting would change its meaning."))


def _find_duplicates(document: Document) -> Iterator[Diagnostic]:
    for node, key, again in document.duplicates:
        first = node.mark(key, "key")
        one, two = (
            Position(document.file, mark.line + 1, mark.column + 1) for mark in (first, again)
        )
        yield duplicate_declaration("duplicate_key", key, one, two)


def not_formattable(file: str, reason: str) -> Diagnostic:
    """Return the diagnostic of a file that formatting leaves as it is."""
    detail = f"{reason} The file stays as it is."
    return Diagnostic(
        code="not_formattable", summary="The file cannot be formatted", detail=detail, file=file
    )


def _normalise_quotes(text: str) -> str:
    """Put keys of numbers in double quotes, and replace single quotes by double ones.

    A block text at the end of a file without a final line break has none in its value. It gets the
    header `-`, which keeps that value wherever the text moves.
    """
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    has_no_last_break = not text.endswith("\n")

    changes: dict[int, tuple[int, str]] = {}
    for node, is_number in _scalars(parse_root(text), ()):
        start = starts[node.start_mark.line] + node.start_mark.column
        end = starts[node.end_mark.line] + node.end_mark.column
        raw = text[start:end]

        # In double quotes, `"`, a backslash and special characters would need escapes: those stay
        # in single quotes.
        is_plain = "\n" not in raw and not re.search(r'["\\]|[^\x20-\x7e]', node.value)
        if (node.style == "'" and is_plain) or (is_number and raw == node.value):
            changes[start] = (end, quote(node.value))
        elif node.style in ("|", ">") and has_no_last_break and not node.value.endswith("\n"):
            changes.update(_strip_last_break(text, start))
    return _replace(text, changes)


def _strip_last_break(text: str, start: int) -> Iterator[tuple[int, tuple[int, str]]]:
    head = _BLOCK.search(text, start, text.find("\n", start) % (len(text) + 1))
    if head:
        yield head.start(), (head.end(), f"{head[1]}{head[2].replace('+', '')}-")


def _replace(text: str, changes: dict[int, tuple[int, str]]) -> str:
    parts, last = [], 0
    for start in sorted(changes):
        end, new = changes[start]
        parts += [text[last:start], new]
        last = end
    return "".join([*parts, text[last:]])


def _scalars(node: Node, path: tuple[str, ...]) -> Iterator[tuple[ScalarNode, bool]]:
    """Yield every scalar, with true for the key of a number.

    The targets of aliases come more than once.
    """
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


def _sort_numbers(text: str) -> str:
    """Sort the numbers within groups that empty lines separate.

    Comments above a number move with it.
    """
    for section in NUMBER_SECTIONS:
        if section not in text:
            continue

        # Read anew for each section: the lines of the first may have moved.
        found = read_layout(text)
        for key, value in found.root.value:
            is_block = isinstance(value, MappingNode) and not value.flow_style
            if key.value == section and is_block and not _has_aliases(found, value):
                text = "\n".join(_sort_lines(found, value))
    return text


def _has_aliases(found: Layout, section: MappingNode) -> bool:
    """Return true when a section has anchors or aliases: an alias must stay below its anchor."""
    lines = found.lines[section.start_mark.line : section.end_mark.line + 1]
    return re.search(r"[&*]\w", "\n".join(lines)) is not None


def _sort_lines(found: Layout, section: MappingNode) -> list[str]:
    keys = [(key.start_mark.line, key.value) for key, _ in section.value]
    if len({line for line, _ in keys}) < len(keys):
        return found.lines  # two numbers on one line cannot move apart

    at = _first_comment(found, keys[0][0], 0)
    lines = found.lines[:at]
    group: list[tuple[str, list[str]]] = []
    for place, (line, name) in enumerate(keys):
        is_last = place + 1 == len(keys)
        next_key = len(found.lines) if is_last else keys[place + 1][0]
        end = _end(found, line, next_key)
        group.append((name, found.lines[at:end]))

        # An empty line, or comments that belong to no number, end the group.
        at = end if is_last else _first_comment(found, next_key, end)
        if at > end:
            lines += _join(group) + found.lines[end:at]
            group = []
    return [*lines, *_join(group), *found.lines[at:]]


def _join(group: list[tuple[str, list[str]]]) -> list[str]:
    joined: list[str] = []
    for _, lines in sorted(group, key=lambda entry: entry[0]):
        joined += lines
    return joined


def _first_comment(found: Layout, line: int, least: int) -> int:
    """Return the first of the comment lines directly above an entry that are not indented further."""
    margin = count_indent(found.lines[line]) if line < len(found.lines) else 0
    while line > least and found.is_free(line - 1) and _is_comment(found, line - 1, margin):
        line -= 1
    return line


def _is_comment(found: Layout, line: int, most: int) -> bool:
    return bool(found.lines[line].strip()) and count_indent(found.lines[line]) <= most


def _end(found: Layout, line: int, limit: int) -> int:
    """Return the line after the last line of an entry."""
    last, margin = line, count_indent(found.lines[line])
    for below in range(line + 1, limit):
        columns = found.starts.get(below)
        if columns is not None and min(columns)[0] <= margin:
            break

        # Empty lines and comments at the margin belong to the next entry.
        is_empty = not found.lines[below].strip()
        if not found.is_free(below) or not (is_empty or _is_comment(found, below, margin)):
            last = below
    return last + 1


def _trim_lines(text: str) -> str:
    """Remove spaces at the ends of lines and repeated empty lines; end with one line break."""
    found = read_layout(text)
    lines: list[str] = []
    for number, line in enumerate(found.lines):
        # Within a value (a block text) spaces and empty lines are content.
        is_content = number in found.follows
        if line.strip() or is_content or (lines and lines[-1].strip()):
            lines.append(line if is_content else line.rstrip(" "))
    return "\n".join(lines).strip("\n") + "\n"
