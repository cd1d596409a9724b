"""Open a bucket at `s3://`, `gs://` or `az://` and implement `Bucket` with time limits over
obstore; the only module that imports it.

Credentials, region and endpoint come from the provider's own environment variables and machines.
They are never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from reconciler.errors import StateError
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.state import problems
from reconciler.state.stores.bucket_contract import StoredObject

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ObjectStore

EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""Scheme → the extra that brings its library."""

_SMALL = 1 << 18
_PIECE = 10 << 20
_MOST_NAMES = 100_000
"""Objects below one prefix. A server that lists in circles would never end."""
LIST_SECONDS = 120.0
"""Seconds in which a list has to end."""
_RETRY: dict[str, Any] = {"max_retries": 5, "retry_timeout": timedelta(seconds=25)}


class ObjectTimeouts(msgspec.Struct, frozen=True):
    """Seconds to wait until an answer begins; the time starts with the request and includes what is
    sent.
    """

    lock: float = 8.0  # less than a beat of its lease, so that there is another one
    small: float = 25.0
    whole: float = 600.0  # a whole state of 100,000 numbers on a slow line


_USUAL = ObjectTimeouts()


def open_bucket(
    location: str, environ: Mapping[str, str], *, patience: ObjectTimeouts = _USUAL
) -> tuple[ObstoreBucket, str]:
    """Return the bucket of this URL and the key in it. Raises StateError: `extra_missing`,
    `state_address_invalid`.
    """
    parts = urlsplit(location)
    key = parts.path.strip("/")
    if not parts.netloc or not key:
        raise problems.state_address_invalid(
            location, f"name a bucket and a key:\n  state: {parts.scheme}://bucket/key"
        )
    stores = cache(partial(_store, parts.scheme, parts.netloc, environ))
    try:
        stores(patience.small)
    except ImportError as error:
        raise problems.extra_missing(
            f"A state at {parts.scheme}://…", EXTRAS[parts.scheme]
        ) from error
    except Exception as error:  # obstore has no common base for what is wrong with an environment
        if isinstance(error, StateError):
            raise
        raise problems.state_address_invalid(location, _first_line(error)) from error
    return ObstoreBucket(stores, location, key, patience), key


def _store(scheme: str, bucket: str, environ: Mapping[str, str], within: float) -> ObjectStore:
    from obstore.store import AzureStore, GCSStore, S3Store

    client = {
        "connect_timeout": timedelta(seconds=min(10.0, within)),
        "read_timeout": timedelta(seconds=within),
        "timeout": timedelta(minutes=10),
        "allow_http": _on_http(environ),
    }
    if scheme == "s3":
        return S3Store(bucket, client_options=client, retry_config=_RETRY)  # type: ignore[arg-type]
    if scheme == "gs":
        return GCSStore(bucket, client_options=client, retry_config=_RETRY)  # type: ignore[arg-type]
    return AzureStore(bucket, client_options=client, retry_config=_RETRY)  # type: ignore[arg-type]


def _on_http(environ: Mapping[str, str]) -> bool:
    """Return whether a configured endpoint has no TLS; a provider's own always has."""
    names = (
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT",
        "GOOGLE_BASE_URL",
        "AZURE_ENDPOINT",
        "AZURE_STORAGE_ENDPOINT",
    )
    return any(environ.get(name, "").startswith("http://") for name in names)


