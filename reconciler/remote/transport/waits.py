"""Limit the time that calls wait between attempts: each call, and all calls before the first write.

Knows nothing of HTTP or clocks. A server that asks for a pause each time could otherwise block a
run for hours.
"""

from __future__ import annotations

from threading import Lock

OF_CALL = 60.0
"""Most seconds that one call may wait in all: rate limits commonly count by the minute."""
OF_READING = 300.0
"""Most seconds that the calls of one account may wait before the first write.

Simultaneous waits count once.
"""


def wait_limit_text(seconds: float) -> str:
    """Return the sentence for a call that was given up after waiting so many seconds."""
    return (
        f"It was not tried again: it had waited {seconds:.0f} s. The limit is {OF_CALL:.0f} s for "
        f"one call, and {OF_READING:.0f} s for a run that has not written yet."
    )


class WaitLimit:
    """The waits of one account or platform. May be used from any thread.

    After the first write only the limit of each call applies: stopping then would leave the change
    half done.
    """

    def __init__(self, of_call: float = OF_CALL, of_reading: float = OF_READING) -> None:
        self._of_call = of_call
        self._of_reading = of_reading
        self._waited = 0.0
        self._until = 0.0
        self._written = False
        self._lock = Lock()

    def note_write(self) -> None:
        """Record that a call was sent that may have changed something."""
        self._written = True

    def take(self, seconds: float, *, before: float, now: float) -> bool:
        """Count a wait that starts now; return False, without counting it, if it is too long.

        `before` is how many seconds the same call has already waited.
        """
        if before + seconds > self._of_call:
            return False

        with self._lock:
            # A wait during the wait of another call costs no more time.
            end = now + seconds
            added = max(0.0, end - max(now, self._until))
            if not self._written and self._waited + added > self._of_reading:
                return False
            self._waited += added
            self._until = max(self._until, end)
        return True
