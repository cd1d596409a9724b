"""Append new numbers to the text of a configuration file, at the end of `numbers`; pure.

Comments and layout stay. A file that might mean something else afterwards is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode

from reconciler.config.section_names import SECTIONS
from reconciler.config.source.layout import STEP, Layout, read_layout
from reconciler.config.source.parse import parse_file
from reconciler.config.source.write import Entry, render_entry
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, UsageError

SECTION = "numbers"


def append_numbers(data: bytes | None, file: str, entries: Sequence[Entry]) -> str:
    """Return the text of the file with these numbers added; `data` is None for a new file.

    Raises ConfigInvalid for a file that cannot be read, or whose layout has no place for an entry;
    UsageError for a file that is no configuration.
    """
    if data is None or not data.strip():
        return "\n".join([f"{SECTION}:", *_render(entries, STEP)]) + "\n"

    before = parse_file(data, file)
    if before.diagnostics:
        raise ConfigInvalid(*before.diagnostics)
    unknown = [key for key in before.root if key not in SECTIONS]
    if unknown:
        raise UsageError(_not_a_configuration(file, str(unknown[0])))

    text = data.decode("utf-8")
    line_break = "\r\n" if "\r\n" in text else "\n"
    try:
        lines = _insert_entries(read_layout(text.replace("\r\n", "\n")), entries)
    except YAMLError:
        lines = None
    if lines is None:
        raise ConfigInvalid(_refusal(file, f"`{SECTION}` is not written with one number a line."))

    after = line_break.join(lines).rstrip("\r\n") + line_break
    _check(before.root, after, file, entries)
    return after


def _check(root: object, after: str, file: str, entries: Sequence[Entry]) -> None:
    """Read the result back: old declarations are unchanged, and every new number is present."""
    document = parse_file(after.encode("utf-8"), file)
    if document.diagnostics or document.duplicates:
        raise ConfigInvalid(_refusal(file, "The result would not be valid."))

    declared = document.root.get(SECTION)
    found = dict(declared) if isinstance(declared, dict) else {}
    if any(entry.key not in found for entry in entries):
        raise ConfigInvalid(_refusal(file, "The new numbers would not be read back."))

    assert isinstance(root, dict)
    for entry in entries:
        found.pop(entry.key, None)
    if {**document.root, SECTION: found} != {**root, SECTION: root.get(SECTION) or {}}:
        raise ConfigInvalid(_refusal(file, "Its other content would mean something else."))


def _insert_entries(found: Layout, entries: Sequence[Entry]) -> list[str] | None:
    """Return the lines with the entries, or None when the layout has no place for them."""
    if found.root.flow_style:
        return None

    lines = list(found.lines)
    for place, (key, value) in enumerate(found.root.value):
        if key.value != SECTION:
            continue

        # A section with entries: add the new ones behind the last, with the same indent.
        if isinstance(value, MappingNode) and value.value and not value.flow_style:
            indent = value.value[0][0].start_mark.column
            at = _end_of_section(found, place)
            return [*lines[:at], *_render(entries, indent), *lines[at:]]
        if not _is_empty(value):
            return None

        # An empty section, `numbers:` or `numbers: {}`: add the first entries.
        at = key.start_mark.line
        lines[at] = _without_value(lines[at], key, value)
        return [*lines[: at + 1], *_render(entries, STEP), *lines[at + 1 :]]

    # No such section: add it at the end of the file.
    while lines and not lines[-1].strip():
        lines.pop()
    return [*lines, "", f"{SECTION}:", *_render(entries, STEP)]


def _end_of_section(found: Layout, place: int) -> int:
    """Return the line after the section's last own line; comments that follow it stay behind it."""
    sections = found.root.value
    first = sections[place][0].start_mark.line
    limit = len(found.lines)
    if place + 1 < len(sections):
        limit = sections[place + 1][0].start_mark.line

    while limit > first + 1 and found.is_free(limit - 1):
        limit -= 1
    return limit


def _is_empty(value: Node) -> bool:
    if isinstance(value, MappingNode):
        return not value.value
    return isinstance(value, ScalarNode) and not value.style and value.value in ("", "~", "null")


def _without_value(line: str, key: Node, value: Node) -> str:
    """Return the line of a key without its value, `{}` or nothing; a comment behind it stays."""
    if (
        value.start_mark.line != key.start_mark.line
        or value.start_mark.column == value.end_mark.column
    ):
        return line
    return (line[: value.start_mark.column].rstrip() + line[value.end_mark.column :]).rstrip()


def _render(entries: Sequence[Entry], indent: int) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        lines += render_entry(entry, " " * indent)
    return lines


def _refusal(file: str, reason: str) -> Diagnostic:
    detail = (
        f"{reason} The file is unchanged. Add the numbers by hand, or name another file with "
        "--write and include it."
    )
    return Diagnostic(
        code="not_appendable",
        summary="Numbers cannot be added to the file",
        detail=detail,
        file=file,
    )


def _not_a_configuration(file: str, key: str) -> Diagnostic:
    detail = (
        f"{file} is no configuration: it contains `{key}`. Numbers can be added to a configuration "
        "file or to a new file."
    )
    return Diagnostic(
        code="not_a_configuration", summary="Not a configuration file", detail=detail, file=file
    )
