"""Define the rows of the platforms, with an id and an owning organisation, and their shelves; make
ids and dates, and find the rows visible to an organisation.

Rows are seeded under the field names of the platform. A secret that a platform received appears
in none of the sandbox's own answers, and in no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec

from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.dates import iso8601


class PlatformRow(Row, kw_only=True, omit_defaults=True):
    """A row of a platform; `account_sid` is the Twilio account that it concerns, if any.

    A row without an organisation belongs to every key.
    """

    sid: str = msgspec.field(name="id", default="")
    organization: str = ""
    created_at: str = ""
    updated_at: str = ""


P = TypeVar("P", bound=PlatformRow)


@dataclass(frozen=True, slots=True)
class PlatformShelf(Shelf[P]):
    """A shelf of a platform.

    `secrets` are removed from rows in seeds and listings, `hidden` fields from listings only.
    """

    platform: str = ""
    secrets: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def rows(self, store: Store) -> Sequence[P]:
        """Return all rows without their secrets, oldest first."""
        return [_without(row, self.secrets) for row in store.table(self)]

    def redact(self, row: P) -> P:
        """Return a row as a listing of the sandbox shows it."""
        return _without(row, (*self.secrets, *self.hidden))


def _without(row: P, names: tuple[str, ...]) -> P:
    empty = type(row)()
    return msgspec.structs.replace(row, **{name: getattr(empty, name) for name in names})


def set_dates(store: Store, row: PlatformRow) -> None:
    """Fill in the dates of a row."""
    row.created_at = row.created_at or iso8601(store.now())
    row.updated_at = row.updated_at or row.created_at


def new_uuid(store: Store) -> str:
    """Return a UUID that no row has; it is the same in every run."""
    return str(UUID(hex=store.new_sid("")))


def new_id(store: Store, prefix: str, digits: int) -> str:
    """Return a prefix with that many hexadecimal digits, which no row has."""
    return prefix + store.new_sid("")[:digits]


def complete_uuid(store: Store, row: PlatformRow) -> None:
    """Fill in a UUID and dates."""
    row.sid = row.sid or new_uuid(store)
    set_dates(store, row)


def is_visible_to(row: PlatformRow, organization: str) -> bool:
    """Return true when a row belongs to this organisation, or to everybody."""
    return row.organization in ("", organization)


def visible_rows(store: Store, shelf: PlatformShelf[P], organization: str) -> list[P]:
    """Return the rows that an organisation can see, oldest first."""
    return [row for row in store.table(shelf) if is_visible_to(row, organization)]


def find_visible(store: Store, shelf: PlatformShelf[P], sid: str, organization: str) -> P | None:
    """Return the row with this id, None unless it exists and the organisation can see it."""
    row = store.table(shelf).get(sid)
    if row is None or not is_visible_to(row, organization):
        return None
    return row
