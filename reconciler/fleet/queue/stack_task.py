"""Run the stack of one job: take its lock, run its command in a process, record how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore, Lock

import msgspec
import psycopg

from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit, ReconcilerError
from reconciler.fleet.job import Job, Target
from reconciler.fleet.local_engine import GRACE, is_failure
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.queue.retries import find_pause, may_pass
from reconciler.fleet.queue.stack_locks import StackLocks
from reconciler.fleet.queue.stack_source import StackSource
from reconciler.fleet.queue.store import QueueStore
from reconciler.fleet.queue.values import MOST_ATTEMPTS, Attempt
from reconciler.fleet.queue.words import find_seconds, unpack_words
from reconciler.fleet.single import run_single
from reconciler.report.documents.fleet import FleetStack, outcome_of

_BUSY = 2.0
"""Seconds before a job whose stack is running somewhere is looked at again."""
_AFTER_KILL = 1.0
"""Seconds before a stack that was stopped with its worker is started again."""
_LOCK_TIMEOUT = "--lock-timeout=45"
"""What a second attempt gets: the state of a killed run is locked until its lease ends."""


class TryAgain(Exception):
    """The job is to be run again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs stacks.

    `name` is its name in reports, `folder` that of the fleet file, `commands` those that it runs,
    `pause` the seconds before the second attempt of a stack, `restore` those between two looks for
    stacks without a job.
    """

    name: str
    folder: Path
    target: Target
    commands: tuple[str, ...]
    parallel: int
    pause: float
    restore: float = 30.0


Report = Callable[[str], None]
"""Receives a line about what a worker does."""


class StackRunner:
    """Runs the stacks of one worker; `run` is called from several threads."""

    def __init__(
        self, store: QueueStore, source: StackSource, options: WorkerOptions, report: Report
    ) -> None:
        self._store = store
        self._source = source
        self._options = options
        self._report = report
        self._stops: dict[str, StopRequest] = {}
        self._lost: set[str] = set()
        self._active = 0
        self._guard = Lock()
        self._room = BoundedSemaphore(options.parallel)
        self.locks = StackLocks(store.address, self._lose)

    @property
    def is_idle(self) -> bool:
        """Return whether no stack runs, and no end of one is to be recorded."""
        return self._active == 0

    def run(self, run: int, name: str) -> None:
        """Run a stack of a run, unless it has ended. Raises TryAgain."""
        # A session that has lost the database may still run stacks while the next one takes jobs.
        with self._guard:
            self._active += 1
        try:
            with self._room:
                self._run(run, name)
        finally:
            with self._guard:
                self._active -= 1

    def _run(self, run: int, name: str) -> None:
        if not self.locks.take(name):
            raise TryAgain(_BUSY)
        try:
            attempt = self._store.begin(run, name, self._options.name)
            if attempt is not None:
                self._run_safely(attempt)
        finally:
            self.locks.give(name)

    def stop(self, times: int) -> None:
        """Ask everything that runs to end: twice to end in order, three times to end at once."""
        with self._guard:
            for stop in self._stops.values():
                while stop.count < times:
                    stop.request()

    def _lose(self, name: str) -> None:
        """End a stack at once whose lock another worker may have."""
        with self._guard:
            self._lost.add(name)
            stop = self._stops.get(name)
            while stop is not None and stop.count < 3:
                stop.request()

    def _run_safely(self, attempt: Attempt) -> None:
        """Run an attempt; a defect of this program, or a full disk, ends it like a crash."""
        try:
            self._run_attempt(attempt)
        except (TryAgain, ReconcilerError, psycopg.Error):
            raise
        except Exception as error:  # noqa: BLE001 - else the stack would have no end, and nobody would know why
            self._finish(attempt, _broke_down(attempt, error))
            self._report(f"run {attempt.run}, {attempt.name}: crashed ({type(error).__name__})")

    def _run_attempt(self, attempt: Attempt) -> None:
        label = f"run {attempt.run}, {attempt.name}"
        if attempt.number > MOST_ATTEMPTS:
            self._finish(attempt, _killed_too_often(attempt))
            self._report(f"{label}: given up after {MOST_ATTEMPTS} attempts")
            return

        self._report(f"{label}: {attempt.words[0]} started")
        stop = StopRequest()
        with self._guard:
            self._lost.discard(attempt.name)
            self._stops[attempt.name] = stop
        try:
            entry = self._run_command(attempt, stop)
        finally:
            with self._guard:
                self._stops.pop(attempt.name, None)

        # Whoever has the lock now runs the stack, and records how it ends.
        if attempt.name in self._lost:
            self._report(f"{label}: stopped, because the queue was out of reach")
            raise TryAgain(_AFTER_KILL)
        if stop.is_requested and entry.exit_code not in (Exit.DONE, Exit.CHANGES):
            self._store.put_back(attempt, entry, counts=False)
            self._report(f"{label}: stopped with the worker")
            raise TryAgain(_AFTER_KILL)

        pause = find_pause(attempt.number, self._options.pause) if may_pass(entry) else None
        if pause is not None:
            self._store.put_back(attempt, entry, counts=True)
            self._report(f"{label}: {entry.outcome}, again in {pause:g} s")
            raise TryAgain(pause)
        self._finish(attempt, entry)
        words = entry.outcome.replace("_", " ")
        self._report(f"{label}: {words} ({entry.seconds:.1f} s)")

    def _run_command(self, attempt: Attempt, stop: StopRequest) -> FleetStack:
        """Run the command of a job, or return why it was refused."""
        try:
            words = unpack_words(attempt.words, self._options.folder)
        except ValueError as error:
            return _refuse(attempt, str(error))
        if words[0] not in self._options.commands:
            return _refuse(attempt, f"This worker does not run `{words[0]}`.")

        try:
            stack = self._source.find(attempt.name, attempt.digest)
        except ReconcilerError as error:
            return _make_entry(attempt, Exit.FAILED, list(error.diagnostics))
        if stack is None:
            return _make_entry(attempt, Exit.FAILED, [_differs(attempt)])

        if attempt.number > 1 and not any(word.startswith("--lock-timeout") for word in words):
            words += [_LOCK_TIMEOUT] if words[0] != "validate" else []
        seconds = find_seconds(words)
        job = Job(
            name=attempt.name,
            directory=stack.directory.absolute(),
            file=stack.file,
            words=tuple(words),
            row=stack.row,
            shown=attempt.directory,
        )
        limit = None if seconds is None else seconds + GRACE
        return run_single(job, self._options.target, stop, limit)

    def _finish(self, attempt: Attempt, entry: FleetStack) -> None:
        self._store.finish(attempt, entry, failed=is_failure(entry))


def _make_entry(attempt: Attempt, code: int, problems: list[Diagnostic]) -> FleetStack:
    """Return the entry of a stack whose command was not run."""
    return FleetStack(
        name=attempt.name,
        directory=attempt.directory,
        outcome=outcome_of(code),
        exit_code=code,
        summary={},
        seconds=0.0,
        diagnostics=problems[:20],
        items=[],
        left_out=max(0, len(problems) - 20),
        codes={problem.code: 1 for problem in problems},
    )


def _refuse(attempt: Attempt, reason: str) -> FleetStack:
    detail = f"{reason} Nothing was done."
    problem = Diagnostic(code="job_refused", summary="The worker refuses the job", detail=detail)
    return _make_entry(attempt, Exit.REFUSED, [problem])


def _differs(attempt: Attempt) -> Diagnostic:
    return Diagnostic(
        code="stack_differs",
        summary="The worker has another configuration",
        detail=f"The stack `{attempt.name}` is missing in the fleet file of the worker, or its row "
        "or its entry file differs from what was submitted. Nothing was done. Give workers and "
        "submitters the same commit, then submit again.",
    )


def _broke_down(attempt: Attempt, error: Exception) -> FleetStack:
    reason = str(error) if isinstance(error, OSError) else type(error).__name__
    problem = Diagnostic(
        code="stack_crashed",
        summary="The command of the stack crashed",
        detail=f"The worker could not run it: {reason}. What was applied before is in its state.",
    )
    entry = _make_entry(attempt, Exit.FAILED, [problem])
    return msgspec.structs.replace(entry, exit_code=None, outcome="crashed")


def _killed_too_often(attempt: Attempt) -> FleetStack:
    problem = Diagnostic(
        code="stack_crashed",
        summary="The command of the stack crashed",
        detail=f"Its worker ended {attempt.number - 1} times while it ran; a lack of memory is one "
        "cause. What was applied before is in its state. Run the stack alone to see more.",
    )
    entry = _make_entry(attempt, Exit.FAILED, [problem])
    return msgspec.structs.replace(entry, exit_code=None, outcome="crashed")
