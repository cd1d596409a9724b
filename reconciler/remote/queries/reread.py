"""Read a listing again before something is planned as new that the listing may only have left out.

Pages are read by offset. A row that is deleted from an earlier page shifts the next ones, and one
of them is never shown. A recorded resource is then fetched by its SID
(`reconciler.remote.queries.absent`). One that is not recorded has no SID to ask for: its listing is
read again until a reading brings nothing new. A listing of one page needs no second reading.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Kind, Row
from reconciler.kinds.number import NumberRow
from reconciler.remote.gateway import Gateway
from reconciler.remote.queries.absent import ResourceQuestion, fetch_absent
from reconciler.remote.queries.rows import read_rows

_MOST_READINGS = 6
_ASKED_ONE_BY_ONE = 20
"""Numbers that are looked up by Twilio's filter; for more of them, reading all pages again takes
fewer calls.
"""


def read_rows_again(
    gateway: Gateway, kind: Kind, rows: Iterable[Row], parent: str = ""
) -> list[Row]:
    """Return the rows of a listing, of which `rows` is the first reading, after as many readings as
    bring new ones.

    Raises RemoteError for a listing that does not come to rest.
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
    """Return those of these numbers (E.164) that the account has although a reading of all pages
    did not show them.
    """
    missing = list(wanted)
    if len(missing) <= _ASKED_ONE_BY_ONE:
        return [row for number in missing for row in gateway.find_numbers(number)]

    sought = set(missing)
    return [row for page in gateway.number_pages() for row in page if row.phone_number in sought]


def _unsteady_error(account: str, kind: str) -> RemoteError:
    return RemoteError(
        Diagnostic(
            code="inconsistent_listing",
            summary="A listing contradicts itself",
            detail=f"Account {account}: each of {_MOST_READINGS + 1} readings of its "
            f"{kind.replace('_', ' ')}s showed other ones, so it is unknown what is there, and "
            "nothing was concluded. Somebody is changing them just now: run the same command again "
            "afterwards.",
        )
    )
