"""Listen on a socket, with one thread per connection, and answer every HTTP request with one given
function.

Independent of routes and Twilio. `stop` wakes all waiting threads, closes every connection and
joins every thread.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from reconciler.sandbox.http.messages import (
    BadRequest,
    Reply,
    Request,
    json_reply,
    keeps_open,
    read_request,
    reply_head,
)

BACKLOG = 512
_JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to send, in `pieces` with a pause between them.

    Afterwards the connection stays open or is closed.
    """

    pieces: tuple[bytes, ...] = ()
    pause: float = 0.0
    keep_open: bool = True


Exchange = Callable[[Request], Answer]


class Listener:
    """Listens on one address from `start` to `stop`; port 0 takes a free one."""

    def __init__(self, host: str, port: int, exchange: Exchange) -> None:
        self._exchange = exchange
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._socket = socket.create_server((host, port), backlog=BACKLOG)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._accept, name="sandbox", daemon=True)

    def start(self) -> None:
        """Start to accept connections."""
        self._acceptor.start()

    @property
    def connection_count(self) -> int:
        """Return the number of connections.

        It counts until its request is executed, even when the client has closed it before.
        """
        with self._lock:
            return len(self._connections)

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until `stop` is called."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def stop(self) -> None:
        """Close everything and wait for the threads to end; may be called twice."""
        if self._stopping.is_set():
            return

        self._stopping.set()

        # `accept` does not return when its socket is closed: a connection of our own wakes it.
        if self._acceptor.ident is not None:
            with contextlib.suppress(OSError), socket.create_connection(self.address, timeout=1):
                pass
            self._acceptor.join(_JOIN_SECONDS)
        self._socket.close()

        with self._lock:
            connections = list(self._connections.items())
        for connection, _ in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        for _, thread in connections:
            thread.join(_JOIN_SECONDS)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, peer = self._socket.accept()
            except OSError:
                self.sleep(0.05)  # out of file descriptors: wait for connections to end
                continue
            thread = threading.Thread(
                target=self._converse, args=(connection, peer[0]), daemon=True
            )
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _converse(self, connection: socket.socket, peer: str) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, connection.makefile("rb", buffering=65_536) as stream:
                while self._serve_one(connection, cast(BinaryIO, stream), peer):
                    pass
        except OSError:
            pass  # the client has gone away, or `stop` has closed the connection
        finally:
            with self._lock:
                self._connections.pop(connection, None)

    def _serve_one(self, connection: socket.socket, stream: BinaryIO, peer: str) -> bool:
        try:
            request = read_request(stream, peer)
        except BadRequest as error:
            connection.sendall(
                whole_answer(
                    json_reply(400, {"status": 400, "message": str(error)}), keep_open=False
                )
            )
            return False

        if request is None or self._stopping.is_set():
            return False

        answer = self._exchange(request)
        for number, piece in enumerate(answer.pieces):
            if number:
                self.sleep(answer.pause)
            connection.sendall(piece)

        return answer.keep_open and keeps_open(request)


def whole_answer(reply: Reply, *, keep_open: bool = True) -> bytes:
    """Return a reply in one piece."""
    return reply_head(reply, (), keep_open=keep_open) + reply.body
