"""Decide after each success how quickly to raise the limit of calls in flight, from the answer's
latency and the server's own count; sets no limit itself.

Knows nothing of HTTP, threads or clocks. The count is what the server reports as in flight for the
whole account (`Twilio-Concurrent-Requests`), other programs included.

| the answer came | and the server's count is | decision |
|---|---|---|
| much later than the best of its sort | any | hold |
| in time | below three quarters of what it last refused, or it never refused | quick |
| in time | near to that, or above | steady |
"""

from __future__ import annotations

from enum import Enum
from math import inf

_NEAR = 0.75
_SLOWER = 2.0
_GRACE = 0.1
"""Seconds that an answer may always take longer than the best one.

On a fast line, twice the time is no sign of load.
"""


class RampUp(Enum):
    """The next step after a success."""

    QUICK = "one more for each success"
    STEADY = "one more for each round of successes"
    HOLD = "no more"


class ConcurrencyHint:
    """Record of how many calls a server has accepted.

    Races between threads make the ramp-up slightly slower and do no other harm.
    """

    def __init__(self) -> None:
        self._best: dict[str, float] = {}
        self._refused_at = inf

    def note_refusal(self, count: int) -> None:
        """Record that the server refused a call while `count` calls were in flight."""
        self._refused_at = count

    def ramp_up_after(self, sort: str, seconds: float, count: int) -> RampUp:
        """Return how to continue after a success of a call of this sort.

        It took `seconds` while `count` calls were in flight.
        """
        best = min(seconds, self._best.get(sort, inf))
        self._best[sort] = best
        if seconds > best * _SLOWER + _GRACE:
            return RampUp.HOLD
        return RampUp.QUICK if count < self._refused_at * _NEAR else RampUp.STEADY
