"""A proxy in front of an HTTP store that changes the bodies, as a broken gateway would."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

Change = Callable[[str, str, bytes], bytes | None]
"""Method, path and body of a request → the body that is passed on; None: it is answered with 200 and thrown away."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@contextmanager
def changing_proxy(target: str, change: Change) -> Iterator[str]:
    """A proxy before the server at `target`; its URL."""
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            changed = change(self.command, self.path, body)
            if changed is None:
                self._answer(200, {}, b"")
                return

            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _HOP_BY_HOP
            }
            if changed != body:
                # Whoever changes a body also has to drop the checksums that the client sent.
                headers = {
                    name: value for name, value in headers.items() if "md5" not in name.lower()
                }
            upstream = http.client.HTTPConnection(host, timeout=30)
            try:
                upstream.request(self.command, self.path, changed, headers)
                answer = upstream.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
            finally:
                upstream.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            length = (
                headers.get("Content-Length", str(len(body)))
                if self.command == "HEAD"
                else str(len(body))
            )
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_LOCK = do_UNLOCK = _pass_on

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
