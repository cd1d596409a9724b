"""Read the rows of a fleet: the name and the variables of each stack, from a CSV or a YAML file.

Values are never interpreted: they reach a configuration as strings that are inserted into parsed
strings, so no value can change the structure of a stack.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import PurePath

import msgspec

from reconciler.config.codes import diagnostic
from reconciler.config.sections.checks import describe_bad_name
from reconciler.config.source.csv_text import BOM
from reconciler.config.source.nodes import Map, Place, Spot
from reconciler.config.source.parse import parse_file
from reconciler.config.source.source_line import mask_secrets
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

NAME = "name"
MOST_ROWS = 100_000
"""Rows of one file; each becomes a stack of its own."""
LONGEST_VALUE = 1 << 16
"""Characters of one value."""

STACK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""The names of stacks: they occur in file names, reports and the names of projects."""

_START = Spot(0, 0)


class Row(msgspec.Struct, frozen=True):
    """One row: its name, its variables (the name is one of them), and its place."""

    name: str
    values: Mapping[str, str]
    position: Position


Report = Callable[[str, str, Position], None]
"""Records a problem: code, detail, place."""


def read_rows(data: bytes, file: str) -> tuple[list[Row], list[Diagnostic]]:
    """Return the rows of a file and all problems of its form; the ending decides the format."""
    problems: list[Diagnostic] = []

    def report(code: str, detail: str, at: Position) -> None:
        problems.append(diagnostic(code, detail, at))

    if PurePath(file).suffix.lower() == ".csv":
        rows = list(islice(_read_csv(data, file, report), MOST_ROWS + 1))
    else:
        rows = list(islice(_read_yaml(data, file, report, problems), MOST_ROWS + 1))
    return _keep_valid(rows, report), problems


def _read_csv(data: bytes, file: str, report: Report) -> Iterator[Row]:
    """Yield the rows of a CSV file; a quoted value may have several lines."""
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        detail = "Save it as UTF-8 (spreadsheets call it `CSV UTF-8`)."
        report("not_utf8", detail, Position(file, line, 1))
        return

    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            detail = f"The row cannot be read ({error}). A value with a quote, a comma or a line break needs quotes around it."
            report("csv_syntax", detail, Position(file, start, 1))
            return
        if cells is None:
            break

        at = Position(file, start, 1)
        start = reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = [cell.strip() for cell in cells]
            if not _check_columns(columns, at, report):
                return
            continue

        if len(cells) != len(columns):
            detail = (
                f"The row has {len(cells)} values, and the first row names {len(columns)} columns."
            )
            report("csv_syntax", detail, at)
            continue
        values = dict(zip(columns, cells, strict=True))
        yield Row(values[NAME], values, at)

    if columns is None:
        detail = "The first row names the columns, for example `name,host`."
        report("empty_file", detail, Position(file, 1, 1))


def _check_columns(columns: list[str], at: Position, report: Report) -> bool:
    """Report what is wrong with the names of the columns; return whether they can be used."""
    usable = True
    for index, column in enumerate(columns):
        if column in columns[:index]:
            detail = f"Column `{mask_secrets(column)}` is there twice. Remove one of the two."
            report("duplicate_key", detail, at)
            usable = False
        elif describe_bad_name(column) or column.startswith("$"):
            detail = (
                f"Column `{mask_secrets(column)}` cannot be the name of a variable: use letters, "
                "digits and `_`."
            )
            report("invalid_name", detail, at)
            usable = False

    if NAME not in columns:
        detail = "No column is called `name`, which names the stacks."
        report("missing_field", detail, at)
        usable = False
    return usable


def _read_yaml(data: bytes, file: str, report: Report, problems: list[Diagnostic]) -> Iterator[Row]:
    """Yield the rows of a YAML file: a mapping of names to the variables of each."""
    document = parse_file(data, file)
    problems += document.diagnostics
    for _, name, again in document.duplicates:
        detail = f"`{mask_secrets(name)}` is there twice. Keep one of the two."
        report("duplicate_key", detail, Position(file, again.line + 1, again.column + 1))

    root = Place(file, document.root, _START, _START)
    for name, place in root.entries().items():
        values = {NAME: name}
        if place.node is not None and not isinstance(place.node, Map):
            detail = "The values of a stack are a mapping: `acme: {host: agents.example.com}`."
            report("wrong_type", detail, place.at("value"))
            continue

        for variable, value in place.entries().items():
            if variable == NAME:
                report("duplicate_key", "The key is the name already.", value.at("key"))
            elif not isinstance(value.node, str):
                detail = (
                    f"The value of `{mask_secrets(variable)}` must be a text: put it in quotes."
                )
                report("wrong_type", detail, value.at("value"))
            elif describe_bad_name(variable):
                detail = f"`{mask_secrets(variable)}` cannot be the name of a variable."
                report("invalid_name", detail, value.at("key"))
            else:
                values[variable] = value.node
        yield Row(name, values, place.at("key"))


def _keep_valid(rows: list[Row], report: Report) -> list[Row]:
    """Return the rows with a usable name of their own; report the others."""
    first: dict[str, Position] = {}
    kept: list[Row] = []
    for row in rows[:MOST_ROWS]:
        if not STACK_NAME.fullmatch(row.name):
            detail = (
                "The name of a stack has letters, digits, `_`, `-` and `.`, at most 64, and begins "
                "with a letter, a digit or `_`."
            )
            report("invalid_name", detail, row.position)
        elif row.name in first:
            detail = (
                f"`{row.name}` is the name of the stack in line {first[row.name].line} already."
            )
            report("duplicate_key", detail, row.position)
        elif any(len(value) > LONGEST_VALUE for value in row.values.values()):
            detail = f"A value has at most {LONGEST_VALUE:,} characters."
            report("csv_limit", detail, row.position)
        else:
            first[row.name] = row.position
            kept.append(row)

    if len(rows) > MOST_ROWS:
        detail = f"A fleet has at most {MOST_ROWS:,} stacks. Split the file."
        report("csv_limit", detail, rows[MOST_ROWS].position)
    return kept
