"""Change cells of a CSV file of numbers; every other character of the file stays.

A row declares fields that have a column: `agent`, `trunk`, `friendly_name`. What has no column
cannot be declared there.
"""

from __future__ import annotations

import json

from reconciler.config.accept.request import CannotAccept
from reconciler.config.load.number_file import LABEL, NUMBER
from reconciler.config.source.csv_text import (
    BOM,
    find_cells,
    find_unprintable,
    is_empty_row,
    split_cells,
    split_lines,
    write_cells,
)
from reconciler.config.source.edit import Change, EditedText, Merge, Remove
from reconciler.config.source.text_tree import TextNode


class EditedTable:
    """The text of one CSV file, and the changes of its cells."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._bom = BOM if text.startswith(BOM) else ""
        self._text = text.removeprefix(BOM)
        self._lines = split_lines(self._text)
        header = next(line for line in self._lines if not is_empty_row(line))
        self._columns = split_cells(header)

        # Cell → its new text; a cell is a line and an index, both from 0.
        self._cells: dict[tuple[int, int], str] = {}

    def row_text(self, line: int) -> TextNode:
        """Return the fields of a row as the text of a mapping, as a YAML file would declare them."""
        fields: dict[str, str] = {}
        for name, cell in zip(self._columns, split_cells(self._lines[line]), strict=True):
            if cell and name != NUMBER and not name.startswith(LABEL):
                fields[name] = cell
        return EditedText(json.dumps(fields, ensure_ascii=False)).root

    def change(self, line: int, change: Change) -> None:
        """Change the row of a number. Raises CannotAccept for what the row cannot declare."""
        if isinstance(change, str):  # the short form: the name of an agent
            fields: dict[str, Change] = {"agent": change}
        elif isinstance(change, Merge) and not change.appended:
            fields = {str(name): value for name, value in change.changes.items()}
        elif isinstance(change, dict):
            fields = dict(change)
        else:
            raise CannotAccept(f"A row of {self._file} cannot declare the live value.")

        for name, value in fields.items():
            column = self._find_column(name)
            self._cells[line, column] = self._to_cell(name, value)

    def _find_column(self, name: str) -> int:
        """Return the index of a column. Raises CannotAccept when the file does not have it."""
        if name in self._columns:
            return self._columns.index(name)
        raise CannotAccept(
            f"{self._file} has no column `{name}`, so a row cannot declare the live value. Add the "
            "column, or declare the number in a YAML file."
        )

    def _to_cell(self, name: str, value: Change) -> str:
        """Return the text of a cell. Raises CannotAccept for a value that no cell can hold."""
        if isinstance(value, Remove):
            return ""
        if isinstance(value, str) and value and "\n" not in value and not find_unprintable(value):
            return value
        raise CannotAccept(
            f"A cell of {self._file} cannot hold the live value of `{name}`. Declare the number in a "
            "YAML file."
        )

    def result(self) -> str:
        """Return the text with all changes."""
        lines = self._text.split("\n")  # with the `\r` of a line end, which stays
        for (line, column), cell in self._cells.items():
            # A changed cell can move the next ones, so the places are found for each.
            start, end = find_cells(lines[line].removesuffix("\r"))[column]
            lines[line] = lines[line][:start] + write_cells([cell]) + lines[line][end:]
        return self._bom + "\n".join(lines)
