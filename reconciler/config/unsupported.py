"""What the configuration may already say but this version does not do yet: one table, a row less with each step.

Declaring it is an error rather than nothing: a plan that silently leaves out what is declared would be a lie.
"""

from __future__ import annotations

from typing import NamedTuple

from reconciler.config.fields import Section
from reconciler.config.findings import Finding


class _Row(NamedTuple):
    section: str
    field: str
    what: str
    value: str | None = None


_TABLE = (
    _Row("agents", "platform", "Agents on a platform are"),
    _Row("numbers", "provider", "Numbers outside Twilio are", "sip"),
    _Row("bridge_numbers", "platform", "Bridge numbers of a platform are"),
)


def refuse(section: str, entry: Section) -> list[Finding]:
    """The findings about an entry of this section that asks for what is not there yet."""
    return [
        Finding(
            "unsupported_feature",
            f"{row.what} not supported by this version.",
            (row.field,) if row.field else (),
            "key",
        )
        for row in _TABLE
        if row.section == section and _asked(row, entry)
    ]


def _asked(row: _Row, entry: Section) -> bool:
    if not row.field:
        return True
    return row.field in entry.model_fields_set and row.value in (None, getattr(entry, row.field))
