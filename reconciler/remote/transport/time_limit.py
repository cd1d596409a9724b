"""Count down the time limit of a whole run: at its end reading fails with `timed_out`, while
writing stops as after Ctrl-C.

Started writes are finished: while writing, the end of the time is an ordinary stop, as Ctrl-C is.
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
    """Return the seconds that a run without a limit has left."""
    return inf


class TimeLimit:
    """Countdown that starts when it is made; without `seconds` it never ends.

    May be used from any thread. `on_stop` is called when the end of the time stops a run inside
    `stop_at_end`.
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
        """Return whether the time has passed."""
        return self._clock.monotonic() >= self._end

    def seconds_left(self) -> float:
        """Return the seconds in which calls may still be sent.

        Infinite inside `stop_at_end`.
        """
        return inf if self._lifted else self._end - self._clock.monotonic()

    def check(self) -> None:
        """Raise `timed_out` when the time has passed. Nothing has been written yet."""
        if self.is_over:
            raise ReconcilerError(self.diagnostic("Nothing was changed."))

    def diagnostic(self, effect: str) -> Diagnostic:
        """Return the problem of the exceeded time; `effect` is a sentence on the consequences."""
        return Diagnostic(
            code="timed_out",
            summary="Time limit exceeded",
            detail=f"The {self._seconds:g} seconds of --timeout have passed. {effect}",
        )

    @contextmanager
    def stop_at_end(self, stop: Event) -> Iterator[None]:
        """Set `stop` at the end of the time, and let calls in flight finish."""
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
