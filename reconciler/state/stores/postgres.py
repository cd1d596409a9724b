"""Keep a state in PostgreSQL: a row for each resource, earlier versions, a lock that each write
checks, and one owner for each number among the projects of a database.

| table | holds |
|---|---|
| `reconciler_project` | of each project the version, and the lock: token, holder, end of lease by the server's clock |
| `reconciler_resource` | the entry of each address, journal included |
| `reconciler_former` | of each version kept, what it held of the addresses that changed after it |
| `reconciler_version` | where each version comes from |
| `reconciler_number` | which project has which number: the SID is the key, so no second one can have it |

Every write is one transaction that begins by checking its own token and lease in the project's row,
and locks that row: a run that lost its lock changes nothing. There is no journal to read back;
appended records change the rows at once. Credentials are libpq's own: PGPASSWORD, a password file,
a service file. The only module that knows psycopg.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.model.entry import Entry
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.migrations import FORMAT
from reconciler.state.format.rows_digest import check_rows, sum_in_digest
from reconciler.state.records import Put, Record, StoredVersion, apply_records
from reconciler.state.stores import postgres_sql
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.postgres_rows import ProjectRows
from reconciler.state.stores.store import LockInfo

if TYPE_CHECKING:
    from psycopg import Connection

_LOSSLESS_ENCODINGS = ("UTF8", "SQL_ASCII")
_CREATION_LOCK = 7_425_190_311_870_021_551
"""The advisory lock under which tables are created: a number that nobody else has a reason to use.
"""
_encode = msgspec.json.Encoder(order="deterministic").encode


class PostgresBacking:
    """A `Backing` in a PostgreSQL database."""

    def __init__(self, location: str, codec: Codec, *, origin: str, lease: float) -> None:
        self._location = location
        self._codec = codec
        self._origin = origin
        self._lease = lease
        self._project = codec.project
        self._connection: Connection[tuple[Any, ...]] | None = None
        self._outdated = False
        """Some rows are stored in an older form than this version writes."""

    @property
    def origin(self) -> str:
        """See `Backing`."""
        return self._origin

    @property
    def most_appends(self) -> int | None:
        """See `Backing`: a batch costs what it holds."""
        return None

    def open(self) -> None:
        """See `Backing`; the connection is made with the first query."""

    def close(self) -> None:
        """See `Backing`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self) -> State | None:
        """See `Backing`."""
        with self._reading() as rows:
            if not rows.have_tables():
                return None
            top = rows.top()
            if top is None:
                return None
            found = rows.present()

        check_rows(self._project, top, found, self._codec, self._origin)
        current = all(self._codec.is_current(text.encode()) for _, text in found)
        self._outdated = top.format != FORMAT or top.digest is None or not current
        return rows.state(top, found)

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        self._create_tables()
        with self._writing() as rows:
            rows.execute(
                "INSERT INTO reconciler_project (project) VALUES (%s) ON CONFLICT DO NOTHING",
                (self._project,),
            )
            present = rows.lock_info()
            if present is not None and present.foreign:
                return present

            mine = (holder.run, _encode(holder).decode(), self._lease, self._project)
            found = rows.execute(postgres_sql.ACQUIRE, mine).fetchone()
            if found is not None:
                return Grant(holder, found[0])
            return rows.lock_info() or LockInfo(None)

    def _create_tables(self) -> None:
        """Create the tables unless they exist.

        In a transaction of its own: creating an index locks its table until the end of the
        transaction, even where the index exists already.
        """
        with self._writing() as rows:
            if rows.execute(postgres_sql.HAS_TABLES).fetchone() != (True, True):
                rows.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATION_LOCK,))
                rows.execute(postgres_sql.TABLES)

    def renew(self, grant: Grant) -> None:
        """See `Backing`; over a connection of its own, for the other may be in the middle of a
        transaction.
        """
        renewal = PostgresBacking(
            self._location, self._codec, origin=self._origin, lease=self._lease
        )

        try:
            with renewal._writing() as rows:
                renewal._fence(rows, grant)
        finally:
            renewal.close()

    def release(self, grant: Grant) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            self._fence(rows, grant)
            rows.execute(
                "UPDATE reconciler_project SET run = NULL, holder = NULL WHERE project = %s",
                (self._project,),
            )

    def lock_info(self) -> LockInfo | None:
        """See `Backing`."""
        with self._reading() as rows:
            return rows.lock_info() if rows.have_tables() else None

    def break_lock(self, found: LockInfo) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            if found.holder is not None:
                rows.execute(postgres_sql.FREE, (self._project, found.holder.run))
                return

            # A run that took the lock after it was looked at keeps it.
            now = rows.lock_info()
            if now is not None and now.foreign:
                rows.execute(postgres_sql.FREE_UNREADABLE, (self._project,))

    def create(self, state: State, grant: Grant) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            self._fence(rows, grant)
            present = rows.top()
            if present is not None:
                raise problems.state_moved(
                    self._origin, f"serial {present.serial}", "the empty state"
                )
            rows.set_version(state, rows.rewrite(state.resources))

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """See `Backing`."""
        before = state.serial - 1
        with self._writing() as rows:
            self._fence(rows, grant)
            if known is None or self._outdated:
                # Every row is written again, so the digest does not depend on the present rows.
                addresses = {*rows.addresses(), *state.resources}
                rows.keep_former(before, [*addresses])
                total = rows.rewrite(state.resources)
            else:
                changed: dict[str, Entry] = {}
                for address, entry in state.resources.items():
                    if known.get(address) != entry:
                        changed[address] = entry
                removed = [address for address in known if address not in state.resources]

                rows.keep_former(before, [*changed, *removed])
                total = rows.change(changed, removed, rows.sum())
            rows.set_version(state, total)
        self._outdated = False

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """See `Backing`."""
        put: dict[str, Entry] = {}
        apply_records(put, records)
        dropped = {record.address for record in records if not isinstance(record, Put)} - set(put)

        with self._writing() as rows:
            self._fence(rows, grant)
            top = rows.top()
            if top is None:
                raise problems.state_moved(self._origin, "no version", f"serial {state.serial}")

            total = sum_in_digest(self._project, top, self._origin)
            rows.keep_former(state.serial, [*put, *dropped])
            after = rows.change(put, list(dropped), total or 0)
            length = top.unfolded + len(records)
            rows.set_journal_length(top, length, None if total is None else after)

    def newest(self) -> int | None:
        """See `Backing`."""
        with self._reading() as rows:
            return rows.newest()

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        with self._reading() as rows:
            return rows.versions() if rows.have_tables() else []

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`."""
        with self._reading() as rows:
            return rows.find_claims(sids) if rows.have_tables() else {}

    def version(self, serial: int) -> State | None:
        """See `Store`: the present rows, and over them what later versions changed."""
        with self._reading() as rows:
            if not rows.have_tables():
                return None
            top = rows.top_of(serial)
            if top is None:
                return None
            found = rows.at_version(serial)
        return rows.state(top, found)

    def _fence(self, rows: ProjectRows, grant: Grant) -> None:
        """Raise LeaseLost unless this run holds the lock; keep its row locked until the transaction
        ends.

        Renews the lease as well.
        """
        mine = (self._lease, self._project, grant.token, grant.holder.run)
        if rows.execute(postgres_sql.FENCE, mine).rowcount != 1:
            now = rows.lock_info()
            raise LeaseLost(grant, now.holder if now else None)

    @contextmanager
    def _reading(self) -> Iterator[ProjectRows]:
        """Give the rows as of one moment, for any number of queries. Raises StateError."""
        import psycopg

        try:
            connection = self._connect()
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield ProjectRows(connection, self._codec, self._origin)
        except psycopg.Error as error:
            raise problems.state_unreadable(self._origin, _reason(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[ProjectRows]:
        """Give the rows in one transaction: all of it or nothing. Raises StateError."""
        import psycopg

        try:
            connection = self._connect()
            with connection.transaction():
                yield ProjectRows(connection, self._codec, self._origin)
        except psycopg.Error as error:
            raise problems.state_unwritable(self._origin, _reason(error)) from error

    def _connect(self) -> Connection[tuple[Any, ...]]:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._location,
                autocommit=True,
                connect_timeout=10,
                tcp_user_timeout=25_000,
                application_name="reconciler",
                client_encoding="UTF8",
            )
            self._check_encoding(self._connection)
        return self._connection

    def _check_encoding(self, connection: Connection[tuple[Any, ...]]) -> None:
        """Raise StateError unless the database keeps every text: in UTF8, or in SQL_ASCII, which
        keeps all bytes.
        """
        found = connection.info.parameter_status("server_encoding") or "unknown"
        if found not in _LOSSLESS_ENCODINGS:
            raise problems.unsupported_encoding(self._origin, found)


def _reason(error: Exception) -> str:
    """Return the reason on one line; libpq names host and user in it, and never a password."""
    return " ".join(str(error).split())
