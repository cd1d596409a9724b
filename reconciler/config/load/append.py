"""A configuration file's text and new numbers in, the text with these numbers at the end of `numbers` out; pure.

Comments, layout and everything else stay. What is not certain to mean the same with the new numbers is refused.
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
    """The file with these numbers declared as well; None is a file that does not exist yet.

    Raises ConfigInvalid for a file that cannot be read, or whose layout leaves no place for an entry; UsageError for a
    file that holds something else than a configuration.
    """
    if data is None or not data.strip():
        return "\n".join([f"{SECTION}:", *_rendered(entries, STEP)]) + "\n"

    before = parse_file(data, file)
    if before.diagnostics:
        raise ConfigInvalid(*before.diagnostics)
    unknown = [key for key in before.root if key not in SECTIONS]
    if unknown:
        raise UsageError(_no_configuration(file, str(unknown[0])))

    text = data.decode("utf-8")
    line_break = "\r\n" if "\r\n" in text else "\n"
    try:
        lines = _with_entries(read_layout(text.replace("\r\n", "\n")), entries)
    except YAMLError:
        lines = None
    if lines is None:
        raise ConfigInvalid(_refusal(file, f"`{SECTION}` is not written with one number a line."))

    after = line_break.join(lines).rstrip("\r\n") + line_break
    _check(before.root, after, file, entries)
    return after


def _check(root: object, after: str, file: str, entries: Sequence[Entry]) -> None:
    """Read the result back: everything that was declared is as before, and every new number is there."""
    document = parse_file(after.encode("utf-8"), file)
    if document.diagnostics or document.duplicates:
        raise ConfigInvalid(_refusal(file, "The result would not be valid."))
    declared = document.root.get(SECTION)
    found = dict(declared) if isinstance(declared, dict) else {}
    if any(entry.key not in found for entry in entries):
        raise ConfigInvalid(_refusal(file, "The new numbers would not be read back."))

    assert isinstance(root, dict)
    new = {entry.key for entry in entries}
    rest = {key: value for key, value in document.root.items() if key != SECTION}
    others = {key: value for key, value in found.items() if key not in new}
    if rest != {key: value for key, value in root.items() if key != SECTION} or others != (
        root.get(SECTION) or {}
    ):
        raise ConfigInvalid(_refusal(file, "It would not mean the same afterwards."))


def _with_entries(found: Layout, entries: Sequence[Entry]) -> list[str] | None:
    """The lines with the entries; None where the section's layout has no place for them."""
    if found.root.flow_style:
        return None
    lines = list(found.lines)
    for place, (key, value) in enumerate(found.root.value):
        if key.value != SECTION:
            continue
        if isinstance(value, MappingNode) and value.value and not value.flow_style:
            indent = value.value[0][0].start_mark.column
            at = _end_of_section(found, place)
            return [*lines[:at], *_rendered(entries, indent), *lines[at:]]
        if not _is_empty(value):
            return None
        at = key.start_mark.line
        lines[at] = _without_value(lines[at], key, value)
        return [*lines[: at + 1], *_rendered(entries, STEP), *lines[at + 1 :]]

    while lines and not lines[-1].strip():
        lines.pop()
    return [*lines, "", f"{SECTION}:", *_rendered(entries, STEP)]


def _end_of_section(found: Layout, place: int) -> int:
    """Behind the last line of a section's own; comments that follow it stay where they are."""
    sections = found.root.value
    first = sections[place][0].start_mark.line
    limit = (
        sections[place + 1][0].start_mark.line if place + 1 < len(sections) else len(found.lines)
    )
    return max(line for line in range(first, limit) if not found.is_free(line)) + 1


def _is_empty(value: Node) -> bool:
    if isinstance(value, MappingNode):
        return not value.value
    return isinstance(value, ScalarNode) and not value.style and value.value in ("", "~", "null")


def _without_value(line: str, key: Node, value: Node) -> str:
    """The line of a key whose value, `{}` or nothing, is taken out; a comment behind it stays."""
    if (
        value.start_mark.line != key.start_mark.line
        or value.start_mark.column == value.end_mark.column
    ):
        return line
    return (line[: value.start_mark.column].rstrip() + line[value.end_mark.column :]).rstrip()


def _rendered(entries: Sequence[Entry], indent: int) -> list[str]:
    return [line for entry in entries for line in render_entry(entry, " " * indent)]


def _refusal(file: str, reason: str) -> Diagnostic:
    detail = f"{reason} The file stays as it is. Add the numbers by hand, or name another file with --write and include it."
    return Diagnostic(
        code="not_appendable",
        summary="Numbers cannot be added to the file",
        detail=detail,
        file=file,
    )


def _no_configuration(file: str, key: str) -> Diagnostic:
    detail = f"{file} is no configuration: it holds `{key}`. Numbers are added to a configuration file or to a new one."
    return Diagnostic(
        code="not_a_configuration", summary="File is no configuration", detail=detail, file=file
    )
