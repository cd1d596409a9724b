"""Run all jobs of a fleet on this machine: so many at the same time, none after too many failures or
a request to stop; one entry for each job, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from reconciler.errors import Exit
from reconciler.fleet.job import Ended, Job, Target, Watcher
from reconciler.fleet.processes import ProcessPool, StopRequest
from reconciler.fleet.results import Room, is_no_match, not_started, read_result
from reconciler.report.documents.fleet import FleetStack

GRACE = 60.0
"""Seconds after `--timeout` at which a stack that still runs is interrupted."""
_NO_FAILURE = frozenset({Exit.DONE, Exit.CHANGES})


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a fleet runs. `seconds` is the hard limit of one stack, None for no limit."""

    parallel: int
    stop_after_failures: int | None = None
    seconds: float | None = None

    def after(self, failures: int) -> EngineOptions:
        """Return the options for what follows so many failures."""
        limit = self.stop_after_failures
        if limit is None:
            return self
        return msgspec.structs.replace(self, stop_after_failures=max(0, limit - failures))


def run_all(
    jobs: Sequence[Job],
    target: Target,
    options: EngineOptions,
    stop: StopRequest,
    watcher: Watcher,
) -> list[FleetStack]:
    """Run every job in a process of its own; return one entry for each, in the order of the jobs."""
    entries: dict[str, FleetStack] = {}
    waiting = list(reversed(jobs))
    failures = 0
    room = Room()
    watcher.begin(len(jobs))

    with TemporaryDirectory(prefix="reconciler-fleet-", ignore_cleanup_errors=True) as folder:
        pool = ProcessPool(target, Path(folder), options.parallel, stop, options.seconds)
        try:
            while waiting or not pool.is_idle:
                may_start = not stop.is_requested and not _is_enough(failures, options)
                if not may_start:
                    _report_limit(watcher, waiting, stop, failures)
                    waiting.clear()
                while waiting and pool.has_room:
                    job = waiting.pop()
                    pool.start(job)
                    watcher.started(job)

                if pool.is_idle:
                    continue
                for ended in pool.wait():
                    entry = room.fit(read_result(ended))
                    entries[entry.name] = entry
                    failures += is_failure(entry)
                    report_end(watcher, ended, entry)
                    ended.output.unlink(missing_ok=True)
                    ended.errors.unlink(missing_ok=True)
        finally:
            pool.close()

    return [entries.get(job.name) or not_started(job) for job in jobs]


def report_end(watcher: Watcher, ended: Ended, entry: FleetStack) -> None:
    """Report that a stack has ended, and why it did not end well."""
    if is_failure(entry):
        watcher.explain_failure(ended.job, describe_failure(entry))
    watcher.ended(ended, "no_match" if is_no_match(entry) else entry.outcome)


def _report_limit(
    watcher: Watcher, waiting: Sequence[Job], stop: StopRequest, failures: int
) -> None:
    """Report that failures keep the other stacks from starting; a person knows of a request to stop."""
    if waiting and not stop.is_requested:
        words = "1 stack has" if failures == 1 else f"{failures:,} stacks have"
        watcher.stop_starting(f"No further stack starts: {words} failed.")


def describe_failure(entry: FleetStack) -> str:
    """Return in a few words why a stack did not end well: its first error."""
    if not entry.diagnostics:
        return ""
    first = entry.diagnostics[0]
    return f"{first.summary} ({first.code})"


def is_failure(entry: FleetStack) -> bool:
    """Return whether a stack counts for `stop_after_failures`."""
    return entry.exit_code not in _NO_FAILURE and not is_no_match(entry)


def _is_enough(failures: int, options: EngineOptions) -> bool:
    limit = options.stop_after_failures
    return limit is not None and failures >= limit
