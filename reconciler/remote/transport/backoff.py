"""Waiting between two attempts of a call, which whoever listens is told of before it begins."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Protocol

from reconciler.clock import Clock
from reconciler.remote.gateway import Wait
from reconciler.remote.transport.retry import RetryPolicy


class WaitPolicy(Protocol):
    """As much of a caller's policy as waiting needs."""

    @property
    def retry_policy(self) -> RetryPolicy:
        """How often a call is tried."""
        ...

    @property
    def clock(self) -> Clock:
        """What waits."""
        ...

    @property
    def stop(self) -> Event:
        """Ends every wait; then nobody is told of one."""
        ...

    @property
    def on_wait(self) -> Callable[[Wait], None] | None:
        """Who is told."""
        ...


def wait_before_retry(
    policy: WaitPolicy, account: str, seconds: float, *, made: int, status: int, before: float
) -> float:
    """Wait after so many attempts were `made`, the last answered with `status` (0: not at all).

    `before` is how many seconds the call has waited so far; returns them with these.
    """
    if policy.on_wait is not None and not policy.stop.is_set():
        attempts, now = policy.retry_policy.attempts, policy.clock.monotonic()
        policy.on_wait(Wait(account, seconds, made + 1, attempts, status, before, now))
    policy.clock.pause(seconds, policy.stop)
    return before + seconds
