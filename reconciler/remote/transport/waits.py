"""How long calls may wait between attempts: one call, and all calls of a run that has only read so far.

Knows nothing of HTTP or clocks. A server that asks for a pause each time could otherwise hold a run for hours.
"""

from __future__ import annotations

from threading import Lock

OF_CALL = 60.0
"""Seconds that one call may wait in all: rate limits commonly count by the minute."""
OF_READING = 300.0
"""Seconds in which the calls of one account may wait, before anything was written. Waits at once count once."""


def wait_limit_text(seconds: float) -> str:
    """Say of a call that it was given up for its waits, and that it has waited so many seconds."""
    return (
        f"It was not tried again: it had waited {seconds:.0f} s. A call waits at most {OF_CALL:.0f} s in all, "
        f"and a run that has written nothing yet {OF_READING:.0f} s."
    )


class WaitLimit:
    """The waits of one account or platform. May be used from any thread.

    Once something was written only the limit of each call holds: to stop then would leave the change half done.
    """

    def __init__(self, of_call: float = OF_CALL, of_reading: float = OF_READING) -> None:
        self._of_call = of_call
        self._of_reading = of_reading
        self._waited = 0.0
        self._until = 0.0
        self._written = False
        self._lock = Lock()

    def note_write(self) -> None:
        """A call was sent that may have changed something."""
        self._written = True

    def take(self, seconds: float, *, before: float, now: float) -> bool:
        """Count a wait that begins now; False, without counting it, where it is too long.

        `before` is how many seconds the same call has waited already.
        """
        if before + seconds > self._of_call:
            return False

        with self._lock:
            # What another call is waiting anyway costs no more time.
            end = now + seconds
            added = max(0.0, end - max(now, self._until))
            if not self._written and self._waited + added > self._of_reading:
                return False
            self._waited += added
            self._until = max(self._until, end)
        return True
