"""The part of GitHub's API that the action uses, on a loopback port: comments, issues, merges, runs, artifacts.

The shapes are those of https://docs.github.com/en/rest, with the fields that matter here.
"""

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
APP = {"user": {"type": "Bot"}, "author_association": "NONE"}
"""The author of what a job writes."""
Row = dict[str, Any]


class Hub:
    """What a repository holds; `comments` are by the number of their issue or pull request."""

    def __init__(self) -> None:
        self.comments: dict[int, list[Row]] = {}
        self.issues: list[Row] = []
        self.commits: list[str] = []
        """The commits of the default branch, oldest first."""
        self.failures = 0
        """How many of the next questions are answered with 502."""
        self.tip = ""
        """Where the branch was put back to, if it was."""
        self.merged: list[Row] = []
        self.runs: list[Row] = []
        """The successful runs of the workflow, oldest first."""
        self.messages: list[Row] = []
        """What has arrived at the webhook of a chat."""
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

    def say(self, number: int, body: str, association: str = "NONE") -> None:
        """A person comments."""
        author = {"user": {"type": "User"}, "author_association": association}
        self.comments.setdefault(number, []).append(
            {"id": 1000 + len(self.comments[number]), "body": body, **author}
        )

    def merge(self, number: int, head: str, commit: str) -> None:
        """A pull request is merged into the default branch as this commit."""
        self.commits.append(commit)
        when = f"2026-01-15T09:{len(self.merged):02}:00Z"
        self.merged.append(
            {
                "number": number,
                "merged_at": when,
                "head": {"sha": head},
                "merge_commit_sha": commit,
            }
        )

    def succeed(self, commit: str, event: str = "push") -> None:
        """A run of the workflow for this commit has succeeded."""
        self.runs.append({"head_sha": commit, "event": event})

    def upload(
        self, files: Mapping[str, bytes], head: str, *, fork: bool = False, stack: str = "default"
    ) -> None:
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
                "name": f"reconciler-plan-{stack}",
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
        if path == "pulls":
            return _page(self.merged[::-1], query)
        if path == "actions/workflows/reconciler.yml/runs":
            runs = [r for r in self.runs if r["event"] in query.get("event", [r["event"]])]
            # GitHub lists at most 1,000 runs.
            return {"workflow_runs": _page(runs[:-1001:-1], query)}
        if path == "branches/main":
            return {"commit": {"sha": self.tip or self.commits[-1]}}
        if found := re.fullmatch(r"compare/(\w+)\.\.\.(\w+)", path):
            return self._compare(found[1], found[2], query)
        if path == "actions/artifacts":
            return {
                "artifacts": _page(
                    [a for a in self.artifacts if a["name"] == query["name"][0]], query
                )
            }
        return None

    def _compare(self, base: str, head: str, query: dict[str, list[str]]) -> Any:
        if base not in self.commits:
            return None
        first, last = self.commits.index(base), self.commits.index(head)
        status = "identical" if first == last else "ahead" if first < last else "behind"
        rows = [{"sha": sha} for sha in self.commits[first + 1 : last + 1]]
        return {"status": status, "commits": _page(rows, query)}

    def _comment(self, method: str, number: int, query: dict[str, list[str]], body: Row) -> Any:
        comments = self.comments.setdefault(number, [])
        if method == "GET":
            return _page(comments, query)
        comments.append({"id": 9000 + len(comments), **APP, **body})
        return comments[-1]

    def _issue(self, method: str, query: dict[str, list[str]], body: Row) -> Any:
        if method == "GET":
            return _page([i for i in self.issues if i["state"] == query["state"][0]], query)
        number = len(self.issues) + 1
        page = f"https://github.example.com/{REPOSITORY}/issues/{number}"
        self.issues.append({"number": number, "state": "open", "html_url": page, **APP, **body})
        return self.issues[-1]


def _page(rows: list[Row], query: dict[str, list[str]]) -> list[Row]:
    size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
    return rows[(page - 1) * size : page * size]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/chat":
                hub.messages.append(
                    json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                )
                self._send(200 if self.headers["Authorization"] is None else 400, b"ok")
                return
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
            if hub.failures:
                hub.failures -= 1
                self._send(502, b"Bad gateway")
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
