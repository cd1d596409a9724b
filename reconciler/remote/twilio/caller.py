"""One call to Twilio under the retry rules: attempts, waits, the limit on calls at once, and giving up.

What is retried is decided in `reconciler.remote.transport.retry`, what an error is called in `errors`; here they are joined.
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
    """How a caller behaves: attempts and waits, and after how many seconds of silence a server is given up.

    `left` is how many seconds the run may go on reading and trying. `on_wait` is told of each wait before it begins.
    """

    patience: RetryPolicy
    give_up_after: float
    clock: Clock
    jitter: Callable[[], float]
    stop: Event
    on_call: Callable[[CallRecord], None] | None = None
    left: Callable[[], float] = no_time_limit
    on_wait: Callable[[Wait], None] | None = None


class Caller:
    """Sends requests of one account. May be used from any thread."""

    def __init__(
        self, client: ClientBase, account: str, limiter: ConcurrencyLimiter, manners: CallPolicy
    ) -> None:
        self._client = client
        self._account = account
        self._limiter = limiter
        self._manners = manners
        self._closed = Event()
        self._reach: dict[Product, Outage] = {}
        self._bearing = ConcurrencyHint()
        self._budget = RetryBudget()
        self._waits = WaitLimit()

    def send(self, request: Request, read: Callable[[bytes], T]) -> T:
        """What `read` makes of the body of a successful answer.

        `read` raises msgspec.DecodeError or ValueError for a body that is not what it should be. Raises RemoteError.
        """
        story = CallHistory(request)
        while True:
            ending = self._attempt(story, read)
            if ending.done:
                self._budget.repay()
                return cast(T, ending.value)
            story.doubt = story.doubt or may_have_happened(ending.attempt)
            story.missing = story.missing or ending.attempt.status == 404
            story.unreadable = story.unreadable or ending.attempt.loss is FailureKind.UNREADABLE
            story.loss = ending.loss
            wait = self._wait(ending.attempt)
            if wait is None or wait >= self._reach_of(request).left(
                self._manners.clock.monotonic()
            ):
                raise self._error(story, ending) from ending.loss
            if not self._budget.spend():
                story.spent = True
                raise self._error(story, ending) from ending.loss
            wait = min(wait, self._manners.left())
            if not self._waits.take(wait, before=story.waited, now=self._manners.clock.monotonic()):
                story.waited_out = True
                raise self._error(story, ending) from ending.loss
            self._pause(story, wait, ending.attempt.status)

    def close(self) -> None:
        """From now on nothing is sent any more; calls between two attempts end as interrupted."""
        self._closed.set()

    def _attempt(self, story: CallHistory, read: Callable[[bytes], T]) -> AttemptResult[T]:
        ticket = self._limiter.acquire()
        try:
            outcome, seconds = self._exchange(story)
        finally:
            self._limiter.release()
        if isinstance(outcome, Reply):
            if outcome.status_code == 429:
                self._bearing.refused(_at_once(outcome) or self._limiter.limit)
                self._limiter.shrink(ticket)
            elif self._limiter.restrained and outcome.status_code < 500:
                self._encourage(story.request, outcome, seconds)
        return judge_response(story, outcome, read)

    def _encourage(self, request: Request, reply: Reply, seconds: float) -> None:
        """Let more calls be sent at once, as far as the server bears it."""
        sort = f"{request.method} {request.product} {'?' in request.target}"
        pace = self._bearing.answered(sort, seconds, _at_once(reply) or self._limiter.limit)
        if pace is RampUp.QUICK:
            self._limiter.ramp()
        elif pace is RampUp.STEADY:
            self._limiter.grow()

    def _exchange(self, story: CallHistory) -> tuple[Reply | NoAnswer, float]:
        """One request and its answer, whatever it says, and how many seconds it took."""
        clock, reach = self._manners.clock, self._reach_of(story.request)
        started = clock.monotonic()
        left = min(reach.left(started), self._manners.left())
        self._check(story, left)
        story.number += 1
        if story.request.method != "GET":
            self._waits.note_write()
        outcome: Reply | NoAnswer
        try:
            outcome = self._request(story.request, left)
            reach.heard()
        except NoAnswer as error:
            outcome = error.with_traceback(
                None
            )  # else frame and exception keep each other, and the connection, alive
            reach.missed(started, clock.monotonic())
        except TwilioException as error:
            raise errors.convert_vendor_error(self._where(story), error) from None
        seconds = clock.monotonic() - started
        self._record(story, outcome, seconds)
        return outcome, seconds

    def _check(self, story: CallHistory, left: float) -> None:
        """Raises RemoteError when the request must not be sent any more."""
        if self._closed.is_set() or (story.number and self._manners.stop.is_set()):
            raise errors.interruption_error(self._where(story))
        if self._manners.left() <= 0:
            raise errors.time_limit_error(self._where(story))
        if left <= 0:
            where = self._where(story)
            raise (
                errors.no_answer_error(where, story.loss)
                if story.loss
                else errors.outage_error(where, self._manners.give_up_after)
            )

    def _request(self, request: Request, left: float) -> Reply:
        reading = request.method == "GET"
        reply: Reply = self._client.request(
            request.method,
            f"https://{request.product}.twilio.com{request.target}",
            params=request.params if reading else None,
            data=None if reading else request.params,
            timeout=left,
        )
        return reply

    def _wait(self, attempt: AttemptOutcome) -> float | None:
        manners = self._manners
        return decide_retry(
            attempt, manners.patience, now=manners.clock.wall(), jitter=manners.jitter()
        )

    def _pause(self, story: CallHistory, seconds: float, status: int) -> None:
        story.waited = wait_before_retry(
            self._manners,
            self._account,
            seconds,
            made=story.number,
            status=status,
            before=story.waited,
        )

    def _reach_of(self, request: Request) -> Outage:
        reach = self._reach.get(request.product)
        return reach or self._reach.setdefault(request.product, Outage(self._manners.give_up_after))

    def _record(self, story: CallHistory, outcome: Reply | NoAnswer, seconds: float) -> None:
        if self._manners.on_call is None and not _log.isEnabledFor(logging.DEBUG):
            return
        request = story.request
        reply = None if isinstance(outcome, NoAnswer) else outcome
        status, named = reply.status_code if reply else 0, request_id(reply)
        date = reply.headers.get("Date") if reply else None
        record = CallRecord(
            self._account, request.method, request.path, status, seconds, named, story.number, date
        )
        _log.debug(
            "%s %s %d %.0f ms %s", record.method, record.path, status, seconds * 1000, named or "-"
        )
        if self._manners.on_call is not None:
            self._manners.on_call(record)

    def _error(self, story: CallHistory, ending: AttemptResult[T]) -> RemoteError:
        where, reply = self._where(story), ending.reply
        if ending.loss is not None:
            return errors.no_answer_error(where, ending.loss, request_id=request_id(reply))
        assert reply is not None, "an attempt ends with a value, a loss or a refusal"
        return errors.refusal_error(
            where, reply.status_code, reply.body, request_id=request_id(reply)
        )

    def _where(self, story: CallHistory) -> errors.CallPlace:
        username, password = self._client.auth
        secrets = [
            password or "",
            quote(password or ""),
            basic_auth(username or "", password or "").partition(" ")[2],
        ]
        secrets += [
            v for k, v in story.request.params.items() if k.lower().endswith(_SECRET_PARAMS)
        ]
        return errors.CallPlace(
            account=self._account,
            method=story.request.method,
            path=story.request.path,
            attempts=story.number,
            doubt=story.doubt,
            spent=story.spent,
            waited=story.waited if story.waited_out else None,
            secrets=tuple(secrets),
        )


def _at_once(reply: Reply) -> int:
    """How many requests of the account Twilio says were under way with this one; 0 when it does not say."""
    said = reply.headers.get("Twilio-Concurrent-Requests", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0
