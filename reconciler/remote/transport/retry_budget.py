"""How many attempts beyond the first a run has left for one account: a service that is wholly broken is left alone.

Knows nothing of HTTP or time. A success gives back more than one, so that a run in which half of the calls fail goes
on to its end; one in which nothing succeeds stops to repeat after `MOST` attempts, however many calls it has.
"""

from __future__ import annotations

MOST = 400
"""About as many as 32 calls under way need to outlast a quarter of a minute in which nothing is answered."""
_BACK = 2


class RetryBudget:
    """Attempts that are left; may be used from any thread. Without a lock: a race costs an attempt or gives one."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._left = most

    def spend(self) -> bool:
        """Take one for another attempt; False when none is left."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def repay(self) -> None:
        """A call succeeded."""
        if self._left < self._most:
            self._left = min(self._most, self._left + _BACK)
