"""Divide exported numbers into rows of a CSV file and entries that need YAML; write the rows; pure.

| the number has                                        | form |
|-------------------------------------------------------|------|
| at most `agent`, `trunk` and `account`                | row  |
| other fields, or a comment on more than its own name  | YAML |

Friendly names are comments in YAML, because they are not managed; a row has no place for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.config.source.csv_text import write_cells
from reconciler.config.source.write import Entry

_NUMBER = "number"
_FIELDS = ("agent", "trunk", "account")


def fits_row(entry: Entry, remarks: Sequence[str]) -> bool:
    """Return whether a row can declare this number; `remarks` are its comments but for its name."""
    fields = _fields(entry)
    return fields is not None and fields.keys() <= set(_FIELDS) and not remarks


def render_table(entries: Sequence[Entry]) -> str:
    """Return the CSV file of these numbers, each of which fits a row."""
    rows: list[Mapping[str, str]] = []
    for entry in entries:
        rows.append({_NUMBER: entry.key, **(_fields(entry) or {})})

    # Only columns that some number needs.
    columns = [_NUMBER]
    for field in _FIELDS:
        if any(field in row for row in rows):
            columns.append(field)

    lines = [write_cells(columns)]
    for row in rows:
        lines.append(write_cells([row.get(column, "") for column in columns]))
    return "\n".join(lines) + "\n"


def _fields(entry: Entry) -> dict[str, str] | None:
    """Return the fields of a number by name; None when some field is no text."""
    value = entry.value
    if isinstance(value, str):
        return {"agent": value}
    if not isinstance(value, Mapping):
        return None

    fields: dict[str, str] = {}
    for name, field in value.items():
        # A variable, or a space at the end, would not be read back as it is written.
        if not isinstance(field, str) or "${" in field or not field.isprintable():
            return None
        fields[name] = field
    return fields
