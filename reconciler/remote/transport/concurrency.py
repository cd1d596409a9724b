"""Limit the calls in flight: fewer after the server refuses one, more while it answers.

Knows nothing of HTTP: the caller reports refusals for too many calls, and successes.
"""

from __future__ import annotations

from collections import deque
from threading import Lock


class ConcurrencyLimiter:
    """Limit of at most `bound` calls at once, of which `start` are allowed at first (default: all).

    Halves after a refusal. After a success it grows by one (`ramp`), or by one for each limit's
    worth of successes (`grow`). First come, first served. All methods may be called from any
    thread.
    """

    def __init__(self, bound: int, start: int | None = None) -> None:
        self._bound = max(1, bound)
        self._limit = float(max(1, min(self._bound, start or self._bound)))
        self._busy = 0
        self._round = 0
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()

    @property
    def limit(self) -> int:
        """Return how many calls may be in flight now."""
        return int(self._limit)

    @property
    def below_bound(self) -> bool:
        """Return whether the limit is below the bound; takes no lock."""
        return self._limit < self._bound

    def acquire(self) -> int:
        """Wait for a turn and return a ticket for `shrink`. Every `acquire` needs a `release`."""
        with self._lock:
            if not self._waiting and self._busy < int(self._limit):
                self._busy += 1
                return self._round

            # A locked lock of its own for each waiting thread keeps the order of arrival.
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)

        try:
            turn.acquire()
        except BaseException:
            self._leave(turn)
            raise

        return self._round

    def release(self) -> None:
        """Record the end of a call, however it ended."""
        with self._lock:
            self._busy -= 1
            self._admit()

    def shrink(self, ticket: int) -> None:
        """Halve the limit because the call of this ticket was one too many.

        All calls that were in flight together halve it only once.
        """
        with self._lock:
            if ticket == self._round:
                self._round += 1
                self._limit = max(1.0, self._limit / 2)

    def grow(self) -> None:
        """Record a success: raise the limit by one for each limit's worth of successes."""
        self._add(1 / self._limit)

    def ramp(self) -> None:
        """Record a success far below what the server accepts: raise the limit by one.

        The limit then doubles with each round of calls.
        """
        self._add(1.0)

    def _add(self, step: float) -> None:
        if self._limit >= self._bound:
            return
        with self._lock:
            self._limit = min(float(self._bound), self._limit + step)
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self._busy < int(self._limit):
            self._busy += 1
            self._waiting.popleft().release()

    def _leave(self, turn: Lock) -> None:
        """Stop waiting, and pass the turn on if it came at the same moment."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self.release()
