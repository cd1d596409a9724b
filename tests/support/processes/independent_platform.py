"""The base of second implementations of voice-AI platforms, written from their published API descriptions and
independent of the sandbox.

They use the standard library only, and nothing of `reconciler`. Requests are strict: a field that the API description
does not have, a missing required one, or a value outside its limits is refused, and the test fails. Answers differ in
all that is not described: order of fields, unknown fields, null or absent. The side effects on Twilio are written to an
`IndependentTwilio`. What a DELETE leaves on Twilio is not described; `leaves` chooses one of the possibilities.
"""

from __future__ import annotations

import json
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from tests.support.processes.independent_twilio import IndependentTwilio

Row = dict[str, Any]
Leaves = Literal["everything", "nothing", "voice only"]
E164 = re.compile(r"\+[1-9]\d{6,14}")
STRANGE = {"zz_new_field": {"nested": [None, 1.5]}, "beta": True}


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int = 0

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class IndependentPlatform:
    """One platform: its world, a log of its calls, and what goes wrong.

    `trouble` returns for a request "drop" (the connection ends before anything is done), "drop after" (it is done, and
    the answer is lost) or a status. `misuse` are the requests that the API description does not allow. `agents` are the
    ids of the agents that exist; None where the server has no routes for agents at all.
    """

    twilio: IndependentTwilio
    key: str = "pl4nted-platform-key"
    leaves: Leaves = "everything"
    numbers: dict[str, Row] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    misuse: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    trouble: Callable[[Request], str | None] = lambda request: None
    page: int = 2
    agents: set[str] | None = None

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.ticks = count(1_760_000_000_000, 1000)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def writes(self) -> list[str]:
        written = []
        for request in self.requests:
            if request.writes and request.path != "/v2/list-agents":
                written.append(str(request))
        return written

    def find_agent(self, agent: str) -> Row:
        """The agent of this id; refuses one that does not exist, as a route that does not exist."""
        if self.agents is None or agent not in self.agents:
            raise Refusal(404, {"detail": "Not Found", "message": "Not Found"})
        return {"id": agent, "agent_id": agent, "name": "An agent"}

    def list_agents(self) -> list[Row]:
        """All agents; refuses where the server has no such route."""
        if self.agents is None:
            raise Refusal(404, {"detail": "Not Found", "message": "Not Found"})
        return [self.find_agent(agent) for agent in sorted(self.agents)]

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers, with names in lower case, hold the key."""
        raise NotImplementedError

    def answer(self, request: Request) -> tuple[int, object]:
        raise NotImplementedError

    def check(
        self, request: Request, allowed: frozenset[str], required: frozenset[str] = frozenset()
    ) -> Row:
        """The fields of a body; a field that is not described, or a missing one, is misuse."""
        body = request.body
        if not isinstance(body, dict):
            self.refuse_misuse(request, "the body is no object")
        unknown, missing = sorted(body.keys() - allowed), sorted(required - body.keys())
        if unknown or missing:
            self.refuse_misuse(request, f"unknown {unknown}, missing {missing}")
        return dict(body)

    def refuse_misuse(self, request: Request, what: str) -> None:
        self.misuse.append(f"{request}: {what}")
        raise Refusal(400, {"statusCode": 400, "message": what, "error": "Bad Request"})

    def write_urls(self, e164: str, **fields: str) -> None:
        """What the platform writes on Twilio, with the account's own credentials."""
        row = self.twilio.number(e164)
        account = row["account_sid"]
        with self.twilio.lock:
            self.twilio._change(row, fields, actor=("account", account), source="api")

    def after_removal(self, e164: str) -> None:
        """What a removal leaves on Twilio."""
        if self.leaves == "nothing":
            self.write_urls(e164, voice_url="", sms_url="", status_callback="")
        if self.leaves == "voice only":
            self.write_urls(e164, sms_url="", status_callback="")

    def tick(self) -> int:
        return next(self.ticks)


def _handler_of(platform: IndependentPlatform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60.0

        def do_GET(self) -> None:
            try:
                self._respond()
            except ConnectionError:
                self.close_connection = True
            except Exception:
                platform.failures.append(traceback.format_exc())
                raise

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """The platform logs its calls."""

        def _respond(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = urlsplit(self.path)
            body = json.loads(data) if data else None
            request = Request(self.command, target.path, dict(parse_qsl(target.query)), body)
            with platform.lock:
                platform.requests.append(request)
                trouble = platform.trouble(request) or ""
                status, answer = int(trouble) if trouble.isdigit() else 0, None
                if not trouble or trouble.endswith("after"):
                    status, answer = self._carry_out(request)
            if trouble.startswith("drop"):
                self.close_connection = True
                return

            request.status = status
            out = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if status != 204:
                self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def _carry_out(self, request: Request) -> tuple[int, object]:
            if not platform.is_allowed(
                {name.lower(): value for name, value in self.headers.items()}
            ):
                return 401, {"detail": "unauthorized", "message": "Invalid Key."}
            try:
                return platform.answer(request)
            except Refusal as refused:
                return refused.status, refused.body

    return Handler
