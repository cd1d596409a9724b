"""What is particular to object stores: their conditions, their addresses, and what lies in them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from reconciler.errors import StateError
from reconciler.state.records import Put
from reconciler.state.stores.backing import LEASE
from reconciler.state.stores.lease_renewal import BEATS
from reconciler.state.stores.object_client import ObjectTimeouts, ObstoreBucket, open_bucket
from reconciler.state.stores.open import open_store

from . import servers
from .conftest import Place
from .samples import address, entry, holder, state


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> ObstoreBucket:
    for name, value in {**servers.S3, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    return open_bucket("s3://states/x", {"AWS_ENDPOINT_URL": s3})[0]


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def test_creates_an_object_only_where_none_exists(bucket: ObstoreBucket, key: str) -> None:
    assert bucket.put(key, b"one", None)
    assert bucket.put(key, b"two", None) is None
    found = bucket.get(key)
    assert found is not None
    assert found.data == b"one"


def test_replaces_an_object_only_over_the_version_it_read(bucket: ObstoreBucket, key: str) -> None:
    first = bucket.put(key, b"one", None)
    assert first is not None
    second = bucket.put(key, b"two", first)
    assert second is not None
    assert bucket.put(key, b"three", first) is None
    found = bucket.get(key)
    assert found is not None
    assert (found.data, found.tag) == (b"two", second)
    bucket.delete([key])
    assert bucket.put(key, b"three", second) is None
    assert bucket.get(key) is None


def test_only_one_of_concurrent_writes_over_a_version_succeeds(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all else rests upon; the server's, and so to be proved of the one that the other tests are run against."""
    with servers.s3_server(put_seconds=0.1) as url:
        for name, value in {**servers.S3, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        bucket = open_bucket("s3://states/x", os.environ)[0]
        for over in (None, bucket.put(f"{key}2", b"one", None)):
            name = f"{key}2" if over else key
            with ThreadPoolExecutor(8) as at_once:
                tags = list(
                    at_once.map(
                        lambda n, name=name, over=over: bucket.put(name, b"%d" % n, over), range(8)
                    )
                )
            found = bucket.get(name)
            assert found is not None
            assert [tag for tag in tags if tag is not None] == [found.tag]


@contextmanager
def slow_server(seconds: float) -> Iterator[str]:
    """A server that takes its time for every answer."""

    class Slow(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            self.send_response(200)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", "0")
            with suppress(OSError):
                self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_timeout_is_short_for_a_lock_and_long_for_a_state(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ObjectTimeouts().lock < LEASE / BEATS < ObjectTimeouts().small < ObjectTimeouts().whole
    with slow_server(1.0) as url:
        for name, value in {**servers.S3, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        bucket, _ = open_bucket(
            f"s3://states/{key}", os.environ, patience=ObjectTimeouts(lock=0.3, small=0.5, whole=60)
        )
        for name in (f"{key}.lock", key):
            with pytest.raises(StateError, match="state_unwritable"):
                bucket.put(name, b"small", None)
        assert bucket.put(key, bytes(1_000_000), None)


def test_creates_the_expected_objects(bucket: ObstoreBucket, key: str, tmp_path: Path) -> None:
    store = Place(f"s3://states/{key}/voice.json", tmp_path).open()
    with store.lock(holder()):
        journal = store.begin(store.save(state(1)))
        journal.append([Put(address(5), entry(5))])
        during = bucket.list(key)
        journal.fold()
    assert list(during) == [
        f"{key}/{name}"
        for name in ("voice.json", "voice.json.journal/000000001/000000001", "voice.json.lock")
    ]
    assert list(bucket.list(key)) == [
        f"{key}/{name}"
        for name in ("voice.json", "voice.json.history/000000001.json", "voice.json.lock")
    ]


@pytest.mark.parametrize("location", ["s3://states", "s3://states/", "s3:///key", "gs://states"])
def test_reports_an_address_without_bucket_or_key(location: str, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="name a bucket and a key"):
        open_store(location, tmp_path, "acme")


def test_reports_a_missing_bucket_in_one_line(bucket: ObstoreBucket, tmp_path: Path) -> None:
    store = Place("s3://no-such-bucket/voice.json", tmp_path).open()
    with pytest.raises(StateError, match="state_unwritable") as caught, store.lock(holder()):
        pytest.fail("there is no lock")
    assert "Debug source" not in str(caught.value)
    with pytest.raises(StateError, match="state_unreadable"):
        store.load()


def test_reports_a_damaged_lock_and_leaves_it_unchanged(
    bucket: ObstoreBucket, key: str, tmp_path: Path
) -> None:
    bucket.put(f"{key}.lock", b"{", None)
    store = Place(f"s3://states/{key}", tmp_path).open()
    with pytest.raises(StateError, match="state_damaged"), store.lock(holder()):
        pytest.fail("there is no lock")


def test_a_journal_without_its_state_or_with_a_gap_is_damage(
    bucket: ObstoreBucket, key: str, tmp_path: Path
) -> None:
    store = Place(f"s3://states/{key}", tmp_path).open()
    with store.lock(holder()):
        journal = store.begin(store.save(state(1)))
        for last in (5, 6):
            journal.append([Put(address(last), entry(last))])
    bucket.delete([f"{key}.journal/000000001/000000001"])
    with pytest.raises(StateError, match="batch 1 before it is missing"):
        store.load()
    bucket.delete([key])
    with pytest.raises(StateError, match="is gone"):
        store.load()
