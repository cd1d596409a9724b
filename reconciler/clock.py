"""Time as the outside needs it: how long things take, what the clock on the wall says, and waiting.

The only module below `remote` that reads a clock or sleeps; tests put their own `Clock` in its place.
"""

from __future__ import annotations

import time
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """A source of time. All values are seconds."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 in UTC."""
        ...

    def pause(self, seconds: float, stop: Event) -> None:
        """Wait, but no longer than until `stop` is set."""
        ...


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 in UTC."""
        return time.time()

    def pause(self, seconds: float, stop: Event) -> None:
        """Wait, but no longer than until `stop` is set."""
        stop.wait(seconds)
