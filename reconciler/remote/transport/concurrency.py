"""How many calls may be under way at once: fewer when the server says too many, more again while it answers.

Knows nothing of HTTP: the caller says when a call was refused for being one too many, and when one succeeded.
"""

from __future__ import annotations

from collections import deque
from threading import Lock


class ConcurrencyLimiter:
    """At most `bound` calls at once, to begin with `start` of them (all, when it is not given).

    Halves when refused; after a success it grows by one (`ramp`), or by one for each limit's worth of them (`grow`).
    First come, first served. All methods may be called from any thread.
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
        """How many calls may be under way at once just now."""
        return int(self._limit)

    @property
    def below_bound(self) -> bool:
        """Whether fewer calls may be under way than the bound allows; costs no lock."""
        return self._limit < self._bound

    def acquire(self) -> int:
        """Wait for a turn; returns a ticket for `shrink`. Every `acquire` needs its `release`."""
        with self._lock:
            if not self._waiting and self._busy < int(self._limit):
                self._busy += 1
                return self._round
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
        """The call is over, however it ended."""
        with self._lock:
            self._busy -= 1
            self._admit()

    def shrink(self, ticket: int) -> None:
        """The call of this ticket was one too many: halve, but once only for all calls that were under way together."""
        with self._lock:
            if ticket == self._round:
                self._round += 1
                self._limit = max(1.0, self._limit / 2)

    def grow(self) -> None:
        """A call succeeded: one more for each limit's worth of such calls."""
        self._add(1 / self._limit)

    def ramp(self) -> None:
        """A call succeeded far below what the server bears: one more, so that the limit doubles with each round."""
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
        """Give up waiting; pass the turn on if it came at the same moment."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self.release()
