"""Split the text of a CSV file into lines and cells, each with its place, and write cells.

One line is one row: a quoted cell ends on its line. Does not depend on what the columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, overload

from reconciler.config.source.nodes import Mark

_CELL = re.compile(r'[ \t]*(?:"([^"]*(?:""[^"]*)*)"[ \t]*|([^",]*))(?=,|\Z)')
"""A cell in quotes, where a doubled quote is a quote, or one without any; and the spaces around it."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]|\r(?!\n)")
"""The characters that YAML does not allow either, and a line end of its own kind."""
BLANKS = " \t"
BOM = "\ufeff"
LONGEST_LINE = 1 << 16
"""Characters of a row; a row with fifty labels has a few thousand."""


class CsvError(Exception):
    """A row that is not valid: what is wrong, and the column (from 0) where."""

    def __init__(self, detail: str, column: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.column = column


class CellMark(NamedTuple):
    """The place of a cell. The column is computed when it is asked for: most are never shown."""

    line: int
    text: str
    cell: int

    @property
    def column(self) -> int:
        """The column in which the cell begins."""
        if not self.cell and self.text[:1] not in BLANKS:
            return 0
        return find_columns(self.text)[self.cell]


class CellMarks(Sequence[Mark]):
    """The places of some cells of a row, each as key and as value."""

    __slots__ = ("_indexes", "_line", "_text")

    def __init__(self, line: int, text: str, indexes: Sequence[int]) -> None:
        self._line = line
        self._text = text
        self._indexes = indexes

    def __len__(self) -> int:
        return 2 * len(self._indexes)

    @overload
    def __getitem__(self, at: int) -> Mark: ...
    @overload
    def __getitem__(self, at: slice) -> list[Mark]: ...
    def __getitem__(self, at: int | slice) -> Mark | list[Mark]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        return CellMark(self._line, self._text, self._indexes[at // 2])


_KEYS = slice(None, None, 2)
"""`marks[::2]`: what the loop over all numbers asks for."""


class RowMarks(Sequence[Mark]):
    """The places of rows: as key the cell `index`, as value the first other cell that is not empty.

    100,000 rows need no object for each place: that is a third of the time to read them.
    """

    __slots__ = ("_index", "_lines", "_rows")

    def __init__(self, lines: Sequence[str], rows: Sequence[int], index: int) -> None:
        self._lines = lines
        self._rows = rows
        self._index = index

    def __len__(self) -> int:
        return 2 * len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Mark: ...
    @overload
    def __getitem__(self, at: slice) -> list[Mark]: ...
    def __getitem__(self, at: int | slice) -> Mark | list[Mark]:
        if isinstance(at, slice):
            if at == _KEYS:
                return [CellMark(row, self._lines[row], self._index) for row in self._rows]
            return [self[index] for index in range(*at.indices(len(self)))]

        line = self._rows[at // 2]
        text = self._lines[line]
        if at % 2:
            for index, cell in enumerate(split_cells(text)):
                if cell and index != self._index:
                    return CellMark(line, text, index)
        return CellMark(line, text, self._index)


def split_lines(text: str) -> list[str]:
    """Return the lines without their line ends, which are \\n or \\r\\n."""
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return lines


def is_empty_row(line: str) -> bool:
    """Return whether all cells of a line are empty: spreadsheets leave rows of commas at the end."""
    return not line.strip(f"{BLANKS},")


def find_unprintable(text: str) -> re.Match[str] | None:
    """Return the first character that has no place in a CSV file."""
    return _UNPRINTABLE.search(text)


def split_cells(text: str) -> list[str]:
    """Return the cells of one line. Raises CsvError.

    Spaces around a cell do not belong to it; those inside quotes do.
    """
    # Fast path: nearly all lines have no quotes. It takes a fifth of the time.
    if '"' not in text:
        cells = text.split(",")
        if " " in text or "\t" in text:
            cells = [cell.strip(BLANKS) for cell in cells]
        return cells

    cells = []
    for found in _match_cells(text):
        quoted = found[1]
        cells.append(found[2].rstrip(BLANKS) if quoted is None else quoted.replace('""', '"'))
    return cells


def find_columns(text: str) -> list[int]:
    """Return the column in which each cell of a line begins, its quote included."""
    columns: list[int] = []
    for found in _match_cells(text):
        columns.append(found.start(2) if found[1] is None else found.start(1) - 1)
    return columns


def find_cells(text: str) -> list[tuple[int, int]]:
    """Return the first and the last place of each cell of a line, without the spaces around it."""
    places: list[tuple[int, int]] = []
    for found in _match_cells(text):
        if found[1] is None:
            places.append((found.start(2), found.start(2) + len(found[2].rstrip(BLANKS))))
        else:
            places.append((found.start(1) - 1, found.end(1) + 1))
    return places


def _match_cells(text: str) -> list[re.Match[str]]:
    matches: list[re.Match[str]] = []
    at = 0
    while True:
        found = _CELL.match(text, at)
        if found is None:
            raise _explain_quote(text, at)
        matches.append(found)
        if found.end() == len(text):
            return matches
        at = found.end() + 1


def _explain_quote(text: str, start: int) -> CsvError:
    """Return the error of a cell with a quote in the wrong place."""
    cell = text[start:]
    quote = start + cell.index('"')
    if cell.lstrip(BLANKS)[0] != '"':
        detail = (
            'A `"` inside a cell: put the whole cell in quotes, and write each quote in it twice, '
            '"like ""this""".'
        )
    elif re.match(r'[^"]*(?:""[^"]*)*\Z', text[quote + 1 :]):
        detail = "This quote is not closed on its line. A cell cannot have more than one line."
    else:
        detail = (
            'Text behind the closing `"`: a quote inside a cell in quotes is written twice, "".'
        )
    return CsvError(detail, quote)


def write_cells(cells: list[str]) -> str:
    """Return the line of these cells, with quotes where they are needed to read the same again."""
    return ",".join([_write_cell(cell) for cell in cells])


def _write_cell(cell: str) -> str:
    if "," in cell or '"' in cell or cell != cell.strip(BLANKS):
        return '"' + cell.replace('"', '""') + '"'
    return cell
