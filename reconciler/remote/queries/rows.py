"""Read all rows of a listing of one kind, and check that each has the form that its kind needs."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row, describe_invalid_row
from reconciler.remote.gateway import Gateway


def read_rows(gateway: Gateway, kind: Kind, **path: str) -> list[Row]:
    """Return the rows of a kind, below `parent_sid` where it is given.

    Raises RemoteError, also for malformed rows.
    """
    rows: list[Row] = list(gateway.rows(kind.listing, **path))
    for row in rows:
        check_row(gateway.account, kind, row)
    return rows


def check_row(account: str, kind: Kind, row: Row) -> None:
    """Raise RemoteError for a row with a missing SID or with a field of another type than a plain
    value.
    """
    problem = describe_invalid_row(kind, row)
    if problem is None:
        return
    raise RemoteError(
        Diagnostic(
            code="unexpected_answer",
            summary="The answer is not one of Twilio's",
            detail=f"A {kind.name.replace('_', ' ')} of account {account} cannot be read: "
            f"{problem}. Nothing was concluded from it. Check the account's base_url, and whether "
            "a proxy answers in Twilio's place.",
        )
    )
