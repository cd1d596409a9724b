"""A loopback server that sends scripted answers, and a clock on which waiting takes no time."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SID = "AC" + "a" * 32
SECRET = "planted-secret-f00d"


@dataclass
class Answer:
    """What to send back. `cut`: only so many bytes of the body, then the connection drops. `release`: wait for it."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    release: threading.Event | None = None
    chunked: bool = False

    @property
    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode() if self.body is not None else b""


class Drop:
    """Read the request, then close the connection without a word."""


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    body: str


Script = Callable[[Seen], "Answer | Drop"]


class Server:
    """Answers each request with the next line of its script; the last one again and again; or as a function says."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections: list[socket.socket] = []
        """Those that are open just now."""
        self._script: list[Answer | Drop] | Script = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False
        self._scheme = "http"
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    def answers(self, *script: Answer | Drop) -> None:
        self._script = list(script)

    def behaves(self, script: Script) -> None:
        self._script = script

    def next(self, seen: Seen) -> Answer | Drop:
        with self._lock:
            self.seen.append(seen)
            if callable(self._script):
                return self._script(seen)
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            server.connections.append(self.connection)

        def finish(self) -> None:
            super().finish()
            server.connections.remove(self.connection)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            parts = urlsplit(self.path)
            query, form = (
                dict(parse_qsl(text, keep_blank_values=True)) for text in (parts.query, body)
            )
            answer = server.next(
                Seen(self.command, parts.path, query, form, dict(self.headers), body)
            )
            if isinstance(answer, Drop):
                self.close_connection = True
                return
            if answer.release is not None:
                answer.release.wait(5)
            try:
                self._send(answer)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _send(self, answer: Answer) -> None:
            payload = answer.payload
            headers = {
                "Content-Type": "application/json",
                "Twilio-Request-Id": "RQ1",
                **answer.headers,
            }
            headers |= (
                {"Transfer-Encoding": "chunked"}
                if answer.chunked
                else {"Content-Length": str(len(payload))}
            )
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.chunked:
                payload = b"%x\r\n%s\r\n0\r\n\r\n" % (len(payload), payload)
            self.wfile.write(payload if answer.cut is None else payload[: answer.cut])
            self.close_connection = self.close_connection or answer.cut is not None

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class FakeClock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_700_000_000.0

    def pause(self, seconds: float, stop: threading.Event) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.on_pause()


def error(status: int, code: int | None = None, message: str = "no", **headers: str) -> Answer:
    """A refusal as Twilio writes it."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def number(index: int, **fields: Any) -> dict[str, Any]:
    """One row of the numbers' listing, with more fields than we look at and without some that we do."""
    return {
        "sid": f"PN{index:032x}",
        "phone_number": f"+1555{index:07d}",
        "friendly_name": f"Number {index}",
        "voice_url": "https://agents.example.com/voice",
        "sms_url": None,
        "capabilities": {"voice": True, "sms": True},
        "a_field_of_tomorrow": [1, 2],
        **fields,
    }


def number_page(rows: list[dict[str, Any]], following: str | None = None) -> Answer:
    """One page of the v2010 style."""
    return Answer(body={"incoming_phone_numbers": rows, "next_page_uri": following, "page": 0})


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to bring about."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("did not come true")
