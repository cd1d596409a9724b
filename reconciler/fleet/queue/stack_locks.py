"""Hold the locks of the stacks that a worker runs, so that no other worker runs them too.

Each is a session-level advisory lock of PostgreSQL over one connection of the worker. It is free as
soon as the worker has ended or its connection is gone, without a time limit that might be too short.
A worker that loses the connection takes its locks again; it must stop the stacks whose locks another
worker has by then, and all stacks when it cannot connect in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, RLock, Thread

import psycopg

from reconciler.fleet.queue.address import QueueAddress
from reconciler.fleet.queue.connection import SCHEMA, Connection, connect

_INTERVAL = 2.0
"""Seconds between two looks at the connection."""
_MOST_SILENCE = 12.0
"""Seconds without the connection after which every stack is stopped. It is less than the time after
which another worker may start one (`worker.py`).
"""

_FIND_LOCK = """
SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database()
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = %s
"""


class StackLocks:
    """The locks of one worker. `stop` is called with the name of a stack whose lock is lost."""

    def __init__(self, address: QueueAddress, stop: Callable[[str], None]) -> None:
        self._address = address
        self._stop = stop
        self._held: set[str] = set()
        self._connection: Connection | None = None
        self._lock = RLock()
        self._end = Event()
        self._seen = time.monotonic()
        self._thread = Thread(target=self._keep, name="stack locks", daemon=True)

    def open(self) -> None:
        """Begin to look after the connection."""
        self._thread.start()

    def close(self) -> None:
        """Free all locks."""
        self._end.set()
        with self._lock:
            self._disconnect()

    def take(self, name: str) -> bool:
        """Take the lock of a stack; return False while somebody has it, this worker included.

        Raises psycopg.Error when the server does not answer.
        """
        with self._lock:
            if name in self._held:
                return False
            if not self._try_lock(name):
                return False
            self._held.add(name)
            return True

    def give(self, name: str) -> None:
        """Free the lock of a stack."""
        with self._lock:
            self._held.discard(name)
            if self._connection is not None:
                with suppress(psycopg.Error):
                    self._connection.execute("SELECT pg_advisory_unlock(%s)", (self._key(name),))

    def is_free(self, name: str) -> bool:
        """Return whether the lock of a stack is free at this moment; it is only looked at, because
        the worker that has just lost it takes it again.
        """
        with self._lock:
            if name in self._held:
                return False
            found = self._ensure().execute(_FIND_LOCK, (self._key(name),)).fetchone()
            return found is None

    def _keep(self) -> None:
        while not self._end.wait(_INTERVAL):
            with self._lock:
                self._look()

    def _look(self) -> None:
        """Check the connection, and take the locks again after it was lost."""
        try:
            if self._connection is None or self._connection.closed:
                self._take_again()
            else:
                self._connection.execute("SELECT 1")
            self._seen = time.monotonic()
        except psycopg.Error:
            self._disconnect()
            if time.monotonic() - self._seen > _MOST_SILENCE:
                self._lose([*self._held])

    def _take_again(self) -> None:
        self._connect()
        lost = [name for name in self._held if not self._try_lock(name)]
        self._lose(lost)

    def _lose(self, names: list[str]) -> None:
        for name in names:
            self._held.discard(name)
            self._stop(name)

    def _try_lock(self, name: str) -> bool:
        query = "SELECT pg_try_advisory_lock(%s)"
        return self._ensure().execute(query, (self._key(name),)).fetchone() == (True,)

    def _ensure(self) -> Connection:
        """Return the connection, over which all locks are held."""
        if self._connection is None or self._connection.closed:
            self._take_again()
        connection = self._connection
        assert connection is not None
        return connection

    def _connect(self) -> None:
        self._disconnect()
        self._connection = connect(self._address)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _key(self, name: str) -> int:
        """Return the number of the lock: 63 bits of a digest."""
        from hashlib import sha256

        digest = sha256(f"{SCHEMA}:{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1
