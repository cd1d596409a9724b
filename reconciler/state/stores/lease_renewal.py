"""Renew a lease from a thread of its own as long as the lock is held; when it is lost, record the
reason and ask the run to stop.

Measures time by this machine's monotonic clock, from before the lock was requested and before each
renewal was sent, so that it never assumes a longer lease than the other side. Knows nothing of
stores.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from reconciler.clock import Clock
from reconciler.errors import ReconcilerError
from reconciler.state.stores.backing import LeaseLost

BEATS = 3
"""The number of renewals in the duration of a lease."""


class LeaseRenewal:
    """Renews from `start` to `stop`; sets `stop_event` when the lease is lost. `asked` is the time
    of the request.
    """

    def __init__(
        self,
        renew: Callable[[], None],
        seconds: float,
        clock: Clock,
        *,
        asked: float,
        stop_event: Event | None = None,
    ) -> None:
        self._renew = renew
        self._seconds = seconds
        self._clock = clock
        self._stop_event = stop_event

        self._asked = asked
        """The time of the last request, answered or not."""
        self._renewed = asked
        """The time of the last request that was answered."""
        self._lost = ""
        self._ended = Event()
        self._thread = Thread(target=self._beat, name="lease", daemon=True)

    def start(self) -> None:
        """Start to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to renew; returns when the last renewal is over."""
        self._ended.set()
        self._thread.join()

    def why_lost(self) -> str:
        """Return why nothing may be written any more; "" as long as the lease is valid."""
        if not self._lost and self._clock.monotonic() - self._renewed >= self._seconds:
            self.lose(f"The lock could not be renewed for {self._seconds:g} seconds")
        return self._lost

    def lose(self, reason: str) -> None:
        """Mark the lease as lost, and ask the run to stop. The first reason counts."""
        self._lost = self._lost or reason
        if self._stop_event is not None:
            self._stop_event.set()

    def lose_to(self, lost: LeaseLost) -> None:
        """Mark the lease as lost because the other side has refused it."""
        age = self._clock.monotonic() - self._renewed
        self.lose(f"{lost.reason}, {age:.0f} s after this run had last renewed it")

    def due(self) -> float:
        """Return the seconds until the next renewal, however long the answer to the last one took."""
        return max(0.0, self._asked + self._seconds / BEATS - self._clock.monotonic())

    def _beat(self) -> None:
        while not self._ended.wait(self.due()) and not self.why_lost():
            self._asked = self._clock.monotonic()
            try:
                self._renew()
                self._renewed = self._asked
            except LeaseLost as lost:
                self.lose_to(lost)
            except ReconcilerError:
                continue  # out of reach for now: this lease has time for more attempts
