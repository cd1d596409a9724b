"""Check the pages of a listing as they arrive and return each row once; rows of another account,
contradictions and listings without an end are errors.

A listing moves while it is read: rows that are bought or deleted meanwhile shift the others, so a
row may come twice. Any other contradiction is an error. No HTTP here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from reconciler.kinds.number_row import NumberPage, NumberRow
from reconciler.model.route import Json
from reconciler.remote.listing import ForeignRows, ListingError, ListingGuard

_REMEMBERED_PAGES = 4
"""Pages whose rows are kept, to compare repeated rows.

Keeping all would double the memory of a large plan.
"""


class NumberListing:
    """The numbers of one account, page by page. Used by one thread at a time."""

    def __init__(self, account_sid: str) -> None:
        self._account = account_sid.lower()
        self._guard = ListingGuard()
        self._number_of: dict[str, str] = {}
        self._sid_of: dict[str, str] = {}
        self._recent: deque[dict[str, NumberRow]] = deque(maxlen=_REMEMBERED_PAGES)

    def accept(self, page: NumberPage, size: int) -> list[NumberRow]:
        """Return the rows that have not come before. Raises ListingError."""
        rows = page.incoming_phone_numbers
        self._check_owner(rows)
        before = len(self._number_of)

        # Fast path, in C: as many new SIDs and new numbers as there are rows, so none of them came
        # before.
        sids = [row.sid for row in rows]
        numbers = [row.phone_number for row in rows]
        if "" in sids or "" in numbers:
            raise ListingError("it has a row without a SID or without a number")
        expected = before + len(rows)
        known = dict(zip(sids, numbers, strict=True))
        if (
            self._is_new(known, expected)
            and len(set(numbers)) == len(rows)
            and self._sid_of.keys().isdisjoint(numbers)
        ):
            new = rows
        else:
            new = self._new_rows(rows)
        self._number_of.update(known)
        self._sid_of.update(zip(numbers, sids, strict=True))

        self._recent.append({row.sid: row for row in new})
        self._guard.count(len(new), has_next=page.next_page_uri is not None, size=size)
        return new

    def _is_new(self, known: dict[str, str], expected: int) -> bool:
        return len(self._number_of) + len(known) == expected and self._number_of.keys().isdisjoint(
            known
        )

    def _check_owner(self, rows: Sequence[NumberRow]) -> None:
        for owner in {row.account_sid for row in rows}:
            if owner and owner.lower() != self._account:
                raise ForeignRows(f"it has numbers of {owner}")

    def _new_rows(self, rows: Sequence[NumberRow]) -> list[NumberRow]:
        """Return the rows that are new, after comparing the others with what came before."""
        here: dict[str, NumberRow] = {}
        sid_of: dict[str, str] = {}

        for row in rows:
            if row.sid in self._number_of or row.sid in here:
                self._check_repeated(row, here)
                continue

            other = self._sid_of.get(row.phone_number) or sid_of.get(row.phone_number)
            if other is not None:
                raise ListingError(
                    f"{row.phone_number} is there twice, as {other} and as {row.sid}"
                )

            here[row.sid] = row
            sid_of[row.phone_number] = row.sid
        return list(here.values())

    def _check_repeated(self, row: NumberRow, here: dict[str, NumberRow]) -> None:
        """Raise ListingError unless the row equals its earlier copy on a recent page."""
        for page in (here, *self._recent):
            if page.get(row.sid) == row:
                return
            if row.sid in page:
                raise ListingError(f"{row.sid} appears twice, with different content")
        raise ListingError(f"{row.sid} appears twice, many pages apart")


class RowListing:
    """The rows of any other listing of one account, as plain JSON."""

    def __init__(self) -> None:
        self._guard = ListingGuard()
        self._rows: dict[object, dict[str, Json]] = {}

    def accept(
        self, rows: Sequence[dict[str, Json]], *, has_next: bool, size: int
    ) -> list[dict[str, Json]]:
        """Return the rows that have not come before; those without a SID are all new.

        Raises ListingError.
        """
        new: list[dict[str, Json]] = []
        for row in rows:
            sid = row.get("sid", len(self._rows))
            if not isinstance(sid, str | int) or sid == "":
                raise ListingError("it has a row whose `sid` is no text")

            known = self._rows.setdefault(sid, row)
            if known is row:
                new.append(row)
            elif known != row:
                raise ListingError(f"{sid} appears twice, with different content")

        self._guard.count(len(new), has_next=has_next, size=size)
        return new
