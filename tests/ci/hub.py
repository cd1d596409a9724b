"""The part of GitHub's API that the action uses, on a loopback port: comments, issues, pulls of a commit, artifacts."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/numbers"
TOKEN = "ghs_planted"
Row = dict[str, Any]


class Hub:
    """What a repository holds; `comments` are by the number of their issue or pull request."""

    def __init__(self) -> None:
        self.comments: dict[int, list[Row]] = {}
        self.issues: list[Row] = []
        self.pulls: dict[str, list[Row]] = {}
        self.artifacts: list[Row] = []
        self.blobs: dict[int, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def say(self, number: int, body: str) -> None:
        """Somebody else comments."""
        self.comments.setdefault(number, []).append(
            {"id": 1000 + len(self.comments[number]), "body": body}
        )

    def upload(self, files: Mapping[str, bytes], head: str, *, fork: bool = False) -> None:
        """A run for this commit uploads a plan."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        number = len(self.artifacts) + 1
        self.blobs[number] = packed.getvalue()
        run = {"head_sha": head, "repository_id": 1, "head_repository_id": 2 if fork else 1}
        url = f"{self.url}/repos/{REPOSITORY}/actions/artifacts/{number}/zip"
        self.artifacts.append(
            {
                "id": number,
                "name": "reconciler-plan",
                "expired": False,
                "archive_download_url": url,
                "workflow_run": run,
            }
        )

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Row) -> Any:
        """The answer to a call; None when there is no such thing."""
        if found := re.fullmatch(r"issues/(\d+)/comments", path):
            return self._comment(method, int(found[1]), query, body)
        if found := re.fullmatch(r"issues/comments/(\d+)", path):
            comments = [
                c for each in self.comments.values() for c in each if c["id"] == int(found[1])
            ]
            return comments[0].update(body) or comments[0]
        if path == "issues":
            return self._issue(method, query, body)
        if found := re.fullmatch(r"issues/(\d+)", path):
            return self.issues[int(found[1]) - 1].update(body) or {}
        if found := re.fullmatch(r"commits/(\w+)/pulls", path):
            return _page(self.pulls.get(found[1], []), query)
        if path == "actions/artifacts":
            return {
                "artifacts": _page(
                    [a for a in self.artifacts if a["name"] == query["name"][0]], query
                )
            }
        return None

    def _comment(self, method: str, number: int, query: dict[str, list[str]], body: Row) -> Any:
        comments = self.comments.setdefault(number, [])
        if method == "GET":
            return _page(comments, query)
        comments.append({"id": 9000 + len(comments), **body})
        return comments[-1]

    def _issue(self, method: str, query: dict[str, list[str]], body: Row) -> Any:
        if method == "GET":
            return _page([i for i in self.issues if i["state"] == query["state"][0]], query)
        self.issues.append({"number": len(self.issues) + 1, "state": "open", **body})
        return self.issues[-1]


def _page(rows: list[Row], query: dict[str, list[str]]) -> list[Row]:
    size, page = int(query["per_page"][0]), int(query["page"][0])
    return rows[(page - 1) * size : page * size]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path.startswith("/blob/"):
                known = (
                    self.headers["Authorization"] is None
                )  # the store of artifacts refuses a token of GitHub's
                self._send(200 if known else 400, hub.blobs[int(asked.path.rsplit("/", 1)[1])])
                return
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._send(401, b"{}")
                return
            if found := re.search(r"/artifacts/(\d+)/zip$", asked.path):
                self._send(302, b"", f"{hub.url}/blob/{found[1]}")
                return
            path = asked.path.removeprefix(f"/repos/{REPOSITORY}/")
            length = int(self.headers["Content-Length"] or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            answer = hub.answer(self.command, path, parse_qs(asked.query), body)
            self._send(404 if answer is None else 200, json.dumps(answer).encode())

        do_POST = do_PATCH = do_GET

        def _send(self, status: int, body: bytes, location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    return Handler
