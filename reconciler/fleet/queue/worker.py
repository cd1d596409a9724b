"""Serve a queue: run its jobs, take over those of dead workers, submit the checks of a schedule.

procrastinate fetches the jobs, keeps their locks, repeats them and submits periodic ones. What it
cannot know is decided here: whether a stack still runs (`stack_locks.py`), and what to do while the
database is away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import procrastinate.worker
import psycopg
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import Job
from procrastinate.periodic import PeriodicTask
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, UsageError
from reconciler.fleet.queue.connection import PARAMETERS, configure_session
from reconciler.fleet.queue.stack_source import StackSource, digest_stack, relative_path
from reconciler.fleet.queue.stack_task import Report, StackRunner, TryAgain, WorkerOptions
from reconciler.fleet.queue.store import TASK, QueueStore
from reconciler.fleet.queue.values import Order

_SCHEDULE_TASK = "reconciler.check_all"
_SCHEDULE_QUEUE = "schedule"
_HEARTBEAT = 4.0
"""Seconds between two signs of life of a worker."""
_STALLED = 15.0
"""Seconds without a sign of life after which a worker may be dead."""
_RESCUE_INTERVAL = 3.0
_RESCUE_PAUSE = 3.0
"""Seconds before a stack that was taken over starts: a worker that was only cut off has its lock back
by then.
"""
_RECONNECT = 2.0
_OPEN = 6.0
"""Seconds that a session waits for a connection; without one it is lost, and another one begins."""
_END = 2.0
"""Seconds that an idle worker has to sign off."""
_POLL = 1.0
"""Seconds between two looks for jobs while there are none."""
_LOST = (
    exceptions.ConnectorException,
    psycopg.Error,
    ReconcilerError,
    OSError,
)
"""What ends a session with the database, and not the worker."""


class Schedule(msgspec.Struct, frozen=True):
    """When all stacks are checked: a cron expression in UTC, and the words of the command."""

    cron: str
    words: tuple[str, ...]


class _ServerClock:
    """The clock of the database, by which jobs start; that of this machine may be wrong."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    async def adjust(self, app: App) -> None:
        """Compare the clocks."""
        found = await app.connector.execute_query_one_async("SELECT clock_timestamp() AS time")
        self._ahead = found["time"] - datetime.now(UTC)

    def after(self, seconds: float) -> datetime:
        """Return the time in so many seconds."""
        return datetime.now(UTC) + self._ahead + timedelta(seconds=seconds)


class _Repeat(BaseRetryStrategy):
    """Repeats a job that asks for it, and one that was cut off. Any other is deleted: when its stack
    has not ended, the stack gets a new one.
    """

    def __init__(self, clock: _ServerClock) -> None:
        self._clock = clock

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """See BaseRetryStrategy."""
        if isinstance(exception, TryAgain):
            return RetryDecision(retry_at=self._clock.after(exception.seconds))
        if isinstance(exception.__cause__ or exception, psycopg.DataError):
            return None
        if isinstance(exception, _LOST):
            return RetryDecision(retry_at=self._clock.after(_RECONNECT))
        return None


