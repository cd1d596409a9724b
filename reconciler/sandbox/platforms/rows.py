"""What the platforms remember: rows with an id and the organisation that owns them, and shelves that keep secrets.

Rows are seeded under the field names that the platform itself uses. A secret that a platform was given leaves it in
none of the sandbox's own answers, and in no file.
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
    """A row of a platform: `account_sid` is the Twilio account that it acts on, where it acts on one.

    A row without an organisation belongs to every key.
    """

    sid: str = msgspec.field(name="id", default="")
    organization: str = ""
    created_at: str = ""
    updated_at: str = ""


P = TypeVar("P", bound=PlatformRow)


@dataclass(frozen=True, slots=True)
class PlatformShelf(Shelf[P]):
    """A shelf of a platform: `secrets` are forgotten wherever rows leave it, `hidden` are left out of listings too."""

    platform: str = ""
    secrets: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def rows(self, store: Store) -> Sequence[P]:
        """All rows without their secrets, oldest first."""
        return [_without(row, self.secrets) for row in store.table(self)]

    def redact(self, row: P) -> P:
        """A row as a listing of the sandbox shows it."""
        return _without(row, (*self.secrets, *self.hidden))


def _without(row: P, names: tuple[str, ...]) -> P:
    empty = type(row)()
    return msgspec.structs.replace(row, **{name: getattr(empty, name) for name in names})


def set_dates(store: Store, row: PlatformRow) -> None:
    """Fill in the dates of a row."""
    row.created_at = row.created_at or iso8601(store.now())
    row.updated_at = row.updated_at or row.created_at


def new_uuid(store: Store) -> str:
    """A UUID that no row has yet; the same at every run."""
    return str(UUID(hex=store.new_sid("")))


def new_id(store: Store, prefix: str, digits: int) -> str:
    """A prefix and that many hexadecimal digits that no row has yet."""
    return prefix + store.new_sid("")[:digits]


def complete_uuid(store: Store, row: PlatformRow) -> None:
    """Fill in a UUID and dates."""
    row.sid = row.sid or new_uuid(store)
    set_dates(store, row)


def is_visible_to(row: PlatformRow, organization: str) -> bool:
    """Whether a row is this organisation's, or everybody's."""
    return row.organization in ("", organization)
