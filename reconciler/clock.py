"""Read the elapsed time and the time of day, and wait, through a `Clock`.

The only module below `remote` that reads a clock or sleeps; tests replace it with their own
`Clock`.
"""

from __future__ import annotations

import time
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """A source of time. All values are seconds."""

    def monotonic(self) -> float:
        """Return seconds since a fixed moment; the value never decreases."""
        ...

    def wall(self) -> float:
        """Return seconds since 1970 in UTC."""
        ...

    def pause(self, seconds: float, stop: Event) -> None:
        """Wait for this time, or until `stop` is set."""
        ...


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return seconds since a fixed moment; the value never decreases."""
        return time.monotonic()

    def wall(self) -> float:
        """Return seconds since 1970 in UTC."""
        return time.time()

    def pause(self, seconds: float, stop: Event) -> None:
        """Wait for this time, or until `stop` is set."""
        stop.wait(seconds)
