"""Submit the stacks of a fleet to a queue, and wait until all have ended.

The same interface as the engine on this machine: jobs in, one entry for each of them out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.fleet.job import Ended, Job, Watcher
from reconciler.fleet.local_engine import report_end
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.queue.stack_source import digest_stack
from reconciler.fleet.queue.store import QueueStore
from reconciler.fleet.queue.values import Order, Progress
from reconciler.fleet.queue.words import pack_words
from reconciler.fleet.results import not_started
from reconciler.report.documents.fleet import FleetStack, StackOutcome

_POLL = 0.5
"""Seconds between two looks at a run."""
_NO_WORKER = 15.0
"""Seconds after which a run that no worker serves is reported; then once a minute."""


class QueueEngine:
    """Runs jobs on the workers of a queue. `report` receives what the person who waits should know."""

    def __init__(self, store: QueueStore, folder: Path, report: Callable[[str], None]) -> None:
        self._store = store
        self._folder = folder
        self._report = report
        self.last_run: int | None = None

    def submit(self, jobs: Sequence[Job], stop_after_failures: int | None) -> int:
        """Submit jobs as one run, and return its number. Raises UsageError, ReconcilerError."""
        orders: list[Order] = []
        try:
            for job in jobs:
                orders.append(
                    Order(
                        name=job.name,
                        directory=job.shown,
                        digest=digest_stack(job),
                        words=pack_words(job.words, self._folder),
                    )
                )
        except ValueError as error:
            raise UsageError(
                Diagnostic(code="wrong_usage", summary="No job can be made", detail=str(error))
            ) from None
        self.last_run = self._store.submit(jobs[0].words[0], orders, stop_after_failures)
        return self.last_run

    def run_all(
        self,
        jobs: Sequence[Job],
        stop_after_failures: int | None,
        stop: StopRequest,
        watcher: Watcher,
    ) -> list[FleetStack]:
        """Run every job, and return one entry for each, in the order of the jobs.

        A first request to stop lets the stacks that run end; at a second one they go on without
        being waited for.
        """
        if not jobs:
            return []
        if stop.is_requested or (stop_after_failures is not None and stop_after_failures < 1):
            return [not_started(job) for job in jobs]
        watcher.begin(len(jobs))
        run = self.submit(jobs, stop_after_failures)
        self._report(f"run {run} submitted to the queue, {len(jobs)} stacks")
        try:
            self._wait(run, {job.name: job for job in jobs}, stop, watcher)
            entries = list_entries(self._store.read_progress(run))
        except ReconcilerError:
            self._report(f"run {run} may go on: see `reconciler fleet status {run}`")
            raise
        if len(entries) != len(jobs):
            raise self._store.make_lost(run)
        return entries

    def _wait(self, run: int, jobs: dict[str, Job], stop: StopRequest, watcher: Watcher) -> None:
        """Report the progress of a run until all its stacks have ended."""
        started: set[str] = set()
        ended: set[str] = set()
        seen = 0
        is_stopped = False
        since = time.monotonic()
        while len(ended) < len(jobs):
            if stop.is_requested and not is_stopped:
                self._store.stop(run)
                is_stopped = True
            if stop.count > 1:
                self._report(f"run {run} goes on: see `reconciler fleet status {run}`")
                return

            for name, status in self._store.watch(run):
                if name not in started:
                    started.add(name)
                    watcher.started(jobs[name])
                if status == "ended" and name not in ended:
                    ended.add(name)
                    entry = self._store.read_entry(run, name) or not_started(jobs[name])
                    report_end(watcher, _describe_end(jobs[name], entry), entry)

            if len(started) + len(ended) != seen:
                seen = len(started) + len(ended)
                since = time.monotonic()
            elif time.monotonic() - since > _NO_WORKER and len(ended) < len(jobs):
                self._report_idle(run, len(jobs))
                since = time.monotonic() + 60.0 - _NO_WORKER
            if len(ended) < len(jobs):
                time.sleep(_POLL)

    def _report_idle(self, run: int, stacks: int) -> None:
        """Say why nothing happens. Raises ReconcilerError when the run is no longer there."""
        rows = self._store.read_runs(run)
        if not rows or rows[0].waiting + rows[0].running + rows[0].ended != stacks:
            raise self._store.make_lost(run)
        workers = self._store.count_workers()
        if workers == 0:
            self._report(
                f"run {run} waits: no worker serves this queue. Start one: reconciler worker --queue …"
            )
        elif rows[0].running == 0:
            words = "1 worker" if workers == 1 else f"{workers:,} workers"
            self._report(
                f"run {run} waits: none of its stacks is taken by {words} of this queue, which may be "
                f"busy, or do not run `{rows[0].command}` (--only)"
            )


def list_entries(progress: Sequence[Progress]) -> list[FleetStack]:
    """Return an entry for each stack of a run, also for those that have not ended."""
    entries: list[FleetStack] = []
    for each in progress:
        if each.entry is not None:
            entries.append(each.entry)
            continue
        entry = not_started(_to_job(each))
        outcome = _UNFINISHED.get(each.status, "not_started")
        entries.append(msgspec.structs.replace(entry, outcome=outcome))
    return entries


_UNFINISHED: dict[str, StackOutcome] = {"waiting": "waiting", "running": "running"}


def _to_job(progress: Progress) -> Job:
    return Job(name=progress.name, directory=Path(), file="", words=(), shown=progress.directory)


def _describe_end(job: Job, entry: FleetStack) -> Ended:
    """Return how a stack ended on a worker; its output stays there."""
    return Ended(
        job=job,
        exit_code=entry.exit_code,
        seconds=entry.seconds,
        output=Path(),
        errors=Path(),
    )
