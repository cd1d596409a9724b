"""A server that keeps documents by Terraform's HTTP protocol, as strictly as GitLab does.

Its arguments are the port and USER:PASSWORD.

A lock is asked for with LOCK (or POST …/lock), given back with UNLOCK (or DELETE …/lock) and its ID. A document is
taken only with the ID of the lock, and only with a higher `serial` than the one before.
"""

from __future__ import annotations

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlsplit

USER = f"Basic {base64.b64encode(sys.argv[2].encode()).decode()}" if len(sys.argv) > 2 else ""


class Documents:
    """All documents and locks of a server; may be used from any thread."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.locks: dict[str, bytes] = {}
        self._mutex = Lock()

    def answer(self, method: str, path: str, lock_id: str, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        with self._mutex:
            key = path.removesuffix("/lock")
            if method == "GET":
                return (200, self.bodies[key]) if key in self.bodies else (404, b"")
            if method == "LOCK" or (method == "POST" and path.endswith("/lock")):
                if key in self.locks:
                    return 423, self.locks[key]
                self.locks[key] = body
                return 200, b""
            if method in ("UNLOCK", "DELETE"):
                return self._unlock(key, _id(body))
            return self._put(key, lock_id, body)

    def _unlock(self, key: str, lock_id: str) -> tuple[int, bytes]:
        if key not in self.locks or _id(self.locks[key]) != lock_id:
            return 409, self.locks.get(key, b"")
        del self.locks[key]
        return 200, b""

    def _put(self, key: str, lock_id: str, body: bytes) -> tuple[int, bytes]:
        if key not in self.locks or _id(self.locks[key]) != lock_id:
            return 409, self.locks.get(key, b"")
        if (
            json.loads(body)["serial"]
            <= json.loads(self.bodies.get(key, b'{"serial": 0}'))["serial"]
        ):
            return 422, b"that serial is there already"
        self.bodies[key] = body
        return 200, b""


def _id(body: bytes) -> str:
    return str(json.loads(body)["ID"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    documents = Documents()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if self.headers.get("Authorization") != USER:
            status, answer = 401, b""
        else:
            lock_id = parse_qs(parts.query).get("ID", [""])[0]
            status, answer = self.documents.answer(self.command, parts.path, lock_id, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_LOCK = do_UNLOCK = do_DELETE = _handle

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
