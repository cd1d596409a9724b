"""Store the sandbox's rows in memory, in tables of rows with a SID and an owner, make SIDs, and
return pages, newest first.

Independent of HTTP and of any resource: a resource provides its row type and a `Shelf` that
describes it.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Generic, Literal, Protocol, TypeVar, cast

import msgspec

Clock = Callable[[], datetime]
Changes = dict[str, dict[str, object]]
"""Field → ``{"previous": …, "updated": …}``, as Twilio's monitor events report them."""


class SeedError(ValueError):
    """A seed that cannot be read; the message names the section and the row."""


class Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of all rows; the fields of a row are those that Twilio sends, under Twilio's names."""

    sid: str = ""
    account_sid: str = ""


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[R]):
    """Describes rows of one kind: section of a seed, row type, SID prefix, owner and unique field.

    `complete` fills in what a seed left out (SID, account, dates …); it raises `ValueError` for a
    row that cannot exist.
    """

    name: str
    row: type[R]
    prefix: str
    complete: Callable[[Store, R], None]
    owner: str = "account_sid"
    unique: str = ""

    def rows(self, store: Store) -> Sequence[Row]:
        """Return all rows of this kind, oldest first."""
        return [*store.table(self)]

    def add(self, store: Store, row: R) -> R:
        """Fill in the missing fields of a new row and add it to its table."""
        self.complete(store, row)
        return store.table(self).add(row)

    def read(self, store: Store, rows: object) -> None:
        """Add the rows of a seed's section; raises `SeedError`."""
        if not isinstance(rows, list):
            raise SeedError(f"{self.name} must be a list of rows")

        table = store.table(self)
        for place, value in enumerate(rows):
            try:
                row = msgspec.convert(value, self.row)
                self.complete(store, row)
                table.add(row)
            except ValueError as error:
                raise SeedError(f"{self.name}[{place}]: {error}") from None


