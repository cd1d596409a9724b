"""A lease kept alive: renewed from a thread of its own as long as the lock is held.

Counts by this machine's monotonic clock, from before the lock was asked for and before each renewal was sent, so that
it never believes in a lease longer than the other side does. Knows nothing of stores.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from reconciler.clock import Clock
from reconciler.errors import ReconcilerError
from reconciler.state.stores.backing import LeaseLost

BEATS = 3
"""How often a lease is renewed in the time that it lasts."""


class LeaseRenewal:
    """Beats from `start` to `stop`; sets `told` when the lease is lost. `asked` is when the lock was asked for."""

    def __init__(
        self,
        renew: Callable[[], None],
        seconds: float,
        clock: Clock,
        *,
        asked: float,
        told: Event | None = None,
    ) -> None:
        self._renew = renew
        self._seconds = seconds
        self._clock = clock
        self._told = told
        self._asked = asked  # last, whether there was an answer or not
        self._renewed = asked
        self._lost = ""
        self._ended = Event()
        self._thread = Thread(target=self._beat, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew no more; returns when the last renewal is over."""
        self._ended.set()
        self._thread.join()

    def why_lost(self) -> str:
        """Why nothing may be written any more; "" as long as the lease holds."""
        if not self._lost and self._clock.monotonic() - self._renewed >= self._seconds:
            self.lose(f"The lock could not be renewed for {self._seconds:g} seconds")
        return self._lost

    def lose(self, reason: str) -> None:
        """The lease is lost, and whoever waits to hear that hears it."""
        self._lost = self._lost or reason
        if self._told is not None:
            self._told.set()

    def lose_to(self, lost: LeaseLost) -> None:
        """The other side says that the lease is lost."""
        self.lose(
            f"{lost.reason}, {self._clock.monotonic() - self._renewed:.0f} s after this run had last renewed it"
        )

    def due(self) -> float:
        """In how many seconds to renew: by the beat, however long the answer to the one before took."""
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
                continue  # out of reach for now: there are more beats in this lease
