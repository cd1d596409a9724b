"""Limit the retries of one run for one account, so that a broken service is left alone.

Knows nothing of HTTP or time. A success gives back more than one attempt: a run in which half of
the calls fail continues to its end. A run in which nothing succeeds stops to retry after `MOST`
attempts, however many calls it has.
"""

from __future__ import annotations

MOST = 400
"""About as many as 32 concurrent calls need during 15 seconds without any answer."""
_BACK = 2


class RetryBudget:
    """Remaining retries. May be used from any thread.

    Without a lock: a race costs or gives one attempt.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._left = most

    def spend(self) -> bool:
        """Take one retry; return False when none is left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def repay(self) -> None:
        """Record a success."""
        if self._left < self._most:
            self._left = min(self._most, self._left + _BACK)
