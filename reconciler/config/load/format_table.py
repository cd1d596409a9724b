"""Format the text of a CSV file of numbers: no spaces around cells, quotes only where needed, numbers in
order; pure.

The columns and a BOM stay: a spreadsheet recognises UTF-8 by its BOM.
"""

from __future__ import annotations

from reconciler.config.load.number_file import NUMBER, read_number_file
from reconciler.config.source.csv_text import (
    BOM,
    is_empty_row,
    split_cells,
    split_lines,
    write_cells,
)
from reconciler.config.source.format import not_formattable
from reconciler.config.source.nodes import Place
from reconciler.errors import ConfigInvalid


def format_table(data: bytes, file: str) -> str:
    """Return the formatted text of a file. Raises ConfigInvalid for an invalid one.

    Rows are sorted by number within groups that empty rows separate.
    """
    before, problems = read_number_file(data, file, _keep)
    if problems:
        raise ConfigInvalid(*problems)

    text = data.decode("utf-8")
    start = BOM if text.startswith(BOM) else ""
    rows = [_read_row(line) for line in split_lines(text.removeprefix(BOM))]
    header = next(row for row in rows if row)
    number_at = header.index(NUMBER)

    lines = [write_cells(header)]
    group: list[list[str]] = []
    for row in [*rows[rows.index(header) + 1 :], []]:
        if row:
            group.append(row)
            continue
        # An empty row ends the group; several of them are one, and none is at the end.
        if group and len(lines) > 1:
            lines.append("")
        lines += map(write_cells, sorted(group, key=lambda cells: cells[number_at]))
        group = []
    result = start + "\n".join(lines) + "\n"

    # The last defence: formatting must never change the configuration.
    after, problems = read_number_file(result.encode(), file, _keep)
    if after != before or problems:
        raise ConfigInvalid(not_formattable(file, "Formatting would change its meaning."))
    return result


def _read_row(line: str) -> list[str]:
    """Return the cells of a row; none for an empty one. A header may name `label: team`."""
    return [] if is_empty_row(line) else split_cells(line)


def _keep(text: str, _place: Place) -> str:
    """Return a text as it is: variables stay in the file."""
    return text
