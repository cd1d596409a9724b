"""Read and write the rows, versions and number claims of one project in PostgreSQL, and read its
lock, inside a transaction that the caller has begun.

Takes a connection and returns tops, rows, sums and locks; knows nothing of leases, and opens no
connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from reconciler.errors import StateError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.rows_digest import (
    Row,
    Top,
    add_and_remove,
    digest_of,
    sum_in_digest,
)
from reconciler.state.records import Saved, StoredVersion
from reconciler.state.stores import postgres_sql
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.store import KEPT_VERSIONS, LockInfo

_ROWS_AT_ONCE = 5_000
_TABLES_OF_VERSIONS = ("reconciler_version", "reconciler_former")
_encode = msgspec.json.Encoder(order="deterministic").encode


class Result(Protocol):
    """The part of a cursor with a result that is used here."""

    @property
    def rowcount(self) -> int:
        """The number of rows that a statement has changed."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""


class Connection(Protocol):
    """The part of a connection of psycopg that is used here."""

    def execute(self, query: Any, params: Sequence[Any] | None = None) -> Result:
        """Execute a statement."""

    def cursor(self) -> AbstractContextManager[Any]:
        """Return a cursor, for COPY."""


class ProjectRows:
    """The rows of one project over one connection."""

    def __init__(self, connection: Connection, codec: Codec, origin: str) -> None:
        self._connection = connection
        self._codec = codec
        self._project = codec.project
        self._origin = origin

    def execute(self, query: str, params: Sequence[Any] | None = None) -> Result:
        """Execute a statement."""
        return self._connection.execute(query, params)

    def have_tables(self) -> bool:
        """Return whether any version of the reconciler has created its tables."""
        found = self.execute("SELECT to_regclass('reconciler_project')").fetchone()
        return found is not None and found[0] is not None

    def top(self) -> Top | None:
        """Return the head of the present version; None before the first."""
        found = self.execute(postgres_sql.TOP, (self._project,)).fetchone()
        return Top(*found) if found is not None else None

    def top_of(self, serial: int) -> Top | None:
        """Return the head of a version that is kept; None for any other serial."""
        found = self.execute(postgres_sql.VERSION, (self._project, serial)).fetchone()
        return Top(*found) if found is not None else None

    def present(self) -> list[Row]:
        """Return the rows of the present version, its journal included. Raises StateError."""
        return self._fetch(postgres_sql.PRESENT, (self._project,))

    def at_version(self, serial: int) -> list[Row]:
        """Return the rows of an earlier version: the present ones, and over them what later
        versions changed.
        """
        rows = dict(self.present())
        for address, text in self._fetch(postgres_sql.BEFORE, (self._project, serial)):
            if text is None:
                rows.pop(address, None)
            else:
                rows[address] = text
        return list(rows.items())

    def versions(self) -> list[StoredVersion]:
        """Return the present version and the former ones, the newest first."""
        found = self.execute(
            "SELECT serial, saved FROM reconciler_version WHERE project = %s "
            "ORDER BY serial DESC LIMIT %s",
            (self._project, KEPT_VERSIONS + 1),
        )

        versions: list[StoredVersion] = []
        for serial, saved in found.fetchall():
            origin = msgspec.json.decode(saved, type=Saved) if saved else None
            versions.append(StoredVersion(serial, origin))
        return versions

    def newest(self) -> int | None:
        """Return the highest serial that any version has had."""
        found = self.execute(postgres_sql.NEWEST, (self._project, self._project)).fetchone()
        return found[0] if found else None

    def sum(self) -> int:
        """Return the sum of all rows from the present digest; 0 where there is none yet. Raises
        StateError.
        """
        top = self.top()
        if top is None:
            return 0
        return sum_in_digest(self._project, top, self._origin) or 0

    def state(self, top: Top, rows: Sequence[Row]) -> State:
        """Return the state that these rows hold. Raises StateError."""
        lines: list[bytes] = []
        for address, text in sorted(rows):
            entry = self._codec.unseal(text.encode(), self._origin)
            lines.append(_encode(address) + b":" + entry)

        head = {
            "format": top.format,
            "project": self._project,
            "lineage": top.lineage,
            "serial": top.serial,
        }
        saved = b',"saved":' + (top.saved.encode() if top.saved else b"null")
        resources = b',"resources":{\n' + b",\n".join(lines) + b"\n}}\n"
        document = _encode(head)[:-1] + saved + resources

        # The document has no digest: every row has a checksum of its own, and all together the
        # digest of the rows.
        state = self._codec.state(document, self._origin, check_digest=False)
        return msgspec.structs.replace(state, journal_records=top.unfolded)

    def lock_info(self) -> LockInfo | None:
        """Return the holder of the lock; None when it is free."""
        found = self.execute(postgres_sql.LOCK, (self._project,)).fetchone()
        if not found:
            return None
        try:
            return LockInfo(msgspec.json.decode(found[0] or "", type=Holder), bool(found[1]))
        except DECODE_ERRORS:
            return LockInfo(None, foreign=True)

    def set_version(self, state: State, total: int) -> None:
        """Make this the present version, whose rows have the sum `total`, and delete versions that
        are too old.
        """
        saved = _encode(state.saved).decode() if state.saved else None
        top = Top(state.format, state.serial, 0, state.lineage, saved)
        digest = digest_of(self._project, top, total)
        self.execute(
            "UPDATE reconciler_project SET format = %s, lineage = %s, serial = %s, unfolded = 0, "
            "saved = %s, digest = %s WHERE project = %s",
            (state.format, state.lineage, state.serial, saved, digest, self._project),
        )
        self.execute(
            "INSERT INTO reconciler_version VALUES (%s, %s, %s)",
            (self._project, state.serial, saved),
        )

        oldest = state.serial - KEPT_VERSIONS
        for table in _TABLES_OF_VERSIONS:
            self.execute(
                f"DELETE FROM {table} WHERE project = %s AND serial < %s", (self._project, oldest)
            )

    def set_journal_length(self, top: Top, length: int, total: int | None) -> None:
        """Record the number of journal records upon the present version; `total` is the sum of the
        rows after them.

        Rows of an earlier version have no sum: they get a digest with the next version, together
        with checksums.
        """
        now = top._replace(unfolded=length)
        digest = None if total is None else digest_of(self._project, now, total)
        self.execute(
            "UPDATE reconciler_project SET unfolded = %s, digest = %s WHERE project = %s",
            (length, digest, self._project),
        )

    def keep_former(self, serial: int, addresses: Sequence[str]) -> None:
        """Copy the rows of these addresses into the version `serial`, unless it has them already.

        An address that changed more than once since that version is copied at its first change
        only.
        """
        self.execute(
            "INSERT INTO reconciler_former SELECT %s, %s, a, r.entry FROM unnest(%s::text[]) a "
            "LEFT JOIN reconciler_resource r ON r.project = %s AND r.address = a "
            "ON CONFLICT DO NOTHING",
            (self._project, serial, list(addresses), self._project),
        )

    def addresses(self) -> list[str]:
        """Return the addresses of all rows."""
        found = self.execute(
            "SELECT address FROM reconciler_resource WHERE project = %s", (self._project,)
        )
        return [address for (address,) in found.fetchall()]

    def rewrite(self, resources: Mapping[str, Entry]) -> int:
        """Write all rows again, and return their sum."""
        for table in ("reconciler_number", "reconciler_resource"):
            self.execute(f"DELETE FROM {table} WHERE project = %s", (self._project,))
        return self.change(resources, (), 0)

    def change(self, put: Mapping[str, Entry], removed: Sequence[str], total: int) -> int:
        """Put and remove rows, and return the sum of all rows, which was `total` before."""
        touched = (self._project, [*put, *removed])
        self.execute(
            "DELETE FROM reconciler_number WHERE project = %s AND address = ANY(%s)", touched
        )
        former: list[Any] = self.execute(
            "DELETE FROM reconciler_resource WHERE project = %s AND address = ANY(%s) "
            "RETURNING address, entry",
            touched,
        ).fetchall()

        # COPY is one round trip for any number of rows.
        written: list[Row] = []
        with (
            self._connection.cursor() as cursor,
            cursor.copy("COPY reconciler_resource FROM STDIN") as copy,
        ):
            for address, entry in put.items():
                text = self._codec.seal(_encode(entry)).decode()
                copy.write_row((self._project, address, text))
                written.append((address, text))

        numbers: dict[str, str] = {}
        for address, entry in put.items():
            if entry.kind in NUMBER_KINDS and entry.sid:
                numbers[entry.sid] = address
        self._claim(numbers)
        return add_and_remove(total, written, former)

    def find_claims(self, sids: Collection[str]) -> dict[str, str]:
        """Return those of these numbers that another project has: SID → project."""
        found = self.execute(
            "SELECT sid, project FROM reconciler_number WHERE sid = ANY(%s) AND project <> %s "
            "ORDER BY sid",
            (list(sids), self._project),
        )
        claims: dict[str, str] = {}
        for sid, project in found.fetchall():
            claims[sid] = project
        return claims

    def _claim(self, numbers: Mapping[str, str]) -> None:
        """Record the numbers, SID → address, as this project's.

        Raises StateError `number_already_imported` when one belongs to another project.
        """
        # Sorted, so that two projects that claim the same numbers at once cannot lock each other
        # out.
        self.execute(
            "INSERT INTO reconciler_number "
            "SELECT sid, %s, address FROM unnest(%s::text[], %s::text[]) n(sid, address) "
            "ORDER BY sid ON CONFLICT (sid) DO NOTHING",
            (self._project, list(numbers), list(numbers.values())),
        )
        for sid, other in self.find_claims(numbers).items():
            raise StateError(problems.number_claimed(self._project, other, sid, numbers[sid]))

    def _fetch(self, statement: str, values: tuple[object, ...]) -> list[tuple[str, Any]]:
        """Return address and text of each row, fetched in pieces within the limit. Raises
        StateError.
        """
        found: list[tuple[str, Any]] = []
        size = 0
        # A cursor of the server: libpq would hold the whole answer before the first row can be
        # looked at.
        self.execute(f"DECLARE reconciler_rows NO SCROLL CURSOR FOR {statement}", values)
        while True:
            batch = self.execute(f"FETCH {_ROWS_AT_ONCE} FROM reconciler_rows").fetchall()
            if not batch:
                break
            for address, text in batch:
                found.append((address, text))
                size += len(address) + len(text or "")
            if size > STATE_BYTES:
                raise problems.state_too_large(self._origin, STATE_BYTES)
        self.execute("CLOSE reconciler_rows")
        return found
