"""How quickly more calls may be sent at once: from a server's latency and its own count to a pace.

Knows nothing of HTTP, threads or clocks. The count is what the server says is under way of the account as a whole
(`Twilio-Concurrent-Requests`), which other programs share in.

| the answer came | and the server's count is | pace |
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
"""Seconds that an answer may always take longer than the best one: on a quick line, twice the time says nothing."""


class RampUp(Enum):
    """How to go on after a success."""

    QUICK = "one more for each success"
    STEADY = "one more for each round of successes"
    HOLD = "no more"


class ConcurrencyHint:
    """What a server has been seen to bear. Races between threads cost a little pace and nothing else."""

    def __init__(self) -> None:
        self._best: dict[str, float] = {}
        self._refused_at = inf

    def note_refusal(self, count: int) -> None:
        """The server refused a call for being one too many, with so many of them under way."""
        self._refused_at = count

    def ramp_up_after(self, sort: str, seconds: float, count: int) -> RampUp:
        """A call of this sort succeeded after so many seconds, with so many of them under way."""
        best = min(seconds, self._best.get(sort, inf))
        self._best[sort] = best
        if seconds > best * _SLOWER + _GRACE:
            return RampUp.HOLD
        return RampUp.QUICK if count < self._refused_at * _NEAR else RampUp.STEADY
