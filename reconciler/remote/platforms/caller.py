"""One JSON call to a platform under the retry rules: attempts, waits, the limit on calls at once,
and giving up.

What is retried is decided in `reconciler.remote.transport.retry`, what an error is called by the
adapter and `errors`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from reconciler import __version__
from reconciler.clock import Clock
from reconciler.errors import RemoteError
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.platforms import errors
from reconciler.remote.transport.backoff import wait_before_retry
from reconciler.remote.transport.body import decode_json
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.outage import Outage
from reconciler.remote.transport.pool import NoAnswer, Pool
from reconciler.remote.transport.retry import (
    AttemptOutcome,
    FailureKind,
    Method,
    RetryPolicy,
    decide_retry,
    may_have_happened,
)
from reconciler.remote.transport.waits import WaitLimit

Headers = Callable[[], tuple[Mapping[str, str], tuple[str, ...]]]
"""Headers that authenticate a request, and the secrets in them."""
RefusalReader = Callable[[int, Any], tuple[str | None, str]]
"""(status, body) of a refusal → the platform's code where it is one of ours, and its words."""
_log = logging.getLogger(__name__)


class CallPolicy(msgspec.Struct, frozen=True):
    """How a caller behaves: attempts and waits, and after how many seconds of silence a server is
    given up.

    `on_wait` is told of each wait before it begins.
    """

    retry_policy: RetryPolicy
    give_up_after: float
    clock: Clock
    jitter: Callable[[], float]
    stop: Event
    on_call: Callable[[CallRecord], None] | None = None
    on_wait: Callable[[Wait], None] | None = None


class _Call(msgspec.Struct):
    """One call so far."""

    method: Method
    path: str
    url: str
    body: bytes | None
    idempotent: bool
    secrets: tuple[str, ...]
    number: int = 0
    ambiguous: bool = False
    unreadable: bool = False
    waited: float = 0.0


class Caller:
    """Sends JSON to one platform and reads JSON. May be used from any thread."""

    def __init__(
        self,
        platform: str,
        base_url: str,
        headers: Headers,
        read_refusal: RefusalReader,
        pool: Pool,
        limiter: ConcurrencyLimiter,
        policy: CallPolicy,
    ) -> None:
        self.platform = platform
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._read_refusal = read_refusal
        self._pool = pool
        self._limiter = limiter
        self._policy = policy
        self._closed = Event()
        self._outage = Outage(policy.give_up_after)
        self._waits = WaitLimit()

    def send(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        idempotent: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> Any:
        """The JSON of a successful answer, None for an empty one. Raises RemoteError.

        `path` is quoted already; `idempotent` says that a POST may be sent twice; `secrets` are
        those in the body.
        """
        wanted = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(wanted)}" if wanted else path
        encoded = msgspec.json.encode(body) if body is not None else None
        call = _Call(method, path, f"{self._base_url}{target}", encoded, idempotent, secrets)
        policy = self._policy
        while True:
            attempt, value = self._attempt(call)
            if not isinstance(value, RemoteError):
                return value
            call.ambiguous = call.ambiguous or may_have_happened(attempt)
            call.unreadable = call.unreadable or attempt.failure is FailureKind.UNREADABLE
            wait = decide_retry(
                attempt, policy.retry_policy, now=policy.clock.wall(), jitter=policy.jitter()
            )
            if wait is None or wait >= self._outage.seconds_left(policy.clock.monotonic()):
                value.ambiguous = call.ambiguous
                raise value
            if not self._waits.take(wait, before=call.waited, now=policy.clock.monotonic()):
                value.ambiguous = call.ambiguous
                raise value
            call.waited = wait_before_retry(
                policy,
                self.platform,
                wait,
                made=call.number,
                status=attempt.status,
                before=call.waited,
            )

    def close(self) -> None:
        """From now on nothing is sent any more."""
        self._closed.set()
        self._pool.close()

    def _attempt(self, call: _Call) -> tuple[AttemptOutcome, Any]:
        """One attempt: how it ended, and what it brought: a value, or the error that it would be
        the last word of.
        """
        headers, secrets = self._headers()
        call.secrets = (*dict.fromkeys((*call.secrets, *secrets)),)
        ticket = self._limiter.acquire()
        started = self._policy.clock.monotonic()
        try:
            seconds_left = self._outage.seconds_left(started)
            if self._closed.is_set() or (call.number and self._policy.stop.is_set()):
                raise errors.interruption_error(self._where(call))
            call.number += 1
            if call.method != "GET":
                self._waits.note_write()
            status, received, body = self._pool.send(
                call.method,
                call.url,
                headers=_headers(headers, call.body),
                body=call.body,
                within=max(seconds_left, 1.0),
            )
            self._outage.note_answer()
        except NoAnswer as error:
            self._outage.note_silence(started, self._policy.clock.monotonic())
            self._record(call, 0, started)
            return self._ended(call, failure=error.failure), errors.no_answer_error(
                self._where(call), error
            )
        finally:
            self._limiter.release()
        self._record(call, status, started)
        if status == 429:
            self._limiter.shrink(ticket)
        elif status < 500:
            self._limiter.grow()
        return self._judged(call, status, received, body)

    def _judged(
        self, call: _Call, status: int, received: Mapping[str, str], body: bytes
    ) -> tuple[AttemptOutcome, Any]:
        attempt = self._ended(call, status=status, retry_after=received.get("Retry-After"))
        if 300 <= status < 400:
            return attempt, errors.refusal_error(
                self._where(call), status, None, "it redirects, which is not followed"
            )
        try:
            value = decode_json(body, msgspec.json.decode) if body.strip() else None
        except ValueError as error:
            if status >= 500 or status == 429:
                return attempt, errors.refusal_error(self._where(call), status, None, "")
            failure = NoAnswer(
                FailureKind.UNREADABLE,
                f"status {status} with something that cannot be read as JSON ({error})",
            )
            return self._ended(call, failure=failure.failure), errors.no_answer_error(
                self._where(call), failure
            )
        if 200 <= status < 300:
            return attempt, value
        code, message = self._read_refusal(status, value)
        return attempt, errors.refusal_error(self._where(call), status, code, message)

    def _ended(
        self,
        call: _Call,
        *,
        status: int = 0,
        failure: FailureKind | None = None,
        retry_after: str | None = None,
    ) -> AttemptOutcome:
        return AttemptOutcome(
            method=call.method,
            idempotent=call.idempotent,
            number=call.number,
            status=status,
            failure=failure,
            retry_after=retry_after,
            missing_before=True,
            unreadable_before=call.unreadable,
        )

    def _where(self, call: _Call) -> errors.CallPlace:
        quoted = tuple(quote(secret, safe="") for secret in call.secrets)
        return errors.CallPlace(
            self.platform,
            call.method,
            call.path,
            max(call.number, 1),
            call.ambiguous,
            (*call.secrets, *quoted),
        )

    def _record(self, call: _Call, status: int, started: float) -> None:
        seconds = self._policy.clock.monotonic() - started
        record = CallRecord(
            self.platform, call.method, call.path, status, seconds, None, call.number
        )
        _log.debug("%s %s %d %.0f ms", record.method, record.path, status, seconds * 1000)
        if self._policy.on_call is not None:
            self._policy.on_call(record)


def _headers(own: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    sent = {**own, "Accept": "application/json", "User-Agent": f"reconciler/{__version__}"}
    return {**sent, "Content-Type": "application/json"} if body is not None else sent


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
