"""Parse the bytes of a stream to an HTTP/1.1 `Request`, as far as API clients need it, and build
JSON replies and the head of a `Reply`.

Independent of sockets, routes and Twilio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import parse_qsl

import msgspec

JSON_TYPE = "application/json; charset=utf-8"
FORM_TYPE = "application/x-www-form-urlencoded"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_LONGEST_LINE = 65_536
_MOST_HEADERS = 200
_REASONS = {int(status): status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """The bytes are not a valid request; the connection has to be closed."""


@dataclass(slots=True)
class Request:
    """One request.

    `path` is as sent (still percent-encoded); `query` and `form` are decoded, and the last of equal
    names wins.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    @property
    def is_write(self) -> bool:
        """Return true when the method may change something."""
        return self.method in WRITES

    @property
    def base_url(self) -> str:
        """Return scheme and host as the client addressed them, for absolute links."""
        return "http://" + self.headers.get("host", "127.0.0.1")

    def json(self) -> object:
        """Return the body as JSON, None when it is empty; raises `msgspec.DecodeError`."""
        return msgspec.json.decode(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a status, a body (empty for 204), and headers in addition to the usual ones."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def json_reply(status: int, value: object, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Return a reply whose body is `value` as JSON."""
    return Reply(status, msgspec.json.encode(value), tuple(headers))


def read_request(stream: BinaryIO, peer: str) -> Request | None:
    """Return the next request of a connection, None when the client has closed it."""
    line = stream.readline(_LONGEST_LINE)
    if not line:
        return None

    try:
        method, target, version = line.decode("latin-1").split()
    except ValueError:
        raise BadRequest("The request line is malformed.") from None
    if not version.startswith("HTTP/1."):
        raise BadRequest("Only HTTP/1 is supported.")

    headers = _read_headers(stream)
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")

    body = _read_body(stream, headers)
    path, _, query = target.partition("?")
    return Request(method, path, _decode(query), headers, _form(headers, body), body, peer)


def keeps_open(request: Request) -> bool:
    """Return true when the client keeps the connection open for another request."""
    return request.headers.get("connection", "").lower() != "close"


def reply_head(reply: Reply, headers: Sequence[tuple[str, str]], *, keep_open: bool) -> bytes:
    """Return status line and headers of a reply, as they precede its body."""
    lines = [
        f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}",
        f"Content-Length: {len(reply.body)}",
        "Connection: keep-alive" if keep_open else "Connection: close",
    ]
    if reply.body and not any(name == "Content-Type" for name, _ in reply.headers):
        lines.append(f"Content-Type: {JSON_TYPE}")
    lines += [f"{name}: {value}" for name, value in (*headers, *reply.headers)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = stream.readline(_LONGEST_LINE)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadRequest("A header is malformed or missing.")
        headers[name.lower()] = value.strip()
    raise BadRequest("There are too many headers.")


def _read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise BadRequest("Send a Content-Length; chunked bodies are not supported.")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise BadRequest("Content-Length is not a number.")
    size = int(length)
    body = stream.read(size) if size else b""
    if len(body) < size:
        raise BadRequest("The body ended early.")
    return body


def _form(headers: dict[str, str], body: bytes) -> dict[str, str]:
    if not body or not headers.get("content-type", "").startswith(FORM_TYPE):
        return {}
    return _decode(body.decode("utf-8", "replace"))


def _decode(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}
