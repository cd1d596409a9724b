"""Read a listing again until a reading brings nothing new, and look up numbers that it may lack,
before a plan treats anything as new.

Pages are read by offset: when a row is deleted from an earlier page, the next rows shift and one of
them is never shown. A recorded resource is then fetched by its SID
(`reconciler.remote.queries.absent`). An unrecorded one has no SID to ask for: its listing is read
again until a reading brings nothing new. A listing of one page needs no second reading.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.kinds.number_row import NumberRow
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent
from reconciler.remote.queries.rows import read_rows

_MOST_READINGS = 6
_ASKED_ONE_BY_ONE = 20
"""Numbers that are looked up by Twilio's filter.

For more of them, reading all pages again takes fewer calls.
"""


def read_rows_again(
    gateway: Gateway, kind: Kind, rows: Iterable[Row], parent: str = ""
) -> list[Row]:
    """Return the rows of a listing, read again until a reading brings nothing new.

    `rows` is the first reading. Raises RemoteError for a listing that does not become steady.
    """
    known = {str(row["sid"]): row for row in rows}
    path = {"parent_sid": parent} if parent else {}
    for _ in range(_MOST_READINGS):
        latest = {str(row["sid"]): row for row in read_rows(gateway, kind, **path)}
        brings_new = not latest.keys() <= known.keys()

        # What an earlier reading had and this one lacks was deleted meanwhile, or left out in its
        # turn.
        absent = [ResourceQuestion(kind, sid, parent) for sid in known if sid not in latest]
        known = latest | {asked.sid: row for asked, row in fetch_absent(gateway, absent)}
        if not brings_new:
            return list(known.values())
    raise _unsteady_error(gateway.account, kind.name)


def find_unlisted_numbers(gateway: Gateway, wanted: Iterable[str]) -> list[NumberRow]:
    """Return those of these numbers (E.164) that exist although a reading did not show them."""
    missing = list(wanted)
    found: list[NumberRow] = []
    if len(missing) <= _ASKED_ONE_BY_ONE:
        for number in missing:
            found += gateway.find_numbers(number)
        return found

    sought = set(missing)
    for page in gateway.number_pages():
        found += [row for row in page if row.phone_number in sought]
    return found


def _unsteady_error(account: str, kind: str) -> RemoteError:
    return RemoteError(
        Diagnostic(
            code="inconsistent_listing",
            summary="Inconsistent listing",
            detail=f"Account {account}: each of {_MOST_READINGS + 1} readings of its "
            f"{kind.replace('_', ' ')}s showed other rows, so the listing was not used. "
            "Somebody is changing them now: run the same command again afterwards.",
        )
    )