class Section(Protocol):
    """A shelf of any row type: the part that reading and writing a seed needs."""

    @property
    def name(self) -> str:
        """Return the section's key in a seed."""

    def rows(self, store: Store) -> Sequence[Row]:
        """Return all rows, oldest first."""

    def read(self, store: Store, rows: object) -> None:
        """Add the rows of a seed's section; raises `SeedError`."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Start of a page: rows older than one rank, or newer than one, or from the newest row on.

    `newer_than` is the direction of a link to the previous page.
    """

    size: int
    older_than: int | None = None
    newer_than: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows, newest first, with the ranks of the first and the last; `more`: older rows exist."""

    rows: list[R]
    newest: int
    oldest: int
    more: bool


class Table(Generic[R]):
    """The rows of one shelf. Every change goes through `change`, which keeps the caches correct."""

    def __init__(self, shelf: Shelf[R]) -> None:
        self.shelf = shelf

        # A rank is the position of a row in the order of creation; it never changes, so that page
        # tokens stay valid. The other tables are indices over it, and a cache of JSON.
        self._rows: dict[int, R] = {}
        self._ranks: dict[str, int] = {}
        self._ranks_by_owner: dict[str, list[int]] = {}
        self._rows_by_key: dict[object, R] = {}
        self._json: dict[str, bytes] = {}
        self._next_rank = 1

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(self._rows.values())

    def get(self, sid: str) -> R | None:
        """Return the row with this SID, if there is one."""
        rank = self._ranks.get(sid)
        return None if rank is None else self._rows[rank]

    def get_by_key(self, value: object) -> R | None:
        """Return the row whose unique field has this value, if there is one."""
        return self._rows_by_key.get(value)

    def rows_of(self, owner: str) -> Iterator[R]:
        """Return the rows of one owner, newest first."""
        return (self._rows[rank] for rank in reversed(self._ranks_by_owner.get(owner, ())))

    def count(self, owner: str) -> int:
        """Return the number of rows of one owner."""
        return len(self._ranks_by_owner.get(owner, ()))

    def add(self, row: R) -> R:
        """Add a row as the newest one; raises `ValueError` for a SID or a key that is in use."""
        key = self._key(row)
        if row.sid in self._ranks:
            raise ValueError(f"{row.sid} exists twice")
        if key and key in self._rows_by_key:
            raise ValueError(f"{key} exists twice")

        rank = self._next_rank
        self._next_rank += 1
        self._rows[rank] = row
        self._ranks[row.sid] = rank
        self._ranks_by_owner.setdefault(self._owner(row), []).append(rank)
        if key:
            self._rows_by_key[key] = row
        return row

    def change(self, row: R, values: Mapping[str, object]) -> Changes:
        """Set fields of a row; returns the fields whose value differs from before."""
        key, owner, rank = self._key(row), self._owner(row), self._ranks[row.sid]

        changes: Changes = {}
        for name, value in values.items():
            previous = getattr(row, name)
            if previous != value:
                setattr(row, name, value)
                changes[name] = {"previous": previous, "updated": value}

        # Keep the indices in step with the row: rendered JSON, unique key, owner.
        self._json.pop(row.sid, None)
        new_key = self._key(row)
        if new_key != key:
            self._rows_by_key.pop(key, None)
            if new_key:
                self._rows_by_key[new_key] = row

        if self._owner(row) != owner:
            self._ranks_by_owner[owner].remove(rank)
            insort(self._ranks_by_owner.setdefault(self._owner(row), []), rank)
        return changes

    def remove(self, row: R) -> None:
        """Remove a row from the table."""
        rank = self._ranks.pop(row.sid)
        del self._rows[rank]
        ranks = self._ranks_by_owner[self._owner(row)]
        del ranks[bisect_left(ranks, rank)]
        self._rows_by_key.pop(self._key(row), None)
        self._json.pop(row.sid, None)

    def to_json(self, row: R) -> bytes:
        """Return the row as JSON, from the cache unless the row has changed."""
        text = self._json.get(row.sid)
        if text is None:
            text = self._json[row.sid] = msgspec.json.encode(row)
        return text

    def page(
        self,
        owner: str,
        cursor: Cursor,
        *,
        wanted: Callable[[R], bool] | None = None,
        among: Iterable[R] | None = None,
    ) -> Page[R]:
        """Return at most `cursor.size` rows of an owner for which `wanted` is true.

        The cost does not grow with the rows before or after the page. `among` names the only
        candidates, so that the other rows of the owner are not searched.
        """
        ranks = self._ranks_by_owner.get(owner, [])
        if among is not None:
            ranks = sorted(self._ranks[row.sid] for row in among if self._owner(row) == owner)

        if cursor.newer_than is not None:
            start = bisect_right(ranks, cursor.newer_than)
            found = self._take(ranks, range(start, len(ranks)), cursor.size, wanted)[::-1]
            return self._page(found, more=True)

        # One row more than the page holds shows whether an older page exists.
        stop = len(ranks) if cursor.older_than is None else bisect_left(ranks, cursor.older_than)
        found = self._take(ranks, range(stop - 1, -1, -1), cursor.size + 1, wanted)
        return self._page(found[: cursor.size], more=len(found) > cursor.size)

    def _take(
        self, ranks: list[int], places: range, size: int, wanted: Callable[[R], bool] | None
    ) -> list[R]:
        rows = self._rows
        found: Iterable[R] = (rows[ranks[place]] for place in places)
        if wanted is not None:
            found = filter(wanted, found)
        return list(islice(found, size))

    def _page(self, rows: list[R], *, more: bool) -> Page[R]:
        if not rows:
            return Page(rows, newest=0, oldest=0, more=False)
        return Page(
            rows, newest=self._ranks[rows[0].sid], oldest=self._ranks[rows[-1].sid], more=more
        )

    def _owner(self, row: R) -> str:
        return str(getattr(row, self.shelf.owner))

    def _key(self, row: R) -> object:
        return getattr(row, self.shelf.unique) if self.shelf.unique else None


class Store:
    """All tables behind one lock, with a clock, and with SIDs that are equal in every run."""

    def __init__(self, *, seed: str = "sandbox", clock: Clock | None = None) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.made = 0
        self.released: set[str] = set()
        self.reserved: dict[str, str] = {}
        self.emergency_registration: Literal["instant", "slow", "refused"] = "instant"
        """How Twilio registers the emergency addresses that numbers get from now on."""
        self.check_attachment: Callable[[set[str]], None] = _allow_attachment
        self._clock = clock or _utc_now
        self._tables: dict[str, Table[Row]] = {}

    def now(self) -> datetime:
        """Return the time, in UTC and whole seconds."""
        return self._clock().replace(microsecond=0)

    def table(self, shelf: Shelf[R]) -> Table[R]:
        """Return the table of a shelf; creates it on first use."""
        table = self._tables.get(shelf.name)
        if table is None:
            table = self._tables[shelf.name] = cast("Table[Row]", Table(shelf))
        return cast("Table[R]", table)

    def find(self, sid: str) -> tuple[Table[Row], Row] | None:
        """Return the row with this SID from any shelf, with its table."""
        for table in self._tables.values():
            row = table.get(sid)
            if row is not None:
                return table, row
        return None

    def new_sid(self, prefix: str) -> str:
        """Return a SID that no row has."""
        self.made += 1
        return self.sid_for(prefix, str(self.made))

    def sid_for(self, prefix: str, name: str) -> str:
        """Return the SID that belongs to a name: equal names give equal SIDs."""
        return (
            prefix
            + hashlib.blake2b(f"{self.seed}/{prefix}/{name}".encode(), digest_size=16).hexdigest()
        )

    def become(self, other: Store) -> None:
        """Replace all rows with those of `other`; `other` must not be used afterwards."""
        with self.lock:
            self.seed, self.made, self.released = other.seed, other.made, other.released
            self.reserved = other.reserved
            self._tables = other._tables


def _allow_attachment(names: set[str]) -> None:
    """Default of `Store.check_attachment`: allow every number.

    Called when a platform attaches a number, named by SID and E.164, to a trunk.
    """


def _utc_now() -> datetime:
    return datetime.now(UTC)
