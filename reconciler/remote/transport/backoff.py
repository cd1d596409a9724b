"""Notify `on_wait`, then wait for a retry or until the run is stopped; decides no length."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Protocol

from reconciler.clock import Clock
from reconciler.remote.gateway import Wait
from reconciler.remote.transport.retry import RetryPolicy


class WaitPolicy(Protocol):
    """The part of a call policy that waiting needs."""

    @property
    def retry_policy(self) -> RetryPolicy:
        """Number of attempts and length of waits."""
        ...

    @property
    def clock(self) -> Clock:
        """Clock that waits."""
        ...

    @property
    def stop(self) -> Event:
        """Flag that ends every wait; once it is set, `on_wait` is not called."""
        ...

    @property
    def on_wait(self) -> Callable[[Wait], None] | None:
        """Function that is notified of each wait."""
        ...


def wait_before_retry(
    policy: WaitPolicy, account: str, seconds: float, *, made: int, status: int, before: float
) -> float:
    """Wait after `made` attempts, the last answered with `status` (0 without an answer).

    `before` is how many seconds the call has waited so far. Returns that time plus this wait.
    """
    if policy.on_wait is not None and not policy.stop.is_set():
        attempts = policy.retry_policy.attempts
        now = policy.clock.monotonic()
        policy.on_wait(Wait(account, seconds, made + 1, attempts, status, before, now))

    policy.clock.pause(seconds, policy.stop)
    return before + seconds
