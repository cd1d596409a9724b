"""The time that a run may take in all: it reads no longer than that, then begins nothing new.

What was begun is finished: once writing, the end of the time is an ordinary stop, as the first Ctrl-C is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Event, Timer

from reconciler.clock import Clock, SystemClock
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError


def no_time_limit() -> float:
    """The seconds that a run without a limit has left."""
    return inf


class TimeLimit:
    """Counts from the moment it is made; without `seconds` it never ends. May be used from any thread.

    `on_stop` is called when the end of the time stops a run that is in `stop_at_end`.
    """

    def __init__(
        self,
        seconds: float | None = None,
        clock: Clock | None = None,
        on_stop: Callable[[], object] = no_time_limit,
    ) -> None:
        self._seconds = inf if seconds is None else seconds
        self._clock = clock or SystemClock()
        self._end = self._clock.monotonic() + self._seconds
        self._on_stop = on_stop
        self._lifted = False

    @property
    def is_over(self) -> bool:
        """Whether the time has passed."""
        return self._clock.monotonic() >= self._end

    def seconds_left(self) -> float:
        """Seconds in which calls may still be sent; without end once the run is in `stop_at_end`."""
        return inf if self._lifted else self._end - self._clock.monotonic()

    def check(self) -> None:
        """Raise `timed_out` when the time has passed. Nothing has been written yet."""
        if self.is_over:
            raise ReconcilerError(self.diagnostic("Nothing was changed."))

    def diagnostic(self, effect: str) -> Diagnostic:
        """The end of the time, and in a sentence what that means."""
        return Diagnostic(
            code="timed_out",
            summary="The time that the run was given is over",
            detail=f"The {self._seconds:g} seconds of --timeout have passed. {effect}",
        )

    @contextmanager
    def stop_at_end(self, stop: Event) -> Iterator[None]:
        """Inside, calls are no longer cut off: the end of the time sets `stop`, and what is in flight is finished."""
        self._lifted = True
        if self._seconds == inf:
            yield
            return

        def end() -> None:
            stop.set()
            self._on_stop()

        timer = Timer(max(0.0, self._end - self._clock.monotonic()), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
