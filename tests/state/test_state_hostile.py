"""A state document without end, or one that decompresses to gigabytes, is given up at the limit with a clear error.

The limit is 1 GB, which is too much for a test: here it is lowered to 4 MB, except for a file, whose size is known
before it is read.
"""

from __future__ import annotations

import gzip
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.remote.transport import body
from reconciler.state.stores import http_client, object_client
from reconciler.state.stores.open import open_store

from . import servers

LIMIT = 4 << 20
BLOCK = b" " * (1 << 18)
SLACK = 16 << 20
"""Bytes that may be on their way in buffers when a client closes the connection."""
_CONTENT = (
    "<Contents><Key>x/state.json.journal/{}-{}</Key><Size>1</Size><ETag>a</ETag>"
    "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
)
Answer = Callable[[], tuple[dict[str, str], Iterable[bytes]]]


def endless() -> tuple[dict[str, str], Iterable[bytes]]:
    return {}, itertools.repeat(BLOCK)


def stated_size() -> tuple[dict[str, str], Iterable[bytes]]:
    return {"Content-Length": str(1 << 40)}, itertools.repeat(BLOCK)


def gzip_bomb() -> tuple[dict[str, str], Iterable[bytes]]:
    return {"Content-Encoding": "gzip"}, [gzip.compress(BLOCK * 400)]


def endless_gzip() -> tuple[dict[str, str], Iterable[bytes]]:
    return {"Content-Encoding": "gzip"}, itertools.repeat(gzip.compress(BLOCK))


ANSWERS: dict[str, Answer] = {
    each.__name__: each for each in (endless, stated_size, gzip_bomb, endless_gzip)
}


class Server:
    """Answers every GET with one of the above; counts the bytes that were taken."""

    def __init__(self, case: str) -> None:
        self.case = case
        answer = ANSWERS[case]
        self.sent = 0
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                is_list = "list-type=" in self.path
                headers, pieces = outer.list_page() if is_list else answer()
                self.send_response(200)
                defaults = {"Content-Type": "application/json", "ETag": '"1"'}
                for name, value in {
                    **defaults,
                    "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        outer.sent += len(piece)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.names_without_end = False
        self.is_empty = False
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def list_page(self) -> tuple[dict[str, str], Iterable[bytes]]:
        """One page of a list of objects: empty, or with 1,000 names and the token of the next page."""
        names, more = (range(1000), "true") if self.names_without_end else (range(0), "false")
        if self.is_empty:
            names = range(0)
        rows = "".join(_CONTENT.format(self.requests, name) for name in names)
        text = f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{rows}"
        text += "<NextContinuationToken>x</NextContinuationToken>" if self.names_without_end else ""
        text += "</ListBucketResult>"
        return {"Content-Length": str(len(text))}, [text.encode()]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture(params=ANSWERS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for module in (body, http_client, object_client):
        monkeypatch.setattr(module, "STATE_BYTES", LIMIT)
    made = Server(request.param)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["http", "s3"])
def test_stops_reading_an_endless_state_at_the_limit(
    server: Server, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**servers.S3, **servers.HTTP, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    location = f"{server.url}/states/x" if kind == "http" else "s3://states/x/state.json"

    with pytest.raises(StateError) as raised:
        open_store(location, tmp_path, "acme").load()
    # An object store states the size of an object; its client refuses an answer without one, and decompresses nothing.
    is_refused = kind == "s3" and server.case != "stated_size"
    expected = "state_unreadable" if is_refused else "state_too_large"
    assert raised.value.diagnostics[0].code == expected, raised.value.diagnostics
    assert server.sent <= LIMIT + SLACK
    assert server.requests <= 8


def test_stops_reading_an_endless_list_of_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server("endless")
    server.names_without_end = True
    for name, value in {**servers.S3, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError) as raised:
        open_store("s3://states/x/state.json", tmp_path, "acme").load()
    server.close()
    assert "100,000 names" in raised.value.diagnostics[0].detail
    assert server.requests <= 102


def test_stops_reading_endless_empty_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library asks for page after page and never returns."""
    server = Server("endless")
    server.names_without_end = server.is_empty = True
    monkeypatch.setattr(object_client, "LIST_SECONDS", 1.0)
    for name, value in {**servers.S3, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError) as raised:
        open_store("s3://states/x/state.json", tmp_path, "acme").load()
    server.close()
    assert "does not end within 1 s" in raised.value.diagnostics[0].detail


def test_a_file_of_many_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "state.json").open("wb") as file:
        file.truncate(1 << 40)
    assert code_of(tmp_path) == "state_too_large"


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
@pytest.mark.parametrize("name", ["state.json", "state.json.journal"])
def test_does_not_read_what_is_not_a_file(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    assert code_of(tmp_path) == "state_unreadable"


def code_of(folder: Path) -> str:
    with pytest.raises(StateError) as raised:
        open_store("state.json", folder, "acme").load()
    return raised.value.diagnostics[0].code
