"""Send requests to the server of a state behind Terraform's HTTP protocol, with a time limit and
retries (never of an update), and estimate the server's clock.

Takes methods, URLs and bodies and returns answers; knows nothing of documents or locks.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

from reconciler.clock import Clock
from reconciler.errors import StateError
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import FailureKind
from reconciler.state import problems
from reconciler.state.stores.http_endpoints import HttpEndpoints
from reconciler.version import __version__

ATTEMPTS = 3
WHOLE_SECONDS = 1.0
"""Seconds by which a server's clock is uncertain: its `Date` header has whole seconds."""

_TIME_LIMIT = 25.0
"""Seconds for all attempts of a request together: a silent server is given up once, not three
times.
"""
_LEAST_WAIT = 1.0

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


class Sender(Protocol):
    """One request out, one answer in; raises NoAnswer."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Answer:
        """Send a request and return its answer."""

    def close(self) -> None:
        """Close all connections."""


class Unanswered(StateError):
    """No answer arrived in time; the request may have been carried out all the same."""

    @property
    def reason(self) -> str:
        """The reason, as the end of a sentence."""
        return f"no answer: {self.__cause__}"


class HttpClient:
    """The requests for one state. `clock_offset` is by how many seconds the server's clock is ahead
    of ours.
    """

    def __init__(
        self, endpoints: HttpEndpoints, sender: Sender, *, origin: str, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._sender = sender
        self._origin = origin
        self._clock = clock
        self.clock_offset = 0.0

    def server_time(self) -> float:
        """Return the present time by the server's clock, in seconds since 1970."""
        return self._clock.wall() + self.clock_offset

    def close(self) -> None:
        """Close all connections."""
        self._sender.close()

    def request(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """Send a request and return its answer.

        Raises StateError: Unanswered, which is retried unless the request is an update, or
        `state_too_large`.
        """
        headers = self._headers(body)
        deadline = self._clock.monotonic() + _TIME_LIMIT
        for attempt in range(ATTEMPTS):
            sent_at = self._clock.wall()
            within = max(_LEAST_WAIT, deadline - self._clock.monotonic())
            try:
                answer = self._sender.send(method, url, headers=headers, body=body, within=within)
            except NoAnswer as error:
                if error.failure is FailureKind.OVERSIZED:
                    raise problems.state_too_large(self._origin, STATE_BYTES) from error

                # An update is not repeated blindly: its caller first reads whether it has arrived.
                is_update = method == self._endpoints.update_method
                is_last = attempt == ATTEMPTS - 1 or self._clock.monotonic() >= deadline
                if is_update or is_last:
                    unreadable = problems.state_unreadable(self._origin, str(error))
                    raise Unanswered(*unreadable.diagnostics) from error
                continue

            self._set_clock_offset(answer[1], sent_at)
            return answer
        raise AssertionError("there is at least one attempt")

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"twilio-reconciler/{__version__}"}
        if self._endpoints.authorization:
            headers["Authorization"] = self._endpoints.authorization
        if body is not None:
            # Terraform's protocol has this checksum, so servers may check it. It protects no
            # secret.
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            headers["Content-Type"] = "application/json"
            headers["Content-MD5"] = b64encode(digest).decode()
        return headers

    def _set_clock_offset(self, headers: Mapping[str, str], sent_at: float) -> None:
        """Take the smallest offset that explains the `Date` header, which was written after
        `sent_at`.
        """
        date = headers.get("Date")
        if not date:
            return
        try:
            second = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            return  # keep the offset as it was

        least = second - self._clock.wall()
        most = second + WHOLE_SECONDS - sent_at
        self.clock_offset = min(max(0.0, least), most)


def explain_status(status: int) -> str:
    """Return a refusal of the server as the end of a sentence."""
    if status in (401, 403):
        return (
            f"the server refused the credentials ({status}); they come from TF_HTTP_USERNAME and "
            "TF_HTTP_PASSWORD"
        )
    return f"the server answered {status}"
