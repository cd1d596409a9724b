"""Read all rows of one kind, or those below one parent; a row without a SID or with a field of the
wrong type is an error.
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row, describe_invalid_row
from reconciler.remote.gateway import Gateway


def read_rows(gateway: Gateway, kind: Kind, **path: str) -> list[Row]:
    """Return the rows of a kind, below `parent_sid` if it is given.

    Raises RemoteError, also for malformed rows.
    """
    rows: list[Row] = list(gateway.rows(kind.listing, **path))
    for row in rows:
        check_row(gateway.account, kind, row)
    return rows


def read_child_rows(gateway: Gateway, kind: Kind, sid: str, parent: Row) -> list[Row]:
    """Return the rows of a kind below one parent.

    The row of a singleton may be part of the parent's own row.
    """
    if not kind.singleton:
        return read_rows(gateway, kind, parent_sid=sid)

    embedded = parent.get(kind.name)
    row = embedded if isinstance(embedded, dict) else gateway.call(kind.fetch, parent_sid=sid)
    check_row(gateway.account, kind, row)
    return [row]


def check_row(account: str, kind: Kind, row: Row) -> None:
    """Raise RemoteError for a row without a SID, or with a field of the wrong type."""
    problem = describe_invalid_row(kind, row)
    if problem is None:
        return

    raise RemoteError(
        Diagnostic(
            code="unexpected_answer",
            summary="Unexpected answer from the server",
            detail=f"A {kind.name.replace('_', ' ')} of account {account} cannot be read: "
            f"{problem}. The listing was not used. Check the account's base_url, and whether "
            "a proxy answers in Twilio's place.",
        )
    )
