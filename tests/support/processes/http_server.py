"""The HTTP layer of the independent Twilio: four styles of response, a log of calls, and gates that hold calls.

Uses the standard library only, and nothing of `reconciler`. `independent_twilio` implements the API itself.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

PATIENCE = 60.0
"""Seconds after which a test that waits has failed."""
Row = dict[str, Any]
Body = Row | None


class Refusal(Exception):
    """An answer that is an error: HTTP status, the code of the error dictionary, a message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Call:
    """One request as it arrived; `status` is 0 until it is answered, and stays 0 when it never is."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    user: str
    status: int = 0

    @property
    def writes(self) -> bool:
        return self.method != "GET"


class Gate:
    """Holds the calls it wants: a test waits until one has come, and says when it is answered.

    `carried_out`: the call has taken effect by the time it is held, and only its answer is missing.
    """

    def __init__(
        self, wants: Callable[[Call], bool] = lambda call: True, *, carried_out: bool = False
    ) -> None:
        self.wants, self.carried_out = wants, carried_out
        self.held: list[Call] = []
        self.discards = False
        self._changed = threading.Condition()
        self._opened = self._over = False

    def wait(self, calls: int = 1) -> None:
        """Return once so many calls are held, or nobody is left who could make them."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.held) >= calls or self._over, PATIENCE)
            assert enough, "no such call came"

    def give_up(self) -> None:
        """No call is to be expected any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def open(self, *, discard: bool = False) -> None:
        """Let everything go, now and later; with `discard` what is held takes no effect any more."""
        with self._changed:
            self._opened, self.discards = True, discard
            self._changed.notify_all()

    @property
    def is_open(self) -> bool:
        return self._opened

    def pass_through(self, call: Call) -> None:
        """Called by the server: stay until the gate is open."""
        with self._changed:
            self.held.append(call)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._opened, PATIENCE)


class World(Protocol):
    """What a server plays."""

    calls: list[Call]
    gates: list[Gate]
    trouble: Callable[[Call], str | None]
    answered: Callable[[Call], None]
    latency: float
    prefix: str
    failures: list[str]
    lock: Any

    def who(self, authorization: str | None) -> tuple[str, str]:
        """Account SID and user name; raises Refusal."""

    def carry_out(self, call: Call, account: str) -> tuple[int, Body]:
        """Status and body of a call, which takes effect now; raises Refusal."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World) -> None:
        self.world = world
        self._connected = 0
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def count(self, more: int) -> None:
        with self._changed:
            self._connected += more
            self._changed.notify_all()

    def wait_until_alone(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._connected == 0, PATIENCE), (
                "somebody is still connected"
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        self.count(+1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.count(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no failure of this server."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            self.world.failures.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = PATIENCE
    server: Server

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Calls are logged by the world, not on stderr."""

    def _answer(self) -> None:
        world = self.server.world
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        call, account, refusal = self._arrived(world, body)
        gate = next((gate for gate in world.gates if not gate.is_open and gate.wants(call)), None)
        if gate is not None and not gate.carried_out:
            gate.pass_through(call)
            if gate.discards:
                return self._hang_up()
        trouble = world.trouble(call) or ""
        if world.latency:
            time.sleep(world.latency)
        reply: tuple[int, Body] = (
            (int(trouble[:3]), _error(int(trouble[:3]), 0, ""))
            if trouble[:3].isdigit()
            else (0, None)
        )
        if not trouble or trouble.endswith("after"):
            done = self._carry_out(world, call, account, refusal)
            reply = reply if reply[0] else done
        if gate is not None and gate.carried_out:
            gate.pass_through(call)
        if trouble.startswith("drop"):
            return self._hang_up()
        call.status = reply[0]
        for piece in self._pieces(call, *reply, cut=trouble.startswith("cut")):
            self.wfile.write(piece)
        if trouble.startswith("cut"):
            self._hang_up()
        world.answered(call)

    def _arrived(self, world: World, body: str) -> tuple[Call, str, Refusal | None]:
        target = urlsplit(self.path)
        path = target.path.removeprefix(world.prefix)
        query, form = dict(parse_qsl(target.query, True)), dict(parse_qsl(body, True))
        account, user, refusal = "", "", None
        try:
            account, user = world.who(self.headers.get("Authorization"))
        except Refusal as refused:
            refusal = refused
        with world.lock:
            call = Call(len(world.calls) + 1, self.command, path, query, form, user)
            world.calls.append(call)
        return call, account, refusal

    def _carry_out(
        self, world: World, call: Call, account: str, refusal: Refusal | None
    ) -> tuple[int, Body]:
        with world.lock:
            try:
                if refusal is not None:
                    raise refusal
                return world.carry_out(call, account)
            except Refusal as refused:
                return refused.status, _error(refused.status, refused.code, refused.message)

    def _pieces(self, call: Call, status: int, body: Body, *, cut: bool) -> Iterator[bytes]:
        """An answer in one of four manners."""
        data = json.dumps(body).encode() if body is not None else b""
        manner = call.number % 4 if data and not cut else 0
        lines = [
            f"HTTP/1.1 {status} -",
            "content-type: application/json",
            f"twilio-request-id: RQ{call.number:032x}",
        ]
        if manner == 1:
            chunks = [data[i : i + 700] for i in range(0, len(data), 700)]
            data = (
                b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
            )
            lines.append("transfer-encoding: chunked")
        elif manner == 2:
            lines.append("Connection: close")
            self.close_connection = True
        elif status != 204:
            lines.append(
                f"Content-Length: {len(data)}" if manner else f"content-length: {len(data)}"
            )
        head = "\r\n".join([*lines, "", ""]).encode()
        yield head + (data[: len(data) // 2] if cut else data)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _error(status: int, code: int, message: str) -> Row:
    code = code or {403: 20403, 429: 20429, 500: 20500, 503: 20503}[status]
    text = (
        message
        or {
            403: "Forbidden",
            429: "Too Many Requests",
            500: "Internal Server Error",
            503: "Service Unavailable",
        }[status]
    )
    return {
        "status": status,
        "message": text,
        "code": code,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
    }
