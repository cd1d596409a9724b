"""Run the jobs of a fleet here, or on the workers of a queue: two engines with one interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from reconciler.cli.commands.fleet_options import FleetOptions
from reconciler.cli.commands.fleet_queue import open_queue
from reconciler.cli.fleet_lines import FleetLines
from reconciler.config.load.fleet import Fleet
from reconciler.fleet.job import Job
from reconciler.fleet.local_engine import GRACE, EngineOptions, run_all
from reconciler.fleet.processes import StopRequest
from reconciler.report.documents.fleet import FleetStack

if TYPE_CHECKING:
    from reconciler.fleet.queue.engine import QueueEngine

TARGET = "reconciler.cli.stack_process:run_stack"
"""What the process of a stack calls; by name, because it runs the commands of this program."""


class Engine(Protocol):
    """Runs jobs and returns their entries in the same order."""

    run: int | None
    """The number of the last run in a queue; None here."""

    def run_all(self, jobs: Sequence[Job], failures: int) -> list[FleetStack]:
        """Run every job; `failures` have occurred in the command already."""

    def submit(self, jobs: Sequence[Job]) -> int:
        """Submit the jobs without waiting for them, and return the number of their run."""


class _LocalEngine:
    """Runs jobs in processes of this machine."""

    def __init__(self, options: EngineOptions, stop: StopRequest, progress: FleetLines) -> None:
        self._options = options
        self._stop = stop
        self._progress = progress
        self.run: int | None = None

    def run_all(self, jobs: Sequence[Job], failures: int) -> list[FleetStack]:
        options = self._options.after(failures)
        return run_all(jobs, TARGET, options, self._stop, self._progress)

    def submit(self, jobs: Sequence[Job]) -> int:
        raise click.UsageError("--no-wait needs --queue.")


class _RemoteEngine:
    """Runs jobs on the workers of a queue."""

    def __init__(
        self, queue: QueueEngine, options: EngineOptions, stop: StopRequest, progress: FleetLines
    ) -> None:
        self._queue = queue
        self._options = options
        self._stop = stop
        self._progress = progress
        self.run: int | None = None

    def run_all(self, jobs: Sequence[Job], failures: int) -> list[FleetStack]:
        limit = self._options.after(failures).stop_after_failures
        entries = self._queue.run_all(jobs, limit, self._stop, self._progress)
        self.run = self._queue.last_run
        return entries

    def submit(self, jobs: Sequence[Job]) -> int:
        return self._queue.submit(jobs, self._options.stop_after_failures)


@contextmanager
def choose_engine(
    options: FleetOptions, loaded: Fleet, parallel: int, stop: StopRequest, progress: FleetLines
) -> Iterator[Engine]:
    """Return the engine that the options name. Raises ReconcilerError when the queue does not answer."""
    timeout = options.shared.timeout
    engine = EngineOptions(
        parallel=parallel,
        stop_after_failures=loaded.stop_after_failures,
        seconds=None if timeout is None else timeout + GRACE,
    )
    if options.queue is None:
        yield _LocalEngine(engine, stop, progress)
        return

    with open_queue(options.queue) as store:
        from reconciler.fleet.queue.engine import QueueEngine

        queue = QueueEngine(store, options.shared.directory, progress.report)
        yield _RemoteEngine(queue, engine, stop, progress)


def check_queue_options(options: FleetOptions) -> None:
    """Raise UsageError for options that make no sense with a queue."""
    if options.queue is None:
        return
    if options.parallel is not None:
        raise click.UsageError(
            "--parallel: the workers decide how many stacks run at the same time. Give it to "
            "`reconciler worker`."
        )
    if not options.wait and (options.shared.targets or options.shared.excludes):
        raise click.UsageError(
            "--no-wait: whether --target and --exclude match is known only at the end. Leave "
            "--no-wait out, or choose stacks with --stack."
        )
    if not options.wait and options.shared.reports:
        raise click.UsageError(
            "--no-wait: there is nothing to report yet. Write the report later: reconciler fleet "
            "status RUN --report …"
        )
