"""How long a server has not been heard of, as all threads together have seen it.

Without it each of a thousand calls would wait its own half minute for a network that is gone. Reads no clock.
"""

from __future__ import annotations

from threading import Lock

_FORGET = 10.0
"""Seconds without an attempt after which an old silence says nothing about now; longer than any backoff."""


class Outage:
    """The silence of one server; may be used from any thread. All times are seconds of one monotonic clock."""

    def __init__(self, give_up_after: float) -> None:
        self._give_up_after = give_up_after
        self._since: float | None = None
        self._last = 0.0
        self._lock = Lock()

    def seconds_left(self, now: float) -> float:
        """Seconds for which it is still worth trying; 0 or less means that the server is given up."""
        with self._lock:
            if self._since is None or now - self._last > _FORGET:
                return self._give_up_after
            return self._give_up_after - (now - self._since)

    def note_answer(self) -> None:
        """The server answered, whatever it said."""
        if self._since is not None:
            with self._lock:
                self._since = None

    def note_silence(self, started: float, ended: float) -> None:
        """An attempt between these two moments brought no answer."""
        with self._lock:
            if self._since is None or started - self._last > _FORGET:
                self._since = started
            self._last = max(self._last, ended)
