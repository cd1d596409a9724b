"""Read the numbers of one CSV file as the mapping that `numbers` has; each cell keeps its place.

The first row names the columns: `number`, and any of `agent`, `trunk`, `account`, `friendly_name` and
`label:NAME`. Every other row is one number. An empty cell is a field that is not declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

from reconciler.config.advice.spelling import nearest_option
from reconciler.config.codes import diagnostic
from reconciler.config.section_names import duplicate_declaration
from reconciler.config.source.builder import find_spot
from reconciler.config.source.csv_text import (
    BOM,
    LONGEST_LINE,
    CellMark,
    CellMarks,
    CsvError,
    RowMarks,
    find_columns,
    find_unprintable,
    is_empty_row,
    split_cells,
    split_lines,
)
from reconciler.config.source.nodes import Map, Mark, Node, Place, Spot
from reconciler.config.source.source_line import mask_secrets
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

NUMBER = "number"
FIELDS = ("agent", "trunk", "account", "friendly_name")
LABEL = "label:"
MOST_ROWS = 2_000_000
"""Rows of one file; a million numbers are a large configuration."""

_COLUMNS = "Columns are `number`, `agent`, `trunk`, `account`, `friendly_name` and `label:NAME`."
_NUMBER_WORDS = frozenset({"phone_number", "phonenumber", "phone", "e164", "e.164"})
"""What other programs call the column of numbers."""

_NEEDS_CARE = re.compile(r'["\t]|, | ,|^ | $|\$\{', re.MULTILINE)
"""Finds what only the slow way of reading a row understands, in a row or in a whole file."""

Replace = Callable[[str, Place], str]
"""Replaces the variables in a text at a place."""


def read_number_file(data: bytes, file: str, replace: Replace) -> tuple[Map, list[Diagnostic]]:
    """Return the numbers of a file by key, as YAML would have them, and all problems of its form."""
    reader = _Reader(file, replace)
    try:
        text = data.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        detail = "Save it as UTF-8 (spreadsheets call it `CSV UTF-8`); from here on its bytes are something else."
        reader.report("not_utf8", detail, find_spot(data, error.start))
        return reader.numbers, reader.problems

    reader.read(text)
    return reader.numbers, reader.problems


class _Reader:
    """The numbers and the problems of one file."""

    def __init__(self, file: str, replace: Replace) -> None:
        self.numbers = Map()
        self.numbers.marks = []
        self.problems: list[Diagnostic] = []
        self._file = file
        self._replace = replace
        self._columns: list[str] = []

    def report(self, code: str, detail: str, mark: Mark) -> None:
        """Record a problem."""
        self.problems.append(diagnostic(code, detail, self._position(mark)))

    def read(self, text: str) -> None:
        """Read the header and, if it is right, all rows."""
        unprintable = find_unprintable(text)
        if unprintable is not None:
            self._report_unprintable(text, unprintable.start())
            return

        lines = split_lines(text)
        header = next((at for at, line in enumerate(lines) if not is_empty_row(line)), None)
        if header is None:
            detail = f"The first row names the columns, for example `number,agent`. {_COLUMNS}"
            self.report("empty_file", detail, Spot(0, 0))
        elif max(map(len, lines)) > LONGEST_LINE:
            longest = next(at for at, line in enumerate(lines) if len(line) > LONGEST_LINE)
            detail = f"A row has at most {LONGEST_LINE:,} characters."
            self.report("csv_limit", detail, Spot(longest, 0))
        elif len(lines) > MOST_ROWS:
            detail = f"A file has at most {MOST_ROWS:,} rows. Split it into several files."
            self.report("csv_limit", detail, Spot(MOST_ROWS, 0))
        elif self._read_header(header, lines[header]):
            careful = _NEEDS_CARE.search(text) is not None
            self._read_rows(header + 1, lines, careful=careful)

    def _report_unprintable(self, text: str, at: int) -> None:
        # Explanations are imported only for a mistake.
        from reconciler.config.source.invisible_characters import name_character

        character = text[at]
        above = text.count("\n", 0, at)
        mark = Spot(above, at - text.rfind("\n", 0, at) - 1)
        if character == "\r":
            detail = "A line ends in CR alone. Save the file with LF or CR LF."
        else:
            detail = f"It holds {name_character(character)}, which no text has; remove it."
        self.report("csv_syntax", detail, mark)

    def _read_header(self, line: int, text: str) -> bool:
        """Read the names of the columns; return whether the rows can be read."""
        names = self._split(line, text)
        if names is None:
            return False

        # `label: team` is the label `team`.
        cells: list[str] = []
        for name in names:
            kind, colon, label = name.partition(":")
            cells.append(f"{kind}{colon}{label.strip()}")
        before = len(self.problems)
        seen: set[str] = set()
        columns = find_columns(text)
        for index, name in enumerate(cells):
            problem = _explain_column(name, index, is_repeated=name in seen)
            seen.add(name)
            if problem is not None:
                self.report(*problem, Spot(line, columns[index]))
        if NUMBER not in cells and len(self.problems) == before:
            detail = f"No column is called `number`; the first row names the columns. {_COLUMNS}"
            self.report("missing_field", detail, Spot(line, 0))
        self._columns = cells
        return len(self.problems) == before

    def _read_rows(self, start: int, lines: Sequence[str], *, careful: bool) -> None:
        """Add the number of each row; `careful` unless no row of the file has a special form.

        This is a hot loop: it runs once per number.
        """
        columns, numbers = self._columns, self.numbers
        width, number_at = len(columns), columns.index(NUMBER)
        build = _EntryBuilder(columns, number_at).build
        rows: list[int] = []
        repeated: list[tuple[str, CellMark]] = []

        for line in range(start, len(lines)):
            # Fast path: a row of the right width whose cells are all plain.
            text = lines[line]
            cells = text.split(",")
            if (
                len(cells) != width
                or not cells[number_at]
                or (careful and _NEEDS_CARE.search(text))
            ):
                found = self._read_row(line, text)
                if found is None:
                    continue
                cells = found

            key = cells[number_at]
            if key in numbers:
                repeated.append((key, CellMark(line, text, number_at)))
            else:
                numbers[key] = build(cells, line, text)
                rows.append(line)

        # The places are computed when they are asked for; nothing changes them.
        numbers.marks = cast("list[Mark]", RowMarks(lines, rows, number_at))
        for key, mark in repeated:
            first, again = self._position(numbers.mark(key, "key")), self._position(mark)
            self.problems.append(
                duplicate_declaration("number_already_imported", key, first, again)
            )

    def _read_row(self, line: int, text: str) -> list[str] | None:
        """Return the cells of any row; None for one without a number, or with an error."""
        if is_empty_row(text):
            return None
        cells = self._split(line, text)
        if cells is None or not self._has_width(cells, line, text):
            return None
        if "${" in text:
            cells = self._replace_cells(cells, line, text)

        number_at = self._columns.index(NUMBER)
        if cells[number_at]:
            return cells
        self.report("missing_field", "This row has no number.", CellMark(line, text, number_at))
        return None

    def _has_width(self, cells: list[str], line: int, text: str) -> bool:
        width = len(self._columns)
        if len(cells) == width:
            return True
        detail = (
            f"This row has {len(cells)} cells, and the first row names {width} columns. A text with a "
            'comma needs quotes: "Sales, US".'
        )
        # The first cell too many, or the last one of a short row.
        self.report("csv_syntax", detail, CellMark(line, text, min(len(cells) - 1, width)))
        return False

    def _split(self, line: int, text: str) -> list[str] | None:
        """Return the cells of a line; None, with an error, for one that is not valid."""
        try:
            return split_cells(text)
        except CsvError as error:
            self.report("csv_syntax", error.detail, Spot(line, error.column))
            return None

    def _replace_cells(self, cells: list[str], line: int, text: str) -> list[str]:
        replaced: list[str] = []
        for index, cell in enumerate(cells):
            if "${" in cell:
                mark = CellMark(line, text, index)
                cell = self._replace(cell, Place(self._file, cell, mark, mark))
            replaced.append(cell)
        return replaced

    def _position(self, mark: Mark) -> Position:
        return Position(self._file, mark.line + 1, mark.column + 1)


class _EntryBuilder:
    """Builder of the declaration of a row, as YAML would have it."""

    def __init__(self, columns: Sequence[str], number_at: int) -> None:
        self._fields: list[tuple[int, str]] = []
        self._labels: list[tuple[int, str]] = []
        for index, name in enumerate(columns):
            if name.startswith(LABEL):
                self._labels.append((index, name.removeprefix(LABEL)))
            elif index != number_at:
                self._fields.append((index, name))

        # Fast path: most files have the columns `number` and `agent` only.
        is_short = not self._labels and [name for _, name in self._fields] == ["agent"]
        self._agent_at = self._fields[0][0] if is_short else None

    def build(self, cells: Sequence[str], line: int, text: str) -> Node:
        """Return the declaration of a row with these cells; an empty cell declares nothing."""
        if self._agent_at is not None:
            return cells[self._agent_at] or None
        given = [(index, name) for index, name in self._fields if cells[index]]
        labels = [(index, name) for index, name in self._labels if cells[index]]

        # An agent alone has the short form, as in YAML: it is also the one that is compared fastest.
        if not labels:
            if not given:
                return None
            if len(given) == 1 and given[0][1] == "agent":
                return cells[given[0][0]]

        entry = _map_cells(given, cells, line, text)
        if labels:
            below = _map_cells(labels, cells, line, text)
            entry["labels"] = below
            places = [index for index, _ in given]
            places.append(labels[0][0])
            entry.marks = cast("list[Mark]", CellMarks(line, text, places))
        return entry


def _map_cells(given: Sequence[tuple[int, str]], cells: Sequence[str], line: int, text: str) -> Map:
    """Return a mapping of these cells by name, with their places."""
    found = Map()
    for index, name in given:
        found[name] = cells[index]
    found.marks = cast("list[Mark]", CellMarks(line, text, [index for index, _ in given]))
    return found


def _explain_column(name: str, index: int, *, is_repeated: bool) -> tuple[str, str] | None:
    """Return the code and the detail of the problem with the name of a column, if there is one."""
    if is_repeated and name:
        return (
            "duplicate_key",
            f"Column `{mask_secrets(name)}` is already there. Remove one of the two.",
        )
    if name == NUMBER or name in FIELDS:
        return None
    if name.startswith(LABEL):
        if name != LABEL:
            return None
        return "missing_field", "The label has no name: write `label:team`."
    if not name:
        detail = (
            f"Column {index + 1} has no name. Name it, or remove it with its comma from every row."
        )
        return "missing_field", detail

    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if separator in name:
            detail = f"The columns seem to be separated by {word}: separate them by commas."
            return "csv_syntax", detail
    word = name.replace(" ", "_").replace("-", "_").lower()
    near = NUMBER if word in _NUMBER_WORDS else nearest_option(word, (NUMBER, *FIELDS))
    hint = f"Did you mean `{near}`?" if near else _COLUMNS
    return "unknown_key", f"There is no column `{mask_secrets(name)}`. {hint}"
