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
    _Row("applications", "", "TwiML applications that are managed here are"),
    _Row("numbers", "purchase", "Buying numbers is"),
    _Row("trunks", "ip_access_control_lists", "Access lists of trunks are"),
    _Row("trunks", "credential_lists", "Credential lists of trunks are"),
    _Row("trunks", "recording", "Recording on trunks is"),
    _Row("trunks", "disaster_recovery", "Disaster recovery of trunks is"),
    _Row("trunks", "cnam_lookup", "Looking up callers' names on trunks is"),
    _Row("trunks", "transfer_mode", "Call transfer settings of trunks are"),
    _Row("trunks", "transfer_caller_id", "Call transfer settings of trunks are"),
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
