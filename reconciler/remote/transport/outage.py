"""Track across threads since when a server has not answered, and return for how many seconds calls
should still try.

Reads no clock.
"""

from __future__ import annotations

from threading import Lock

_FORGET = 10.0
"""Seconds without an attempt after which a silence is out of date; longer than any backoff."""


class Outage:
    """The silence of one server. May be used from any thread.

    All times are seconds of one monotonic clock.
    """

    def __init__(self, give_up_after: float) -> None:
        self._give_up_after = give_up_after
        self._since: float | None = None
        self._last = 0.0
        self._lock = Lock()

    def seconds_left(self, now: float) -> float:
        """Return for how many seconds to keep trying; 0 or less means to give up."""
        with self._lock:
            if self._since is None or now - self._last > _FORGET:
                return self._give_up_after
            return self._give_up_after - (now - self._since)

    def note_answer(self) -> None:
        """Record that the server answered, with whatever status."""
        if self._since is not None:
            with self._lock:
                self._since = None

    def note_silence(self, started: float, ended: float) -> None:
        """Record an attempt between these two moments that brought no answer."""
        with self._lock:
            if self._since is None or started - self._last > _FORGET:
                self._since = started
            self._last = max(self._last, ended)
