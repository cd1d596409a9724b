"""Send calls to Twilio under the retry rules, with a limit on the calls in flight.

Retries are decided in `reconciler.remote.transport.caller`, errors are named in `errors`; this
module joins them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar, cast
from urllib.parse import quote

from twilio.base.client_base import ClientBase  # type: ignore[import-untyped]
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Product
from reconciler.remote.gateway import CallRecord
from reconciler.remote.transport.caller import CallPolicy, Retrier
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.outage import Outage
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.ramp_up import ConcurrencyHint, RampUp
from reconciler.remote.transport.retry_budget import RetryBudget
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


class Caller:
    """Sender of the requests of one account. May be used from any thread."""

    def __init__(
        self, client: ClientBase, account: str, limiter: ConcurrencyLimiter, policy: CallPolicy
    ) -> None:
        self._client = client
        self._account = account
        self._limiter = limiter
        self._policy = policy
        self._retrier = Retrier(account, policy, RetryBudget())

        # Each product has servers of its own, so one may be silent while the others answer.
        self._outages: dict[Product, Outage] = {}
        self._hint = ConcurrencyHint()

    def send(self, request: Request, read: Callable[[bytes], T]) -> T:
        """Send a request and return what `read` makes of the body of a successful answer.

        `read` raises msgspec.DecodeError or ValueError for an unusable body. Raises RemoteError.
        """
        history = CallHistory(request)
        while True:
            result = self._attempt(history, read)
            if result.done:
                self._retrier.note_success()
                return cast(T, result.value)

            history.failure = result.failure
            if not self._retrier.wait(history, result.attempt, self._outage_of(request)):
                raise self._error(history, result) from result.failure

    def close(self) -> None:
        """Send nothing more; calls between two attempts end as interrupted."""
        self._retrier.close()

    def _attempt(self, history: CallHistory, read: Callable[[bytes], T]) -> AttemptResult[T]:
        ticket = self._limiter.acquire()
        try:
            outcome, seconds = self._exchange(history)
        finally:
            self._limiter.release()

        if isinstance(outcome, Reply):
            if outcome.status_code == 429:
                # Twilio answers 429 (error 20429) for too many requests at once.
                self._hint.note_refusal(_concurrent_requests(outcome) or self._limiter.limit)
                self._limiter.shrink(ticket)
            elif self._limiter.below_bound and outcome.status_code < 500:
                self._raise_limit(history.request, outcome, seconds)
        return judge_response(history, outcome, read)

    def _raise_limit(self, request: Request, reply: Reply, seconds: float) -> None:
        """Allow more calls at once, as far as the server accepts it."""
        sort = f"{request.method} {request.product} {'?' in request.target}"
        count = _concurrent_requests(reply) or self._limiter.limit
        ramp_up = self._hint.ramp_up_after(sort, seconds, count)
        if ramp_up is RampUp.QUICK:
            self._limiter.ramp()
        elif ramp_up is RampUp.STEADY:
            self._limiter.grow()

    def _exchange(self, history: CallHistory) -> tuple[Reply | NoAnswer, float]:
        """Send one request; return its answer, whatever its status, and the seconds it took."""
        clock, outage = self._policy.clock, self._outage_of(history.request)
        started = clock.monotonic()
        seconds_left = min(outage.seconds_left(started), self._policy.seconds_left())
        self._check(history, seconds_left)
        self._retrier.count_attempt(history, history.request.method)

        outcome: Reply | NoAnswer
        try:
            outcome = self._request(history.request, seconds_left)
            outage.note_answer()
        except NoAnswer as error:
            # Without its traceback, error and frame do not keep each other, and the connection.
            outcome = error.with_traceback(None)
            outage.note_silence(started, clock.monotonic())
        except TwilioException as error:
            raise errors.convert_vendor_error(self._place(history), error) from None

        seconds = clock.monotonic() - started
        self._record(history, outcome, seconds)
        return outcome, seconds

    def _check(self, history: CallHistory, seconds_left: float) -> None:
        """Raise RemoteError when the request must not be sent any more."""
        if self._retrier.is_stopped(history):
            raise errors.interruption_error(self._place(history))
        if self._policy.seconds_left() <= 0:
            raise errors.time_limit_error(self._place(history))

        if seconds_left <= 0:
            # A call that was itself tried reports its own failure; any other one the outage.
            place = self._place(history)
            if history.failure:
                raise errors.no_answer_error(place, history.failure)
            raise errors.outage_error(place, self._policy.give_up_after)

    def _request(self, request: Request, seconds_left: float) -> Reply:
        is_read = request.method == "GET"
        reply: Reply = self._client.request(
            request.method,
            f"https://{request.product}.twilio.com{request.target}",
            params=request.params if is_read else None,
            data=None if is_read else request.params,
            timeout=seconds_left,
        )
        return reply

    def _outage_of(self, request: Request) -> Outage:
        outage = self._outages.get(request.product)
        return outage or self._outages.setdefault(
            request.product, Outage(self._policy.give_up_after)
        )

    def _record(self, history: CallHistory, outcome: Reply | NoAnswer, seconds: float) -> None:
        if self._policy.on_call is None and not _log.isEnabledFor(logging.DEBUG):
            return

        request = history.request
        reply = None if isinstance(outcome, NoAnswer) else outcome
        status = reply.status_code if reply else 0
        named = request_id(reply)
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
        place, reply = self._place(history), result.reply
        if result.failure is not None:
            return errors.no_answer_error(place, result.failure, request_id=request_id(reply))
        assert reply is not None, "an attempt ends with a value, a failure or a refusal"
        return errors.refusal_error(
            place, reply.status_code, reply.body, request_id=request_id(reply)
        )

    def _place(self, history: CallHistory) -> errors.CallPlace:
        username, password = self._client.auth

        # An answer may quote the request: its secrets are removed in each form they are sent.
        secrets = [
            password or "",
            quote(password or ""),
            basic_auth(username or "", password or "").partition(" ")[2],
        ]
        for name, value in history.request.params.items():
            if name.lower().endswith(_SECRET_PARAMS):
                secrets.append(value)

        return errors.CallPlace(
            account=self._account,
            method=history.request.method,
            path=history.request.path,
            attempts=history.number,
            ambiguous=history.ambiguous,
            spent=history.budget_spent,
            waited=history.waited if history.waits_exceeded else None,
            secrets=tuple(secrets),
        )


def _concurrent_requests(reply: Reply) -> int:
    """Return how many requests of the account were in flight by Twilio's count.

    0 when the answer does not say.
    """
    count = reply.headers.get("Twilio-Concurrent-Requests", "")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 7 else 0
