"""A state in PostgreSQL, a row for each resource: a small change is a small write. Many projects share a database.

| table | holds |
|---|---|
| `reconciler_project` | of each project the version, and the lock: token, holder, end of lease by the server's clock |
| `reconciler_resource` | what is known of each address, journal included |
| `reconciler_former` | of each version kept, what it held of the addresses that changed after it |
| `reconciler_version` | where each version comes from |
| `reconciler_number` | which project has which number: the SID is the key, so no second one can have it |

Every write is one transaction that begins by finding its own token and lease in the project's row, and locks that row:
a run that lost its lock changes nothing. There is no journal to read back; what is appended is in the rows at once.
Credentials are libpq's own: PGPASSWORD, a password file, a service file. The only module that knows psycopg.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.errors import StateError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.migrations import FORMAT
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.rows_digest import (
    Row,
    Top,
    add_and_remove,
    check_rows,
    digest_of,
    sum_in_digest,
)
from reconciler.state.records import Put, Record, Saved, StoredVersion, apply_records
from reconciler.state.stores import postgres_sql
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.store import KEPT_VERSIONS, LockInfo

if TYPE_CHECKING:
    from psycopg import Connection

    Rows = Connection[tuple[Any, ...]]
_KEEPING_ALL = ("UTF8", "SQL_ASCII")
_CREATING = 7_425_190_311_870_021_551
"""The advisory lock under which tables are created: a number that nobody else has a reason to use."""
_ROWS_AT_ONCE = 5_000
_encode = msgspec.json.Encoder(order="deterministic").encode


class PostgresBacking:
    """A `Backing` in a PostgreSQL database."""

    def __init__(self, location: str, codec: Codec, *, origin: str, lease: float) -> None:
        self._location = location
        self._codec = codec
        self._origin = origin
        self._lease = lease
        self._project = codec.project
        self._connection: Rows | None = None
        self._outdated = False  # whether rows are stored in another form than they would be now

    @property
    def origin(self) -> str:
        """See `Backing`."""
        return self._origin

    def open(self) -> None:
        """See `Backing`; connecting waits for the first question."""

    def close(self) -> None:
        """See `Backing`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self) -> State | None:
        """See `Backing`."""
        with self._asking() as rows:
            if not _has_tables(rows):
                return None
            top = self._top(rows)
            if top is None:
                return None
            found = self._resources(rows, postgres_sql.PRESENT, (self._project,))
        check_rows(self._project, top, found, self._codec, self._origin)
        current = all(self._codec.is_current(entry.encode()) for _, entry in found)
        self._outdated = top.format != FORMAT or top.digest is None or not current
        return self._state(top, found)

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        self._make_tables()
        with self._writing() as rows:
            rows.execute(
                "INSERT INTO reconciler_project (project) VALUES (%s) ON CONFLICT DO NOTHING",
                (self._project,),
            )
            held = self._lock_info(rows)
            if held is not None and held.foreign:
                return held
            mine = (holder.run, _encode(holder).decode(), self._lease, self._project)
            found = rows.execute(postgres_sql.ACQUIRE, mine).fetchone()
            if found is not None:
                return Grant(holder, found[0])
            return self._lock_info(rows) or LockInfo(None)

    def _make_tables(self) -> None:
        """Once; in a transaction of its own, for an index that is there already is locked too, until its end."""
        with self._writing() as rows:
            if rows.execute(postgres_sql.HAS_TABLES).fetchone() != (True, True):
                rows.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATING,))
                rows.execute(postgres_sql.TABLES)

    def renew(self, grant: Grant) -> None:
        """See `Backing`; over a connection of its own, for the other may be in the middle of a transaction."""
        beat = PostgresBacking(self._location, self._codec, origin=self._origin, lease=self._lease)
        try:
            with beat._writing() as rows:
                beat._fence(rows, grant)
        finally:
            beat.close()

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
        with self._asking() as rows:
            return self._lock_info(rows) if _has_tables(rows) else None

    def break_lock(self, found: LockInfo) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            if found.holder is not None:
                rows.execute(postgres_sql.FREE, (self._project, found.holder.run))
                return

            # Whoever took the lock since it was looked at keeps it.
            now = self._lock_info(rows)
            if now is not None and now.foreign:
                rows.execute(postgres_sql.FREE_UNREADABLE, (self._project,))

    def create(self, state: State, grant: Grant) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            self._fence(rows, grant)
            there = self._top(rows)
            if there is not None:
                raise problems.state_moved(
                    self._origin, f"serial {there.serial}", "the empty state"
                )
            self._enter(rows, state, self._rewrite(rows, state.resources))

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """See `Backing`."""
        with self._writing() as rows:
            self._fence(rows, grant)
            if known is None or self._outdated:
                # Every row is written anew, so the digest does not depend on what is there.
                found = rows.execute(
                    "SELECT address FROM reconciler_resource WHERE project = %s", (self._project,)
                )
                present = [address for (address,) in found]
                self._keep(rows, state.serial - 1, [*{*present, *state.resources}])
                total = self._rewrite(rows, state.resources)
            else:
                changed = {
                    a: entry for a, entry in state.resources.items() if known.get(a) != entry
                }
                removed = [address for address in known if address not in state.resources]
                self._keep(rows, state.serial - 1, [*changed, *removed])
                total = self._change(rows, changed, removed, self._sum(rows))
            self._enter(rows, state, total)
        self._outdated = False

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """See `Backing`."""
        put: dict[str, Entry] = {}
        apply_records(put, records)
        dropped = {record.address for record in records if not isinstance(record, Put)} - set(put)
        with self._writing() as rows:
            self._fence(rows, grant)
            top = self._top(rows)
            if top is None:
                raise problems.state_moved(self._origin, "no version", f"serial {state.serial}")
            total = sum_in_digest(self._project, top, self._origin)
            self._keep(rows, state.serial, [*put, *dropped])
            after = self._change(rows, put, list(dropped), total or 0)

            # Rows of an earlier version get their digest with the next version, together with their checksums.
            now = top._replace(unfolded=top.unfolded + len(records))
            digest = None if total is None else digest_of(self._project, now, after)
            changed = (now.unfolded, digest, self._project)
            rows.execute(
                "UPDATE reconciler_project SET unfolded = %s, digest = %s WHERE project = %s",
                changed,
            )

    def newest(self) -> int | None:
        """See `Backing`."""
        with self._asking() as rows:
            found = rows.execute(postgres_sql.NEWEST, (self._project, self._project)).fetchone()
        return found[0] if found else None

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        with self._asking() as rows:
            if not _has_tables(rows):
                return []
            found = rows.execute(
                "SELECT serial, saved FROM reconciler_version WHERE project = %s ORDER BY serial DESC LIMIT %s",
                (self._project, KEPT_VERSIONS + 1),
            ).fetchall()
        return [StoredVersion(serial, _saved(saved)) for serial, saved in found]

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`."""
        with self._asking() as rows:
            return dict(_others(rows, self._project, sids)) if _has_tables(rows) else {}

    def version(self, serial: int) -> State | None:
        """See `Store`: the present rows, and over them what later versions changed."""
        with self._asking() as rows:
            if not _has_tables(rows):
                return None
            kept = rows.execute(postgres_sql.VERSION, (self._project, serial)).fetchone()
            if kept is None:
                return None
            present = self._resources(rows, postgres_sql.PRESENT, (self._project,))
            former = self._resources(rows, postgres_sql.BEFORE, (self._project, serial))
        then = {**dict(present), **dict(former)}
        return self._state(
            Top(*kept), [(address, entry) for address, entry in then.items() if entry is not None]
        )

    def _resources(
        self, rows: Rows, statement: str, values: tuple[object, ...]
    ) -> list[tuple[str, Any]]:
        """Return address and entry of each row, read one after the other within the limit. Raises StateError."""
        found: list[tuple[str, Any]] = []
        size = 0
        # A cursor of the server, for libpq would hold the whole answer before the first row can be looked at.
        rows.execute(f"DECLARE reconciler_rows NO SCROLL CURSOR FOR {statement}", values)
        while batch := rows.execute(f"FETCH {_ROWS_AT_ONCE} FROM reconciler_rows").fetchall():
            found += batch
            size += sum(len(address) + len(entry or "") for address, entry in batch)
            if size > STATE_BYTES:
                raise problems.state_too_large(self._origin, STATE_BYTES)
        rows.execute("CLOSE reconciler_rows")
        return found

    def _top(self, rows: Rows) -> Top | None:
        """What is known of the present version; None before the first."""
        found = rows.execute(postgres_sql.TOP, (self._project,)).fetchone()
        return Top(*found) if found is not None else None

    def _sum(self, rows: Rows) -> int:
        """The sum of all rows by the present digest; 0 where there is no digest yet. Raises StateError."""
        top = self._top(rows)
        return (sum_in_digest(self._project, top, self._origin) or 0) if top is not None else 0

    def _state(self, top: Top, found: Sequence[Row]) -> State:
        entries = (
            (address, self._codec.unseal(entry.encode(), self._origin))
            for address, entry in sorted(found)
        )
        lines = b",\n".join(_encode(address) + b":" + entry for address, entry in entries)
        head = _encode(
            {
                "format": top.format,
                "project": self._project,
                "lineage": top.lineage,
                "serial": top.serial,
            }
        )
        origin = b',"saved":' + (top.saved.encode() if top.saved else b"null")
        document = head[:-1] + origin + b',"resources":{\n' + lines + b"\n}}\n"
        state = self._codec.state(
            document, self._origin, check_digest=False
        )  # every row has a checksum of its own
        return msgspec.structs.replace(state, journal_records=top.unfolded)

    def _lock_info(self, rows: Rows) -> LockInfo | None:
        found = rows.execute(postgres_sql.LOCK, (self._project,)).fetchone()
        if not found:
            return None
        try:
            return LockInfo(msgspec.json.decode(found[0] or "", type=Holder), bool(found[1]))
        except DECODE_ERRORS:
            return LockInfo(None, foreign=True)

    def _fence(self, rows: Rows, grant: Grant) -> None:
        """Go on only with the lock, whose row stays ours until the end of the transaction; it renews the lease."""
        mine = (self._lease, self._project, grant.token, grant.holder.run)
        if rows.execute(postgres_sql.FENCE, mine).rowcount != 1:
            now = self._lock_info(rows)
            raise LeaseLost(grant, now.holder if now else None)

    def _enter(self, rows: Rows, state: State, total: int) -> None:
        """Make this the present version, whose rows have this sum; forget the versions that are too old."""
        saved = _encode(state.saved).decode() if state.saved else None
        digest = digest_of(
            self._project, Top(state.format, state.serial, 0, state.lineage, saved), total
        )
        rows.execute(
            "UPDATE reconciler_project SET format = %s, lineage = %s, serial = %s, unfolded = 0, saved = %s, "
            "digest = %s WHERE project = %s",
            (state.format, state.lineage, state.serial, saved, digest, self._project),
        )
        rows.execute(
            "INSERT INTO reconciler_version VALUES (%s, %s, %s)",
            (self._project, state.serial, saved),
        )
        for table in ("reconciler_version", "reconciler_former"):
            oldest = state.serial - KEPT_VERSIONS
            rows.execute(
                f"DELETE FROM {table} WHERE project = %s AND serial < %s", (self._project, oldest)
            )

    def _keep(self, rows: Rows, serial: int, addresses: Sequence[str]) -> None:
        """What these addresses hold now is what they held in that version, unless they changed since already."""
        rows.execute(
            "INSERT INTO reconciler_former SELECT %s, %s, a, r.entry FROM unnest(%s::text[]) a "
            "LEFT JOIN reconciler_resource r ON r.project = %s AND r.address = a ON CONFLICT DO NOTHING",
            (self._project, serial, list(addresses), self._project),
        )

    def _rewrite(self, rows: Rows, resources: Mapping[str, Entry]) -> int:
        """Write all rows anew, and return their sum."""
        for table in ("reconciler_number", "reconciler_resource"):
            rows.execute(f"DELETE FROM {table} WHERE project = %s", (self._project,))
        return self._change(rows, resources, (), 0)

    def _change(
        self, rows: Rows, put: Mapping[str, Entry], removed: Sequence[str], total: int
    ) -> int:
        """Put and remove rows, and return the sum of all rows, which was `total` before."""
        touched = [*put, *removed]
        gone = (self._project, touched)
        rows.execute("DELETE FROM reconciler_number WHERE project = %s AND address = ANY(%s)", gone)
        delete = "DELETE FROM reconciler_resource WHERE project = %s AND address = ANY(%s) RETURNING address, entry"
        former: list[Row] = rows.execute(delete, gone).fetchall()

        written: list[Row] = []
        with rows.cursor() as cursor, cursor.copy("COPY reconciler_resource FROM STDIN") as copy:
            for address, entry in put.items():
                text = self._codec.seal(_encode(entry)).decode()
                copy.write_row((self._project, address, text))
                written.append((address, text))
        self._claim(
            rows, {e.sid: address for address, e in put.items() if e.kind in NUMBER_KINDS and e.sid}
        )
        return add_and_remove(total, written, former)

    def _claim(self, rows: Rows, numbers: Mapping[str, str]) -> None:
        """Enter the numbers as this project's; `number_already_imported` when one is another project's."""
        rows.execute(
            "INSERT INTO reconciler_number SELECT sid, %s, address FROM unnest(%s::text[], %s::text[]) n(sid, address) "
            "ORDER BY sid ON CONFLICT (sid) DO NOTHING",
            (self._project, list(numbers), list(numbers.values())),
        )
        for sid, other in _others(rows, self._project, numbers):
            raise StateError(problems.number_claimed(self._project, other, sid, numbers[sid]))

    @contextmanager
    def _asking(self) -> Iterator[Rows]:
        """One moment of the database, for any number of questions."""
        import psycopg

        try:
            rows = self._connect()
            with rows.transaction():
                rows.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield rows
        except psycopg.Error as error:
            raise problems.state_unreadable(self._origin, _reason(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[Rows]:
        """One transaction: all of it or nothing."""
        import psycopg

        try:
            rows = self._connect()
            with rows.transaction():
                yield rows
        except psycopg.Error as error:
            raise problems.state_unwritable(self._origin, _reason(error)) from error

    def _connect(self) -> Rows:
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

    def _check_encoding(self, rows: Rows) -> None:
        """Raise StateError unless the database keeps every text: in UTF8, or in SQL_ASCII, which keeps all bytes."""
        found = rows.info.parameter_status("server_encoding") or "unknown"
        if found not in _KEEPING_ALL:
            raise problems.unsupported_encoding(self._origin, found)


def _others(rows: Rows, project: str, sids: Collection[str]) -> list[tuple[str, str]]:
    """(SID, project) of those of these numbers that another project has."""
    found = rows.execute(
        "SELECT sid, project FROM reconciler_number WHERE sid = ANY(%s) AND project <> %s ORDER BY sid",
        (list(sids), project),
    )
    return [(sid, other) for sid, other in found.fetchall()]


def _has_tables(rows: Rows) -> bool:
    found = rows.execute("SELECT to_regclass('reconciler_project')").fetchone()
    return found is not None and found[0] is not None


def _saved(text: str | None) -> Saved | None:
    return msgspec.json.decode(text, type=Saved) if text else None


def _reason(error: Exception) -> str:
    """The reason on one line; libpq names host and user in it, and never a password."""
    return " ".join(str(error).split())
