"""Choose and build the store that `state` in a configuration names: file, object store, PostgreSQL
or HTTP. Reads no state yet.

Modules of stores that need a library are imported only when such a store is opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.clock import SystemClock
from reconciler.state import problems
from reconciler.state.format.codec import Cipher, Codec
from reconciler.state.stores.backing import LEASE
from reconciler.state.stores.file import FileStore
from reconciler.state.stores.store import Store


def open_store(
    location: str,
    base: Path,
    project: str,
    *,
    cipher: Cipher | None = None,
    environ: Mapping[str, str] = os.environ,
    lease: float | None = None,
) -> Store:
    """Return the store at this location, a path from `base` or a URL; its content is encrypted with
    the cipher, if any.

    Raises StateError: `state_backend_missing`, `state_address_invalid`, `extra_missing`.
    """
    scheme, url, _ = location.partition("://")
    # In PostgreSQL each resource is a small row of its own: little is sent, and little would shrink.
    codec = Codec(project, cipher, compress=scheme not in ("postgresql", "postgres"))

    if not url:
        return FileStore(base / Path(location).expanduser(), project, cipher=cipher)
    if scheme in ("s3", "gs", "az"):
        return _in_bucket(location, codec, environ, lease or LEASE)
    if scheme in ("postgresql", "postgres"):
        return _in_postgres(location, codec, lease or LEASE)
    if scheme in ("https", "http"):
        return _behind_http(location, codec, environ, lease)
    raise problems.state_backend_missing(scheme)


def _in_bucket(location: str, codec: Codec, environ: Mapping[str, str], lease: float) -> Store:
    from reconciler.state.stores.bucket import BucketBacking
    from reconciler.state.stores.leased import LeasedStore
    from reconciler.state.stores.object_client import open_bucket

    bucket, key = open_bucket(location, environ)
    return LeasedStore(BucketBacking(bucket, key, codec, origin=location, lease=lease), lease=lease)


def _in_postgres(location: str, codec: Codec, lease: float) -> Store:
    from reconciler.state.stores.leased import LeasedStore
    from reconciler.state.stores.postgres import PostgresBacking

    if find_spec("psycopg") is None:
        raise problems.extra_missing("A state in PostgreSQL", "postgres")
    return LeasedStore(
        PostgresBacking(location, codec, origin=_without_parameters(location), lease=lease),
        lease=lease,
    )


def _behind_http(
    location: str, codec: Codec, environ: Mapping[str, str], seconds: float | None
) -> Store:
    from reconciler.remote.transport.body import STATE_BYTES
    from reconciler.remote.transport.pool import Pool
    from reconciler.state.stores.http import LEASE as LONGER
    from reconciler.state.stores.http import HttpBacking
    from reconciler.state.stores.http_endpoints import read_endpoints
    from reconciler.state.stores.leased import LeasedStore

    lease, clock = seconds or LONGER, SystemClock()
    pool = Pool(
        connections=2,
        connect_timeout=10,
        read_timeout=25,
        answer_timeout=300,
        clock=clock,
        most_bytes=STATE_BYTES,
    )
    where = read_endpoints(location, environ)
    backing = HttpBacking(
        where, codec, pool, origin=_without_parameters(location), lease=lease, clock=clock
    )
    return LeasedStore(backing, lease=lease, clock=clock)


def _without_parameters(location: str) -> str:
    """Return the location without its parameters, which can hold a token."""
    return urlsplit(location)._replace(query="", fragment="").geturl()
