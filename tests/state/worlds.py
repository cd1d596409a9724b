"""Places outside this machine in which the process may die at any call, before or after that had its effect."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from reconciler.state.format.codec import Codec
from reconciler.state.stores.bucket import BucketBacking
from reconciler.state.stores.bucket_contract import StoredObject
from reconciler.state.stores.http import HttpBacking
from reconciler.state.stores.http_client import Answer
from reconciler.state.stores.http_endpoints import HttpEndpoints
from reconciler.state.stores.leased import LeasedStore
from reconciler.state.stores.postgres import PostgresBacking
from reconciler.state.stores.postgres_sql import TABLES

from .faulty import PowerCut
from .samples import StoppedClock
from .terraform_server import Documents

T = TypeVar("T")
LEASE = 30.0


class Power:
    """Goes out at point number `out_at`: each call has two, one before its effect and one behind it."""

    def __init__(self, out_at: int | None = None) -> None:
        self.points = 0
        self.out_at = out_at

    def call(self, effect: Callable[[], T]) -> T:
        self.point()
        done = effect()
        self.point()
        return done

    def point(self) -> None:
        self.points += 1
        if self.out_at is not None and self.points >= self.out_at:
            raise PowerCut


class MemoryBucket:
    """An object store of dictionaries; `now` is its clock."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.time = 1_800_000_000.0
        self.power = Power()

    def get(self, key: str, most: int | None = None) -> StoredObject | None:
        found = self.power.call(lambda: self.objects.get(key))
        return StoredObject(found.data[:most], found.tag, found.modified) if found else None

    def put(self, key: str, data: bytes, over: str | None) -> str | None:
        def effect() -> str | None:
            present = self.objects.get(key)
            if (present.tag if present else None) != over:
                return None
            self.objects[key] = StoredObject(data, uuid.uuid4().hex, self.time)
            return self.objects[key].tag

        return self.power.call(effect)

    def copy(self, source: str, target: str) -> None:
        self.power.call(lambda: self.objects.update({target: self.objects[source]}))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:  # one by one, as stores do it
            self.power.call(lambda key=key: self.objects.pop(key, None))  # type: ignore[misc]

    def list(self, prefix: str) -> Sequence[str]:
        return self.power.call(
            lambda: sorted(key for key in self.objects if key.startswith(prefix))
        )

    def now(self) -> float:
        return self.time


class World:
    """A place, and stores in it that run on some power."""

    def store(self, power: Power | None = None) -> LeasedStore:
        raise NotImplementedError

    def expire(self) -> None:
        """Let the lease of a run that died run out."""
        raise NotImplementedError


class BucketWorld(World):
    """An object store."""

    def __init__(self) -> None:
        self.bucket = MemoryBucket()

    def store(self, power: Power | None = None) -> LeasedStore:
        self.bucket.power = power or Power()
        return LeasedStore(self.backing(), lease=LEASE, clock=StoppedClock())

    def backing(self) -> BucketBacking:
        return BucketBacking(
            self.bucket,
            "voice/state.json",
            Codec("acme", compress=True),
            origin="s3://bucket",
            lease=LEASE,
        )

    def expire(self) -> None:
        self.bucket.time += 2 * LEASE


class HttpWorld(World):
    """A server of Terraform's HTTP protocol."""

    def __init__(self) -> None:
        self.documents = Documents()
        self.clock = StoppedClock()

    def store(self, power: Power | None = None) -> LeasedStore:
        return LeasedStore(self.backing(power), lease=LEASE, clock=StoppedClock())

    def backing(self, power: Power | None = None) -> HttpBacking:
        where = HttpEndpoints(
            state="http://server/states/voice",
            lock="http://server/states/voice",
            unlock="http://server/states/voice",
        )
        sender = _Sender(self.documents, power or Power())
        return HttpBacking(
            where,
            Codec("acme", compress=True),
            sender,
            origin="http://server",
            lease=LEASE,
            clock=self.clock,
        )

    def expire(self) -> None:
        self.clock.now += 2 * LEASE


class _Sender:
    def __init__(self, documents: Documents, power: Power) -> None:
        self._documents = documents
        self._power = power

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Answer:
        lock_id = url.partition("?ID=")[2]
        path = url.removeprefix("http://server").partition("?")[0]
        status, answer = self._power.call(
            lambda: self._documents.answer(method, path, lock_id, body or b"")
        )
        return status, {}, answer

    def close(self) -> None:
        pass


class PostgresWorld(World):
    """A schema of a real PostgreSQL server, whose connections break."""

    def __init__(self, location: str) -> None:
        self.location = location
        with psycopg.connect(location, autocommit=True) as rows:
            rows.execute(TABLES)
            for table in ("project", "resource", "former", "version", "number"):
                rows.execute(f"DELETE FROM reconciler_{table}")  # type: ignore[call-overload]

    def store(self, power: Power | None = None) -> LeasedStore:
        return LeasedStore(self.backing(power), lease=LEASE, clock=StoppedClock())

    def backing(self, power: Power | None = None) -> PostgresBacking:
        return _Breaking(self.location, power or Power())

    def expire(self) -> None:
        with psycopg.connect(self.location, autocommit=True) as rows:
            rows.execute(
                "UPDATE reconciler_project SET lease_until = clock_timestamp() - interval '1 second'"
            )


class _Breaking(PostgresBacking):
    def __init__(self, location: str, power: Power) -> None:
        super().__init__(location, Codec("acme"), origin="postgresql://server", lease=LEASE)
        self._power = power

    def _connect(self) -> Any:
        return _Connection(super()._connect(), self._power)


class _Connection:
    def __init__(self, rows: Any, power: Power) -> None:
        self._rows = rows
        self._power = power

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        self._power.point()
        return self._rows.execute(statement, values or None)

    def cursor(self) -> Any:
        self._power.point()
        return self._rows.cursor()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._rows.transaction():
            yield
            self._power.point()  # before COMMIT
        self._power.point()
