"""Decide after a failed attempt, by retry rules, outage, budget and limits, whether to try again,
and wait; also defines the policy and counts of a call. Sends nothing.

The same for Twilio and for platforms. The form of requests and answers, and the names of errors,
belong to the caller that makes the attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import msgspec

from reconciler.clock import Clock
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.transport.backoff import wait_before_retry
from reconciler.remote.transport.outage import Outage
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


class CallPolicy(msgspec.Struct, frozen=True):
    """The behaviour of a caller: attempts, waits, and the seconds of silence after which it stops.

    Once `stop` is set nothing is tried a second time. `on_call` is notified of each attempt,
    `on_wait` of each wait before it starts. `seconds_left` returns how long the run may still read
    and retry.
    """

    retry_policy: RetryPolicy
    give_up_after: float
    clock: Clock
    jitter: Callable[[], float]
    stop: Event
    on_call: Callable[[CallRecord], None] | None = None
    on_wait: Callable[[Wait], None] | None = None
    seconds_left: Callable[[], float] = no_time_limit


class CallState(msgspec.Struct, kw_only=True):
    """The attempts of one call so far.

    `number` attempts were made. `ambiguous`: one of them may have been carried out. `missing`: one
    was answered 404. `unreadable`: one brought an unreadable answer. `waited` is how many seconds
    were waited between attempts. `budget_spent`: the run has no retries left. `waits_exceeded`: the
    call may not wait any longer.
    """

    number: int = 0
    ambiguous: bool = False
    missing: bool = False
    unreadable: bool = False
    waited: float = 0.0
    budget_spent: bool = False
    waits_exceeded: bool = False

    def add(self, attempt: AttemptOutcome) -> None:
        """Add a failed attempt."""
        self.ambiguous = self.ambiguous or may_have_happened(attempt)
        self.missing = self.missing or attempt.status == 404
        self.unreadable = self.unreadable or attempt.failure is FailureKind.UNREADABLE


class Retrier:
    """Decides about, and waits for, the next attempt of the calls of one account or platform.

    May be used from any thread. Without `budget` the number of retries of a run has no limit.
    """

    def __init__(self, account: str, policy: CallPolicy, budget: RetryBudget | None = None) -> None:
        self._account = account
        self._policy = policy
        self._budget = budget
        self._waits = WaitLimit()
        self._closed = Event()

    def close(self) -> None:
        """Send nothing more; calls between two attempts end as interrupted."""
        self._closed.set()

    def is_stopped(self, call: CallState) -> bool:
        """Return whether the call must not be sent; after `stop` its first attempt still is."""
        return self._closed.is_set() or (call.number > 0 and self._policy.stop.is_set())

    def count_attempt(self, call: CallState, method: str) -> None:
        """Count an attempt that is about to be sent."""
        call.number += 1
        if method != "GET":
            self._waits.note_write()

    def note_success(self) -> None:
        """Record that a call succeeded."""
        if self._budget is not None:
            self._budget.repay()

    def wait(self, call: CallState, attempt: AttemptOutcome, outage: Outage) -> bool:
        """Add a failed attempt and wait for the next one; return False to give the call up.

        1. The retry rules decide, and no wait lasts longer than a silent server is given.
        2. The retry must be within the budget of the run.
        3. The wait must be within the limits of the call and of the run.
        """
        policy = self._policy
        call.add(attempt)

        seconds = decide_retry(
            attempt, policy.retry_policy, now=policy.clock.wall(), jitter=policy.jitter()
        )
        if seconds is None or seconds >= outage.seconds_left(policy.clock.monotonic()):
            return False

        if self._budget is not None and not self._budget.spend():
            call.budget_spent = True
            return False

        seconds = min(seconds, policy.seconds_left())
        if not self._waits.take(seconds, before=call.waited, now=policy.clock.monotonic()):
            call.waits_exceeded = True
            return False

        call.waited = wait_before_retry(
            policy,
            self._account,
            seconds,
            made=call.number,
            status=attempt.status,
            before=call.waited,
        )
        return True
