"""Turn `number_groups` and `numbers_from` into entries of `numbers`, each with the place that declares
it.

From here on a number is the same whatever its form: all checks, defaults and digests apply to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from reconciler.config.advice.findings import place_findings
from reconciler.config.codes import diagnostic
from reconciler.config.confinement import explain_outside_project
from reconciler.config.formats import E164
from reconciler.config.load.number_file import Replace, read_number_file
from reconciler.config.section_names import NUMBER_FILES, NUMBER_GROUPS, duplicate_declaration
from reconciler.config.sections.number import NumberFile
from reconciler.config.source.nodes import Float, Int, Map, Mark, Node, Place, Seq, Spot
from reconciler.config.source.source_line import CSV, has_suffix
from reconciler.config.validation.pydantic_errors import validate_entry
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

_NUMBERS = "numbers"
_START = Spot(0, 0)
_LIST_OF_NUMBERS = '`numbers` is a list of numbers: ["+15550100101", "+15550100102"].'


class Files(Protocol):
    """The files of a configuration, and what they declare."""

    files: list[str]
    paths: list[Path]
    parts: dict[str, list[Place]]
    diagnostics: list[Diagnostic]

    def read_bytes(self, path: Path, label: str, by: Position) -> bytes | None:
        """Return the content of a file that is named at `by`; None, with an error, if unreadable."""

    def contains(self, path: Path) -> bool:
        """Return whether the project contains this file, after following links."""

    def label(self, path: Path) -> str:
        """Return the name of a file in diagnostics."""


def expand_number_lists(files: Files, replace: Replace) -> None:
    """Add the numbers of all groups and CSV files to the parts of `numbers`."""
    numbers: list[Place] = []
    for item in _take_items(files, NUMBER_GROUPS):
        place = _expand_group(item, files.diagnostics)
        if place is not None:
            numbers.append(place)

    named: dict[str, Position] = {}
    for item in _take_items(files, NUMBER_FILES):
        value, findings = validate_entry(NumberFile.model_validate, NumberFile, item.node)
        files.diagnostics += place_findings(findings, item)
        name = item.child("file")
        if value is not None and name is not None:
            numbers += _read_file(files, name, named, replace)

    if numbers:
        files.parts.setdefault(_NUMBERS, []).extend(numbers)


def _take_items(files: Files, section: str) -> Iterator[Place]:
    """Remove the lists of a section, and yield their items; a section of another type stays."""
    others: list[Place] = []
    for part in files.parts.pop(section, []):
        if isinstance(part.node, Seq):
            yield from part.items()
        elif part.node is not None:
            others.append(part)
    if others:
        files.parts[section] = others


# --- groups


def _expand_group(group: Place, problems: list[Diagnostic]) -> Place | None:
    """Return the numbers of a group as a part of `numbers`; None, with an error, if it has none."""
    numbers = group.child(_NUMBERS)
    if not isinstance(group.node, Map):
        detail = 'A group is a mapping: `numbers: ["+15550100101"]`, and the fields of a number.'
        problems.append(diagnostic("wrong_type", detail, group.at("value")))
        return None
    if numbers is None or numbers.node is None:
        detail = f"A group has `numbers`. {_LIST_OF_NUMBERS}"
        problems.append(diagnostic("missing_field", detail, group.at("value")))
        return None
    if not isinstance(numbers.node, Seq) or not numbers.node:
        code = "invalid_value" if isinstance(numbers.node, Seq) else "wrong_type"
        detail = f"{_LIST_OF_NUMBERS} Remove a group that has none."
        problems.append(diagnostic(code, detail, numbers.at("value")))
        return None

    node, mark = _common_fields(group.node, numbers.value)
    section = Map()
    section.marks = []
    repeated: list[Place] = []
    for item in numbers.items():
        problem = _check_item(item)
        if problem is not None:
            problems.append(problem)
        elif item.node in section:
            repeated.append(item)
        else:
            section[str(item.node)] = node
            section.marks += (item.value, mark)

    for item in repeated:
        key = str(item.node)
        first = section.entry(group.file, key).at("key")
        problems.append(
            duplicate_declaration("number_already_imported", key, first, item.at("value"))
        )
    return Place(group.file, section, numbers.key, numbers.value)


def _common_fields(group: Map, mark: Mark) -> tuple[Node, Mark]:
    """Return the declaration that all numbers of a group have, and its place."""
    fields = Map()
    fields.marks = []
    for name, value in group.items():
        if name != _NUMBERS:
            fields[name] = value
            fields.marks += (group.mark(name, "key"), group.mark(name, "value"))

    # The short forms mean the same as in `numbers`, and have the same digest.
    if not fields:
        return None, mark
    if len(fields) == 1 and isinstance(fields.get("agent"), str):
        return fields["agent"], fields.mark("agent", "value")
    return fields, fields.marks[0]


def _check_item(item: Place) -> Diagnostic | None:
    """Return the problem of an item that cannot be a key of `numbers`."""
    node, at = item.node, item.at("value")
    if isinstance(node, Int | Float):
        # Explanations are imported only for a mistake.
        from reconciler.config.advice.phone_numbers import advise_on_phone

        is_phone = re.fullmatch(E164[1:-1], node.text) is not None
        cure = f'Put it in quotes: "{node.text}".' if is_phone else advise_on_phone(node.text)
        detail = f"To YAML `{node.text}` is a number. {cure}"
        return diagnostic("unquoted_number", detail, at)
    if not isinstance(node, str):
        return diagnostic("wrong_type", _LIST_OF_NUMBERS, at)
    return None


# --- CSV files


def _read_file(
    files: Files, name: Place, named: dict[str, Position], replace: Replace
) -> list[Place]:
    """Return the numbers of a CSV file as a part of `numbers`; none, with errors, if it has none."""
    at = name.at("value")
    folder = files.paths[files.files.index(name.file)].parent
    path = folder / str(name.node)
    label = files.label(path)

    # First, so that no message reveals whether a file outside the repository exists.
    if not files.contains(path):
        files.diagnostics.append(
            diagnostic("include_outside_project", explain_outside_project(str(name.node)), at)
        )
        return []

    problem = _check_path(path, label, named, at)
    data = None
    if problem is not None:
        files.diagnostics.append(problem)
    else:
        data = files.read_bytes(path, label, at)
    if data is None:
        return []

    numbers, problems = read_number_file(data, label, replace)
    files.diagnostics += problems
    return [Place(label, numbers, _START, _START)]


def _check_path(
    path: Path, label: str, named: dict[str, Position], at: Position
) -> Diagnostic | None:
    """Return the problem with a file of the project that `file` names."""
    try:
        identity, exists = os.path.realpath(path), path.exists()
    except (OSError, ValueError):  # a name that no file can have
        identity, exists = "", False
    if not exists:
        return diagnostic("include_not_found", f"There is no {label}.", at)
    if not has_suffix(path, CSV):
        return diagnostic(
            "include_not_csv", f"{label} must end in .csv, also where a link leads.", at
        )

    # Reading it again would only repeat each of its numbers.
    first = named.setdefault(identity, at)
    return duplicate_declaration("duplicate_key", label, first, at) if first != at else None