class Worker:
    """One worker. `serve` runs until `stop` is called."""

    def __init__(
        self,
        store: QueueStore,
        source: StackSource,
        options: WorkerOptions,
        schedule: Schedule | None,
        report: Report,
    ) -> None:
        self._store = store
        self._source = source
        self._options = options
        self._schedule = schedule
        self._report = report
        self._runner = StackRunner(store, source, options, report)
        self._clock = _ServerClock()
        self._stops = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

    def stop(self) -> None:
        """Take no further job; called again, end those that run in order, then at once."""
        self._stops += 1
        self._stopping.set()
        if self._stops > 1:
            self._runner.stop(self._stops)

    async def serve(self) -> None:
        """Run jobs until a stop; connect again whenever the database was away."""
        threads = ThreadPoolExecutor(2 * self._options.parallel + 4)
        asyncio.get_running_loop().set_default_executor(threads)
        self._runner.locks.open()
        try:
            while not self._stopping.is_set():
                try:
                    await self._serve_once()
                except _LOST as error:
                    reason = " ".join(str(error.__cause__ or error).split())
                    self._report(f"the queue does not answer ({reason}); trying again")
                    await self._wait(_RECONNECT)
        finally:
            # The stacks that run are finished, also those of earlier sessions.
            while self._ending and not self._runner.is_idle:
                await asyncio.wait(self._ending, timeout=0.5)

            # Nothing else is worth waiting for: others notice that this worker is gone.
            self._store.give_up()
            if self._ending:
                await asyncio.wait(self._ending, timeout=_END)
            self._runner.locks.close()

    async def _serve_once(self) -> None:
        """Run jobs over one pool of connections, until a stop or until the session is lost."""
        app = self._make_app()
        try:
            await asyncio.wait_for(app.open_async(), _OPEN)
            await self._clock.adjust(app)
        except BaseException:
            # Else the pool would go on connecting.
            await app.close_async()
            raise
        worker = self._make_worker(app)
        work = asyncio.create_task(worker.run(), name="work")  # type: ignore[no-untyped-call]
        rest = [
            asyncio.create_task(self._look_after(app, worker), name="look after"),
            asyncio.create_task(self._restore_jobs(), name="restore jobs"),
            asyncio.create_task(self._stopping.wait(), name="stop"),
        ]
        await asyncio.wait([work, *rest], return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()

        # Cancelled, the worker finishes the stacks that run; a new session need not wait for them.
        work.cancel()
        ending = asyncio.create_task(_finish(work, app), name="ending")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        if not self._stopping.is_set():
            raise psycopg.OperationalError("the session was lost")

    def _make_worker(self, app: App) -> procrastinate.worker.Worker:
        queues = [*self._options.commands]
        if self._schedule is not None:
            queues.append(_SCHEDULE_QUEUE)
        return procrastinate.worker.Worker(
            app,
            queues=queues,
            name=self._options.name,
            concurrency=self._options.parallel,
            fetch_job_polling_interval=_POLL,
            abort_job_polling_interval=60.0,
            # Polls are enough, and need no connection of their own.
            listen_notify=False,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=_HEARTBEAT,
            stalled_worker_timeout=_STALLED,
        )

    async def _look_after(self, app: App, worker: procrastinate.worker.Worker) -> None:
        """Put back the jobs of dead workers, again and again, until this session is dead itself."""
        seen = time.monotonic()
        idle: set[int] = set()
        while time.monotonic() - seen < _STALLED:
            await asyncio.sleep(_RESCUE_INTERVAL)
            with suppress(*_LOST):
                if await _is_alive(app, worker):
                    seen = time.monotonic()
                stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED)
                for job in stalled:
                    await self._rescue_job(app, job)
                idle = await self._rescue_own_jobs(app, worker, idle)

    async def _rescue_own_jobs(
        self, app: App, worker: procrastinate.worker.Worker, idle: set[int]
    ) -> set[int]:
        """Put back jobs that this worker has and does not run: the database was away just when their
        end was to be recorded. Return those that are found for the first time.
        """
        if worker.worker_id is None:
            return set()
        found = await app.connector.execute_query_all_async(
            "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %(id)s",
            id=worker.worker_id,
        )
        running = {context.job.id for context in worker._running_jobs.values()}
        left = {row["id"] for row in found} - running
        for job in left & idle:
            with suppress(exceptions.ConnectorException):
                await app.job_manager.retry_job_by_id_async(job, retry_at=self._clock.after(0.0))
        return left - idle

    async def _restore_jobs(self) -> None:
        """Give stacks that have lost their jobs new ones, again and again."""
        while True:
            with suppress(*_LOST):
                number = await asyncio.to_thread(self._store.restore_jobs)
                if number:
                    self._report(f"{number:,} stacks had no job, and have one again")
            await asyncio.sleep(self._options.restore)

    async def _rescue_job(self, app: App, job: Job) -> None:
        """Put back a job, unless its stack still runs."""
        words = job.task_kwargs if isinstance(job.task_kwargs, dict) else {}
        name = str(words.get("stack", ""))
        if job.task_name == TASK:
            is_free = await asyncio.to_thread(self._runner.locks.is_free, name)
            if not is_free:
                return
        # Another worker may have put it back in the meantime.
        with suppress(exceptions.ConnectorException):
            await app.job_manager.retry_job(
                job, retry_at=self._clock.after(_RESCUE_PAUSE if job.task_name == TASK else 0.0)
            )
            self._report(f"run {words.get('run')}, {name}: taken over from a dead worker")

    def _make_app(self) -> App:
        """Return the tasks of this worker with a new pool of connections."""
        connector = PsycopgConnector(
            conninfo=self._store.address.location,
            kwargs=PARAMETERS,
            configure=configure_session,
            min_size=1,
            max_size=3,
            timeout=_OPEN,
        )
        app = App(connector=connector)

        @app.task(name=TASK, retry=_Repeat(self._clock))
        async def run_stack(*, run: int, stack: str) -> None:
            await asyncio.to_thread(self._runner.run, run, stack)

        if self._schedule is not None:
            schedule = self._schedule

            @app.periodic(cron=schedule.cron, periodic_id=schedule.cron)
            @app.task(name=_SCHEDULE_TASK, queue=_SCHEDULE_QUEUE, retry=_Repeat(self._clock))
            async def check_all(timestamp: int) -> None:
                await asyncio.to_thread(self._submit_checks, schedule)

        return app

    def _submit_checks(self, schedule: Schedule) -> None:
        """Submit the checks of all stacks, unless the last ones have not ended."""
        try:
            stacks = self._source.list_stacks()
        except ReconcilerError as error:
            first = error.diagnostics[0]
            self._report(f"schedule: left out: {first.summary} ({first.code}). {first.detail}")
            return
        orders = make_orders(stacks, schedule.words, self._options)
        run = self._store.submit_scheduled(schedule.words[0], orders, schedule.cron)
        if run is None:
            self._report("schedule: left out, because the last run has not ended")
        else:
            self._report(f"schedule: run {run} submitted, {len(orders)} stacks")

    async def _wait(self, seconds: float) -> None:
        """Wait, or until a stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def check_cron(text: str) -> None:
    """Raise UsageError unless a text is a cron expression of five fields."""
    if len(text.split()) == 5 and _is_cron(text):
        return
    raise UsageError(
        Diagnostic(
            code="wrong_usage",
            summary="The schedule is invalid",
            detail=f"--schedule: `{text}` is not a cron expression of five fields, such as "
            "'17 * * * *' (each hour, 17 minutes past) or '0 6 * * 1-5'.",
        )
    )


def _is_cron(text: str) -> bool:
    """Return whether the library that keeps the schedule can read a text."""
    task: Any = None
    try:
        _ = PeriodicTask(task=task, cron=text, periodic_id="", configure_kwargs={}).croniter
    except ValueError:
        return False
    return True


def make_orders(stacks: Sequence[Any], words: Sequence[str], options: WorkerOptions) -> list[Order]:
    """Return an order for each stack."""
    orders: list[Order] = []
    for stack in stacks:
        orders.append(
            Order(
                name=stack.name,
                directory=relative_path(stack, options.folder),
                digest=digest_stack(stack),
                words=tuple(words),
            )
        )
    return orders


async def _finish(work: asyncio.Task[None], app: App) -> None:
    """Wait until a session has finished its stacks, then close its connections."""
    with suppress(asyncio.CancelledError, *_LOST):
        await work
    with suppress(*_LOST):
        await app.close_async()


async def _is_alive(app: App, worker: procrastinate.worker.Worker) -> bool:
    """Return whether a worker gives signs of life: one that has lost its session stops doing so."""
    found = await app.connector.execute_query_all_async(
        "SELECT 1 FROM procrastinate_workers WHERE id = %(id)s "
        "AND last_heartbeat > now() - %(seconds)s * interval '1 second'",
        id=worker.worker_id,
        seconds=_STALLED,
    )
    return bool(found)
