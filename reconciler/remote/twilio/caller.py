"""One call to Twilio under the retry rules: attempts, waits, the limit on calls at once, and giving
up.

What is retried is decided in `reconciler.remote.transport.retry`, what an error is called in
`errors`; here they are joined.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import TypeVar, cast
from urllib.parse import quote

import msgspec
from twilio.base.client_base import ClientBase  # type: ignore[import-untyped]
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]

from reconciler.clock import Clock
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Product
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.transport.backoff import wait_before_retry
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.outage import Outage
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.ramp_up import ConcurrencyHint, RampUp
from reconciler.remote.transport.retry import (
    AttemptOutcome,
    FailureKind,
    RetryPolicy,
    decide_retry,
    may_have_happened,
)
from reconciler.remote.transport.retry_budget import RetryBudget
from reconciler.remote.transport.time_limit import no_time_limit
from reconciler.remote.transport.waits import WaitLimit
from reconciler.remote.twilio import errors
from reconciler.remote.twilio.http import Reply, basic_auth
from reconciler.remote.twilio.response import (
    AttemptResult,
    CallHistory,
    Request,
    judge_response,
    request_id,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SECRET_PARAMS = ("password", "secret", "token", "pin")


class CallPolicy(msgspec.Struct, frozen=True):
    """How a caller behaves: attempts and waits, and after how many seconds of silence a server is
    given up.

    `seconds_left` is how many seconds the run may go on reading and trying. `on_wait` is told of
    each wait before it begins.
    """

    retry_policy: RetryPolicy
    give_up_after: float
    clock: Clock
    jitter: Callable[[], float]
    stop: Event
    on_call: Callable[[CallRecord], None] | None = None
    seconds_left: Callable[[], float] = no_time_limit
    on_wait: Callable[[Wait], None] | None = None


class Caller:
    """Sends requests of one account. May be used from any thread."""

    def __init__(
        self, client: ClientBase, account: str, limiter: ConcurrencyLimiter, policy: CallPolicy
    ) -> None:
        self._client = client
        self._account = account
        self._limiter = limiter
        self._policy = policy
        self._closed = Event()
        self._outage: dict[Product, Outage] = {}
        self._hint = ConcurrencyHint()
        self._budget = RetryBudget()
        self._waits = WaitLimit()

    def send(self, request: Request, read: Callable[[bytes], T]) -> T:
        """What `read` makes of the body of a successful answer.

        `read` raises msgspec.DecodeError or ValueError for a body that is not what it should be.
        Raises RemoteError.
        """
        history = CallHistory(request)
        while True:
            result = self._attempt(history, read)
            if result.done:
                self._budget.repay()
                return cast(T, result.value)
            history.ambiguous = history.ambiguous or may_have_happened(result.attempt)
            history.missing = history.missing or result.attempt.status == 404
            history.unreadable = (
                history.unreadable or result.attempt.failure is FailureKind.UNREADABLE
            )
            history.failure = result.failure
            wait = self._wait(result.attempt)
            if wait is None or wait >= self._outage_of(request).seconds_left(
                self._policy.clock.monotonic()
            ):
                raise self._error(history, result) from result.failure
            if not self._budget.spend():
                history.spent = True
                raise self._error(history, result) from result.failure
            wait = min(wait, self._policy.seconds_left())
            if not self._waits.take(
                wait, before=history.waited, now=self._policy.clock.monotonic()
            ):
                history.waits_exceeded = True
                raise self._error(history, result) from result.failure
            self._pause(history, wait, result.attempt.status)

    def close(self) -> None:
        """From now on nothing is sent any more; calls between two attempts end as interrupted."""
        self._closed.set()

    def _attempt(self, history: CallHistory, read: Callable[[bytes], T]) -> AttemptResult[T]:
        ticket = self._limiter.acquire()
        try:
            outcome, seconds = self._exchange(history)
        finally:
            self._limiter.release()
        if isinstance(outcome, Reply):
            if outcome.status_code == 429:
                self._hint.note_refusal(_concurrent_requests(outcome) or self._limiter.limit)
                self._limiter.shrink(ticket)
            elif self._limiter.below_bound and outcome.status_code < 500:
                self._encourage(history.request, outcome, seconds)
        return judge_response(history, outcome, read)

    def _encourage(self, request: Request, reply: Reply, seconds: float) -> None:
        """Let more calls be sent at once, as far as the server bears it."""
        sort = f"{request.method} {request.product} {'?' in request.target}"
        pace = self._hint.ramp_up_after(
            sort, seconds, _concurrent_requests(reply) or self._limiter.limit
        )
        if pace is RampUp.QUICK:
            self._limiter.ramp()
        elif pace is RampUp.STEADY:
            self._limiter.grow()

    def _exchange(self, history: CallHistory) -> tuple[Reply | NoAnswer, float]:
        """One request and its answer, whatever it says, and how many seconds it took."""
        clock, outage = self._policy.clock, self._outage_of(history.request)
        started = clock.monotonic()
        seconds_left = min(outage.seconds_left(started), self._policy.seconds_left())
        self._check(history, seconds_left)
        history.number += 1
        if history.request.method != "GET":
            self._waits.note_write()
        outcome: Reply | NoAnswer
        try:
            outcome = self._request(history.request, seconds_left)
            outage.note_answer()
        except NoAnswer as error:
            outcome = error.with_traceback(
                None
            )  # else frame and exception keep each other, and the connection, alive
            outage.note_silence(started, clock.monotonic())
        except TwilioException as error:
            raise errors.convert_vendor_error(self._where(history), error) from None
        seconds = clock.monotonic() - started
        self._record(history, outcome, seconds)
        return outcome, seconds

    def _check(self, history: CallHistory, seconds_left: float) -> None:
        """Raises RemoteError when the request must not be sent any more."""
        if self._closed.is_set() or (history.number and self._policy.stop.is_set()):
            raise errors.interruption_error(self._where(history))
        if self._policy.seconds_left() <= 0:
            raise errors.time_limit_error(self._where(history))
        if seconds_left <= 0:
            where = self._where(history)
            raise (
                errors.no_answer_error(where, history.failure)
                if history.failure
                else errors.outage_error(where, self._policy.give_up_after)
            )

    def _request(self, request: Request, seconds_left: float) -> Reply:
        reading = request.method == "GET"
        reply: Reply = self._client.request(
            request.method,
            f"https://{request.product}.twilio.com{request.target}",
            params=request.params if reading else None,
            data=None if reading else request.params,
            timeout=seconds_left,
        )
        return reply

    def _wait(self, attempt: AttemptOutcome) -> float | None:
        policy = self._policy
        return decide_retry(
            attempt, policy.retry_policy, now=policy.clock.wall(), jitter=policy.jitter()
        )

    def _pause(self, history: CallHistory, seconds: float, status: int) -> None:
        history.waited = wait_before_retry(
            self._policy,
            self._account,
            seconds,
            made=history.number,
            status=status,
            before=history.waited,
        )

    def _outage_of(self, request: Request) -> Outage:
        outage = self._outage.get(request.product)
        return outage or self._outage.setdefault(
            request.product, Outage(self._policy.give_up_after)
        )

    def _record(self, history: CallHistory, outcome: Reply | NoAnswer, seconds: float) -> None:
        if self._policy.on_call is None and not _log.isEnabledFor(logging.DEBUG):
            return
        request = history.request
        reply = None if isinstance(outcome, NoAnswer) else outcome
        status, named = reply.status_code if reply else 0, request_id(reply)
        date = reply.headers.get("Date") if reply else None
        record = CallRecord(
            self._account,
            request.method,
            request.path,
            status,
            seconds,
            named,
            history.number,
            date,
        )
        _log.debug(
            "%s %s %d %.0f ms %s", record.method, record.path, status, seconds * 1000, named or "-"
        )
        if self._policy.on_call is not None:
            self._policy.on_call(record)

    def _error(self, history: CallHistory, result: AttemptResult[T]) -> RemoteError:
        where, reply = self._where(history), result.reply
        if result.failure is not None:
            return errors.no_answer_error(where, result.failure, request_id=request_id(reply))
        assert reply is not None, "an attempt ends with a value, a failure or a refusal"
        return errors.refusal_error(
            where, reply.status_code, reply.body, request_id=request_id(reply)
        )

    def _where(self, history: CallHistory) -> errors.CallPlace:
        username, password = self._client.auth
        secrets = [
            password or "",
            quote(password or ""),
            basic_auth(username or "", password or "").partition(" ")[2],
        ]
        secrets += [
            v for k, v in history.request.params.items() if k.lower().endswith(_SECRET_PARAMS)
        ]
        return errors.CallPlace(
            account=self._account,
            method=history.request.method,
            path=history.request.path,
            attempts=history.number,
            ambiguous=history.ambiguous,
            spent=history.spent,
            waited=history.waited if history.waits_exceeded else None,
            secrets=tuple(secrets),
        )


def _concurrent_requests(reply: Reply) -> int:
    """How many requests of the account Twilio says were under way with this one; 0 when it does not
    say.
    """
    said = reply.headers.get("Twilio-Concurrent-Requests", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0
