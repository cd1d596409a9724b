"""A lease kept alive: renewed from a thread of its own as long as the lock is held.

Counts by this machine's monotonic clock, from before each renewal was sent, so that it never believes in a lease longer
than the other side does. Knows nothing of stores.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from reconciler.errors import ReconcilerError
from reconciler.remote.clock import Clock
from reconciler.state.backing import LeaseLost

BEATS = 3
"""How often a lease is renewed in the time that it lasts."""


class Heart:
    """Beats from `start` to `stop`; sets `told` when the lease is lost."""

    def __init__(self, renew: Callable[[], None], seconds: float, clock: Clock, told: Event | None) -> None:
        self._renew = renew
        self._seconds = seconds
        self._clock = clock
        self._told = told
        self._renewed = clock.monotonic()
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

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds / BEATS) and not self.why_lost():
            began = self._clock.monotonic()
            try:
                self._renew()
                self._renewed = began
            except LeaseLost:
                self.lose("Another run, or `state unlock`, took the lock over")
            except ReconcilerError:
                continue  # out of reach for now: there are more beats in this lease
