"""Make connection classes for urllib3 that limit the time for the whole answer, head and body, and
send each request in one piece.

A time-out for each piece does not stop a server that sends one byte at a time. Knows nothing of
Twilio; uses urllib3's setting for the class of a connection.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from http.client import HTTPResponse
from socket import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection


def connection_class(scheme: str, seconds: float, now: Callable[[], float]) -> type[HTTPConnection]:
    """Return a class of connections with a deadline for each answer.

    Reading raises TimeoutError when `seconds` pass between the request and the last byte.
    """

    def response(sock: socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        return _TimedResponse(sock, *args, deadline=now() + seconds, now=now, **kwargs)

    base = HTTPSConnection if scheme == "https" else HTTPConnection
    return type(
        f"Timed{base.__name__}",
        (_OnePieceConnection, base),
        {"response_class": staticmethod(response)},
    )


class _OnePieceConnection(HTTPConnection):
    """A connection that sends head and body as one piece: one system call, often one packet."""

    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._pieces = []
        try:
            super().request(*args, **kwargs)
        finally:
            pieces, self._pieces = self._pieces, None
        super().send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class _TimedResponse(HTTPResponse):
    def __init__(
        self, sock: socket, *args: Any, deadline: float, now: Callable[[], float], **kwargs: Any
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedStream(self.fp.detach(), deadline, now))


class _TimedStream(io.RawIOBase):
    """The bytes of a socket until the deadline.

    One Python call for each piece; the pieces are joined in C.
    """

    def __init__(self, raw: io.RawIOBase, deadline: float, now: Callable[[], float]) -> None:
        self._raw = raw
        self._deadline = deadline
        self._now = now

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._now() > self._deadline:
            raise TimeoutError("the answer came too slowly")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
