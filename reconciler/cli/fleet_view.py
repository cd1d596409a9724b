"""Hold what is known of a fleet that runs, and lay it out as lines that fit a terminal: the counts, the
stacks that run, the last failures.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

import msgspec

from reconciler.planning.checks.secrecy import mask
from reconciler.report.text.style import Meaning
from reconciler.report.width import cell_width, cut, wrap
from reconciler.report.wording import printable

_MOST_LINES = 24
"""Lines of the whole table, however high the terminal is."""
_MOST_FAILURES = 5
_NARROWEST = 10
"""A terminal that says it is narrower is treated as if it had this width."""
_ESTIMATED_FROM = 5.0
"""Seconds after which, with `_LEAST_ENDED` stacks, the rest of the time is estimated."""
_LEAST_ENDED = 3
_WELL = ("done", "changes", "no_match")
STOPPING = (
    "Stopping: no further stack starts, those that run are finished. Ctrl-C again stops them.",
    "Stopping the stacks that run: each ends in order. Ctrl-C again ends them at once.",
    "Ending the stacks that run.",
)
"""What is shown after the first, the second and every further request to stop."""
STOPPING_QUEUE = (
    "Stopping: no further stack starts, those that run are finished. Ctrl-C again leaves them to the "
    "workers.",
    "Leaving the stacks that run to the workers.",
)
"""The same for stacks that run on workers."""


class Line(msgspec.Struct, frozen=True):
    """One line of the table; `meaning` is that of `Style`, empty for plain text."""

    text: str
    meaning: Meaning = ""


class _Failure(msgspec.Struct, frozen=True):
    """A stack that did not end well, and why in a few words."""

    name: str
    reason: str


class FleetView:
    """What is known of a fleet; one thread may change it while another one draws it."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, in_queue: bool = False
    ) -> None:
        self._clock = clock
        self._stopping = STOPPING_QUEUE if in_queue else STOPPING
        self._lock = Lock()
        self._failures: deque[_Failure] = deque(maxlen=_MOST_FAILURES)
        self._reasons: dict[str, str] = {}
        self.stop_requests = 0
        """Changed by a signal handler, which must not wait for the lock."""
        self._stop_reason = ""
        self.begin(0)

    def begin(self, total: int) -> None:
        """Start counting so many stacks."""
        with self._lock:
            self._total = total
            self._began = self._clock()
            self._running: dict[str, float] = {}
            self._outcomes: Counter[str] = Counter()

    def start(self, name: str) -> None:
        """Record that a stack runs."""
        with self._lock:
            self._running[name] = self._clock()

    def explain(self, name: str, reason: str) -> None:
        """Record why a stack that ends next does not end well."""
        with self._lock:
            self._reasons[name] = reason

    def end(self, name: str, outcome: str) -> None:
        """Record that a stack has ended."""
        with self._lock:
            self._running.pop(name, None)
            self._outcomes[outcome] += 1
            reason = self._reasons.pop(name, "")
            if outcome not in _WELL:
                words = outcome.replace("_", " ")
                self._failures.append(_Failure(name, f"{words}: {reason}" if reason else words))

    def stop_starting(self, reason: str) -> None:
        """Record that no further stack starts, and why."""
        with self._lock:
            self._stop_reason = reason

    def lines(self, width: int, height: int) -> list[Line]:
        """Return lines that fit a terminal; one row and one column stay free for the cursor."""
        width = max(_NARROWEST, width - 1)
        room = max(1, min(_MOST_LINES, height - 1))
        with self._lock:
            head = [*self._head(width)]
            rest = room - len(head)
            if rest < 2:
                return [_cut(line, width) for line in head[:room]]

            # The failures get at most a third: a person waits for what runs.
            most = max(2, rest // 3) if rest >= 5 or not self._running else 0
            failures = [*self._failure_lines(width, most)]
            running = [*self._running_lines(width, rest - len(failures))]
        return [_cut(line, width) for line in (*head, *running, *failures)]

    def summary(self) -> str:
        """Return one sentence about all stacks so far."""
        with self._lock:
            return f"{self._counts()}, in {show_seconds(self._clock() - self._began)}."

    def _head(self, width: int) -> Iterator[Line]:
        """Yield the counts, the time, and whether the fleet stops."""
        bad = any(outcome not in _WELL for outcome in self._outcomes)
        for line in wrap(self._counts(), width):
            yield Line(line, "bad" if bad else "strong")
        yield Line(self._progress(width), "quiet")

        message = self._stop_reason
        if self.stop_requests:
            message = choose_message(self._stopping, self.stop_requests)
        for line in wrap(message, width) if message else ():
            yield Line(line, "warn")

    def _counts(self) -> str:
        ended = self._outcomes.total()
        words: list[str] = []
        for outcome, number in sorted(self._outcomes.items(), key=_by_urgency):
            words.append(f"{number:,} {outcome.replace('_', ' ')}")
        if self._running:
            words.append(f"{len(self._running):,} running")
        waiting = self._total - ended - len(self._running)
        if waiting > 0:
            words.append(f"{waiting:,} {'not started' if self._is_stopping() else 'waiting'}")
        return f"{ended:,} of {self._total:,} stacks: {', '.join(words) or 'none'}"

    def _progress(self, width: int) -> str:
        """Return a bar, the time that has passed, and the estimate for the rest."""
        ended = self._outcomes.total()
        elapsed = self._clock() - self._began
        times = show_seconds(elapsed)
        rest = self._total - ended
        if (
            ended >= _LEAST_ENDED
            and elapsed >= _ESTIMATED_FROM
            and rest > 0
            and not self._is_stopping()
        ):
            times += f", about {show_estimate(elapsed / ended * rest)} left"

        cells = min(30, width - len(times) - 3)
        if cells < 5 or not self._total:
            return times
        full = cells * ended // self._total
        return f"[{'#' * full}{'-' * (cells - full)}] {times}"

    def _is_stopping(self) -> bool:
        return bool(self.stop_requests or self._stop_reason)

    def _running_lines(self, width: int, room: int) -> Iterator[Line]:
        """Yield the stacks that run, those that have run for the longest time first."""
        if not self._running or room < 2:
            return
        yield Line("Running", "strong")
        names = list(self._running)
        fits = room - 1 if len(names) <= room - 1 else room - 2
        now = self._clock()

        rows = [(name, show_seconds(now - self._running[name])) for name in names[:fits]]
        for text in _align(rows, width):
            yield Line(text)
        if len(names) > fits:
            yield Line(f"  and {len(names) - fits:,} more", "quiet")

    def _failure_lines(self, width: int, room: int) -> Iterator[Line]:
        """Yield the last failures, the newest first."""
        if not self._failures or room < 2:
            return
        yield Line("Last failures", "strong")
        rows = [(failure.name, failure.reason) for failure in reversed(self._failures)]
        for text in _align(rows[: room - 1], width):
            yield Line(text, "bad")


def choose_message(messages: Sequence[str], requests: int) -> str:
    """Return the message for so many requests to stop; the last one stays."""
    return messages[min(requests, len(messages)) - 1]


def _cut(line: Line, width: int) -> Line:
    return Line(cut(line.text, width), line.meaning)


def _by_urgency(counted: tuple[str, int]) -> tuple[bool, str]:
    """Sort the outcomes of stacks that ended well last."""
    return counted[0] in _WELL, counted[0]


def _align(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Yield names and the texts beside them as two columns, with names of at most half the width."""
    safe = [(make_safe(name), make_safe(text)) for name, text in rows]
    widest = max((cell_width(name) for name, _ in safe), default=0)
    first = min(widest, max(6, (width - 4) // 2))

    for name, text in safe:
        name = cut(name, first)
        yield f"  {name}{' ' * (first - cell_width(name))}  {text}"


def make_safe(text: str) -> str:
    """Return a text of a configuration as a terminal may get it."""
    return mask(printable(text))


def show_seconds(seconds: float) -> str:
    """Return a time that has passed: `12 s`, `1:05`, `2:00:03`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_estimate(seconds: float) -> str:
    """Return a time to come, as rough as it is known: `40 s`, `9 min`, `3 h`."""
    if seconds < 55:
        return f"{max(1, round(seconds / 10)) * 10} s"
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min"
    return f"{round(seconds / 3600)} h"
