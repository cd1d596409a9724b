"""Send JSON calls to one platform under the retry rules, with a limit on the calls in flight;
return the decoded answer, or raise `RemoteError`.

Retries are decided in `reconciler.remote.transport.caller`; the adapter and `errors` name errors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from reconciler.errors import RemoteError
from reconciler.remote.gateway import CallRecord
from reconciler.remote.platforms import errors
from reconciler.remote.transport.body import decode_json
from reconciler.remote.transport.caller import CallPolicy, CallState, Retrier
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.outage import Outage
from reconciler.remote.transport.pool import NoAnswer, Pool
from reconciler.remote.transport.retry import AttemptOutcome, FailureKind, Method
from reconciler.version import __version__

Headers = Callable[[], tuple[Mapping[str, str], tuple[str, ...]]]
"""Returns the headers that authenticate a request, and the secrets in them."""
RefusalReader = Callable[[int, Any], tuple[str | None, str]]
"""(status, body) of a refusal → the platform's code if it is one of ours, and its message."""
_log = logging.getLogger(__name__)


class _Call(CallState):
    """One call so far."""

    method: Method
    path: str
    url: str
    body: bytes | None
    idempotent: bool
    secrets: tuple[str, ...]


class Caller:
    """Sender of JSON to one platform. May be used from any thread."""

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
        self._outage = Outage(policy.give_up_after)
        self._retrier = Retrier(platform, policy)

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
        """Send a call and return the JSON of its answer, None for an empty one. Raises RemoteError.

        `path` is already quoted; `idempotent`: a POST may be sent twice; `secrets` are those in the
        body.
        """
        params = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(params)}" if params else path
        encoded = msgspec.json.encode(body) if body is not None else None
        call = _Call(method, path, f"{self._base_url}{target}", encoded, idempotent, secrets)

        while True:
            attempt, value = self._attempt(call)
            if not isinstance(value, RemoteError):
                return value
            if not self._retrier.wait(call, attempt, self._outage):
                value.ambiguous = call.ambiguous
                raise value

    def close(self) -> None:
        """Send nothing more, and close the connections."""
        self._retrier.close()
        self._pool.close()

    def _attempt(self, call: _Call) -> tuple[AttemptOutcome, Any]:
        """Make one attempt; return how it ended, and its value.

        The value of a failed attempt is the error to raise if it is the last one.
        """
        # A token may have expired since the last attempt, so each one asks for its headers.
        headers, secrets = self._headers()
        call.secrets = (*dict.fromkeys((*call.secrets, *secrets)),)

        ticket = self._limiter.acquire()
        started = self._policy.clock.monotonic()
        try:
            seconds_left = self._outage.seconds_left(started)
            if self._retrier.is_stopped(call):
                raise errors.interruption_error(self._place(call))
            self._retrier.count_attempt(call, call.method)
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
            outcome = self._outcome(call, failure=error.failure)
            return outcome, errors.no_answer_error(self._place(call), error)
        finally:
            self._limiter.release()

        self._record(call, status, started)
        if status == 429:
            self._limiter.shrink(ticket)
        elif status < 500:
            self._limiter.grow()
        return self._judge(call, status, received, body)

    def _judge(
        self, call: _Call, status: int, received: Mapping[str, str], body: bytes
    ) -> tuple[AttemptOutcome, Any]:
        """Return how an answered attempt ended, and its value or error."""
        attempt = self._outcome(call, status=status, retry_after=received.get("Retry-After"))
        if 300 <= status < 400:
            message = "it redirects, which is not followed"
            return attempt, errors.refusal_error(self._place(call), status, None, message)

        try:
            value = decode_json(body, msgspec.json.decode) if body.strip() else None
        except ValueError as error:
            # A gateway in front of the platform answers these statuses with pages of its own.
            if status >= 500 or status == 429:
                return attempt, errors.refusal_error(self._place(call), status, None, "")
            failure = NoAnswer(
                FailureKind.UNREADABLE,
                f"status {status} with something that cannot be read as JSON ({error})",
            )
            outcome = self._outcome(call, failure=failure.failure)
            return outcome, errors.no_answer_error(self._place(call), failure)

        if 200 <= status < 300:
            return attempt, value
        code, message = self._read_refusal(status, value)
        return attempt, errors.refusal_error(self._place(call), status, code, message)

    def _outcome(
        self,
        call: _Call,
        *,
        status: int = 0,
        failure: FailureKind | None = None,
        retry_after: str | None = None,
    ) -> AttemptOutcome:
        # `missing_before`: a 404 of a platform is final, so even the first one is not retried.
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

    def _place(self, call: _Call) -> errors.CallPlace:
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