class ObstoreBucket:
    """A `Bucket` of a provider."""

    def __init__(
        self,
        stores: Callable[[float], ObjectStore],
        origin: str,
        key: str,
        patience: ObjectTimeouts,
    ) -> None:
        self._stores = stores
        self._origin = origin
        self._patience = patience
        self._lock = f"{key}.lock"
        self._probe = f"{key}.clock"

    def get(self, key: str, most: int | None = None) -> StoredObject | None:
        """See `Bucket`."""
        import obstore
        from obstore.exceptions import BaseError

        options: Any = {"range": (0, most)} if most else None
        try:
            found = obstore.get(self._store_for(key), key, options=options)
            data = self._read(found)
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise problems.state_unreadable(self._origin, _first_line(error)) from error
        return StoredObject(data, _tag(found.meta), found.meta["last_modified"].timestamp())

    def _read(self, found: GetResult) -> bytes:
        """Read an object within the limit, whatever size the store has stated. Raises StateError."""
        pieces: list[bytes] = []
        size = 0
        for piece in found.stream(min_chunk_size=_PIECE):
            pieces.append(bytes(piece))
            size += len(pieces[-1])
            if size > STATE_BYTES:
                raise problems.state_too_large(self._origin, STATE_BYTES)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def put(self, key: str, data: bytes, over: str | None) -> str | None:
        """See `Bucket`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        mode: Any = "create" if over is None else _condition(over)
        try:
            done = obstore.put(
                self._store_for(key, len(data)), key, data, mode=mode, use_multipart=False
            )
        except (AlreadyExistsError, PreconditionError):
            return None
        except (FileNotFoundError, BaseError) as error:
            if over is not None and isinstance(error, FileNotFoundError):
                return None
            raise problems.state_unwritable(self._origin, _first_line(error)) from error
        return _tag(done)

    def copy(self, source: str, target: str) -> None:
        """See `Bucket`."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.copy(self._stores(self._patience.whole), source, target)
        except BaseError as error:
            raise problems.state_unwritable(self._origin, _first_line(error)) from error

    def delete(self, keys: Sequence[str]) -> None:
        """See `Bucket`."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            if keys:
                obstore.delete(self._stores(self._patience.small), list(keys))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise problems.state_unwritable(self._origin, _first_line(error)) from error

    def list(self, prefix: str) -> Sequence[str]:
        """See `Bucket`."""
        import obstore
        from obstore.exceptions import BaseError

        store = self._stores(self._patience.small)
        names: list[str] = []
        failures: list[Exception] = []

        def read() -> None:
            try:
                for batch in obstore.list(store, prefix=prefix):
                    names.extend(found["path"] for found in batch)
                    if len(names) > _MOST_NAMES:
                        return
            except (FileNotFoundError, BaseError) as error:
                failures.append(error)

        # A list of empty pages without end never returns from the library, which has no limit for
        # it.
        reader = Thread(target=read, daemon=True)
        reader.start()
        reader.join(LIST_SECONDS)
        if reader.is_alive():
            raise problems.state_unreadable(
                self._origin, f"its list does not end within {LIST_SECONDS:g} s"
            )

        if failures:
            raise problems.state_unreadable(self._origin, _first_line(failures[0])) from failures[0]
        if len(names) > _MOST_NAMES:
            raise problems.state_unreadable(
                self._origin, f"its list has more than {_MOST_NAMES:,} names"
            )
        return sorted(names)

    def now(self) -> float:
        """See `Bucket`: put an object that serves no other purpose, and return its time."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            store = self._store_for(self._probe)
            obstore.put(store, self._probe, b"", use_multipart=False)
            return obstore.head(store, self._probe)["last_modified"].timestamp()
        except BaseError as error:
            raise problems.state_unwritable(self._origin, _first_line(error)) from error

    def _store_for(self, key: str, size: int = 0) -> ObjectStore:
        """Return the store with the time limits for this object."""
        if key in (self._lock, self._probe):
            return self._stores(self._patience.lock)
        return self._stores(self._patience.small if size <= _SMALL else self._patience.whole)


def _tag(found: Any) -> str:
    """Return the version of an object as one text: S3 and Azure compare its ETag, Google its
    generation.
    """
    return f"{found['e_tag'] or ''}\n{found['version'] or ''}"


def _condition(tag: str) -> Any:
    e_tag, _, version = tag.partition("\n")
    return {name: value for name, value in (("e_tag", e_tag), ("version", version)) if value}


def _first_line(error: Exception) -> str:
    """Return the reason without the debugging output after it."""
    return str(error).split("\n", 1)[0].strip()
