"""Read and write the runs of a queue; every method is one transaction that may be repeated.

A server that restarts is waited for: a statement is tried again over a new connection until
`patience` seconds have passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

import msgspec
import psycopg
from procrastinate import App, SyncPsycopgConnector
from procrastinate.jobs import Job

from reconciler.errors import ReconcilerError
from reconciler.fleet.queue import schema
from reconciler.fleet.queue.address import QueueAddress
from reconciler.fleet.queue.connection import Connection, connect, describe_unreachable
from reconciler.fleet.queue.values import Attempt, Order, Progress, RunRow
from reconciler.report.documents.fleet import FleetStack

T = TypeVar("T")

TASK = "reconciler.run_stack"
"""The name of the task of a stack."""
_PATIENCE = 60.0
"""Seconds for which a server that does not answer is tried again."""
_PAUSE = 0.5
_WORKER_LIVES = 30.0
"""Seconds since its last heartbeat after which a worker no longer counts."""
_KEPT_DAYS = 30
"""Days for which the results of a run are kept."""


class QueueStore:
    """The runs of a queue, over one connection; safe to use from several threads."""

    def __init__(self, address: QueueAddress, patience: float = _PATIENCE) -> None:
        self.address = address
        self._patience = patience
        self._connection: Connection | None = None
        self._lock = Lock()
        self._jobs = App(connector=SyncPsycopgConnector()).job_manager

    def open(self) -> None:
        """Connect, and bring the tables up to date. Raises ReconcilerError."""
        try:
            connection = self._connect()
            if not schema.is_current(connection):
                schema.migrate(connection)
        except psycopg.Error as error:
            self.close()
            raise ReconcilerError(describe_unreachable(self.address, error)) from error
        except ReconcilerError:
            self.close()
            raise

    def give_up(self) -> None:
        """Wait no longer for a server that does not answer: nothing is left that is worth it."""
        self._patience = 0.0

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def submit(self, command: str, orders: Sequence[Order], stop_after: int | None) -> int:
        """Add a run with its stacks and their jobs, all of it or nothing; return its number."""
        number = self._do(_draw_number)
        return self._do(
            lambda connection: self._submit(connection, number, command, orders, stop_after)
        )

    def submit_scheduled(self, command: str, orders: Sequence[Order], schedule: str) -> int | None:
        """Add a run of a schedule, unless the last one of this schedule has not ended; then return
        None.
        """

        number = self._do(_draw_number)

        def submit(connection: Connection) -> int | None:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (schedule,))
            found = connection.execute(
                "SELECT run FROM fleet_run JOIN fleet_stack USING (run) "
                "WHERE schedule = %s AND run <> %s AND status <> 'ended' LIMIT 1",
                (schedule, number),
            ).fetchone()
            if found is not None:
                return None
            return self._submit(connection, number, command, orders, None, schedule)

        return self._do(submit)

    def _submit(
        self,
        connection: Connection,
        run: int,
        command: str,
        orders: Sequence[Order],
        stop_after: int | None,
        schedule: str | None = None,
    ) -> int:
        _delete_old(connection)

        # When the connection was lost during the commit, the run may be there already.
        added = connection.execute(
            "INSERT INTO fleet_run (run, command, schedule, stop_after_failures) "
            "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (run, command, schedule, stop_after),
        ).rowcount
        if not added:
            return run
        with (
            connection.cursor() as cursor,
            cursor.copy(
                "COPY fleet_stack (run, position, name, directory, digest, words) FROM STDIN"
            ) as copy,
        ):
            for position, order in enumerate(orders):
                words = list(order.words)
                copy.write_row((run, position, order.name, order.directory, order.digest, words))

        jobs = [_make_job(run, order.name, command, schedule) for order in orders]
        self._jobs.batch_defer_jobs(jobs, connection=connection)
        return run

    def restore_jobs(self) -> int:
        """Submit the jobs of stacks that have not ended and have lost theirs; return their number."""

        def restore(connection: Connection) -> int:
            # One worker at a time, or a stack would get a job from each of them.
            found = connection.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended('restore jobs', 0))"
            ).fetchone()
            if found != (True,):
                return 0
            rows = connection.execute(_WITHOUT_JOB, (TASK,)).fetchall()
            jobs = [_make_job(*row) for row in rows]
            if jobs:
                self._jobs.batch_defer_jobs(jobs, connection=connection)
            return len(jobs)

        return self._do(restore)

    def begin(self, run: int, name: str, worker: str) -> Attempt | None:
        """Record that a worker starts a stack of a run; None when it has ended already."""

        def begin(connection: Connection) -> Attempt | None:
            found = connection.execute(
                "UPDATE fleet_stack SET status = 'running', worker = %s, "
                "attempts = least(attempts, 1000) + 1, "
                "started = coalesce(started, clock_timestamp()) "
                "WHERE run = %s AND name = %s AND status <> 'ended' "
                "RETURNING run, name, directory, digest, words, attempts",
                (worker, run, name),
            ).fetchone()
            if found is None:
                return None
            names = ("run", "name", "directory", "digest", "words", "number")
            return Attempt(**dict(zip(names, found, strict=True)))

        return self._do(begin)

    def put_back(self, attempt: Attempt, entry: FleetStack, *, counts: bool) -> None:
        """Record that a stack waits for another attempt; `counts`: this one was an attempt.

        In a run that was stopped there is no other attempt: this entry is the last one.
        """

        def put_back(connection: Connection) -> None:
            is_stopped = _lock_run(connection, attempt.run)

            # A later attempt than this one belongs to another worker.
            connection.execute(
                "UPDATE fleet_stack SET status = 'waiting', worker = NULL, attempts = attempts - %s, "
                "entry = %s WHERE run = %s AND name = %s AND status = 'running' AND attempts = %s",
                (0 if counts else 1, _encode(entry), attempt.run, attempt.name, attempt.number),
            )
            if is_stopped:
                _stop(connection, attempt.run)

        self._do(put_back)

    def finish(self, attempt: Attempt, entry: FleetStack, *, failed: bool) -> None:
        """Record how a stack ended; after too many failures, stop the run."""

        def finish(connection: Connection) -> None:
            if failed:
                _lock_run(connection, attempt.run)
            connection.execute(
                "UPDATE fleet_stack SET status = 'ended', ended = clock_timestamp(), failed = %s, "
                "entry = %s WHERE run = %s AND name = %s AND status <> 'ended'",
                (failed, _encode(entry), attempt.run, attempt.name),
            )
            if failed and _has_failed_enough(connection, attempt.run):
                _stop(connection, attempt.run)

        self._do(finish)

    def stop(self, run: int) -> bool:
        """Start no further stack of a run, and let those that run end; return whether it is there."""

        def stop(connection: Connection) -> bool:
            found = connection.execute("SELECT 1 FROM fleet_run WHERE run = %s", (run,)).fetchone()
            if found is not None:
                _stop(connection, run)
            return found is not None

        return self._do(stop)

    def watch(self, run: int) -> list[tuple[str, str]]:
        """Return name and status of the stacks of a run that no longer wait; short rows, for these
        are asked for again and again.
        """
        return self._do(
            lambda connection: connection.execute(
                "SELECT name, status FROM fleet_stack WHERE run = %s "
                "AND (status <> 'waiting' OR attempts > 0) ORDER BY position",
                (run,),
            ).fetchall()
        )

    def read_entry(self, run: int, name: str) -> FleetStack | None:
        """Return the entry of a stack that has ended."""
        found = self._do(
            lambda connection: connection.execute(
                "SELECT entry FROM fleet_stack WHERE run = %s AND name = %s", (run, name)
            ).fetchone()
        )
        if found is None or found[0] is None:
            return None
        return self._decode(run, found[0])

    def read_progress(self, run: int) -> list[Progress]:
        """Return the stacks of a run in their order."""
        rows = self._do(
            lambda connection: connection.execute(
                "SELECT name, directory, status, started, entry FROM fleet_stack WHERE run = %s "
                "ORDER BY position",
                (run,),
            ).fetchall()
        )
        progress: list[Progress] = []
        for name, directory, status, started, text in rows:
            # What an earlier attempt has left is not how the stack ended.
            entry = None if text is None or status != "ended" else self._decode(run, text)
            progress.append(
                Progress(
                    name=name, directory=directory, status=status, started=started, entry=entry
                )
            )
        return progress

    def read_runs(self, run: int | None = None, most: int = 50) -> list[RunRow]:
        """Return the last runs, or one, the newest first."""
        rows = self._do(lambda connection: connection.execute(_RUNS, (run, run, most)).fetchall())
        names = RunRow.__struct_fields__
        return [RunRow(**dict(zip(names, row, strict=True))) for row in rows]

    def count_workers(self) -> int:
        """Return the number of workers that have given a sign of life lately."""
        found = self._do(
            lambda connection: connection.execute(
                "SELECT count(*) FROM procrastinate_workers "
                "WHERE last_heartbeat > now() - %s * interval '1 second'",
                (_WORKER_LIVES,),
            ).fetchone()
        )
        return 0 if found is None else int(found[0])

    def make_lost(self, run: int) -> ReconcilerError:
        """Return the error of a run whose rows somebody has deleted."""
        reason = ValueError(f"run {run} is no longer complete; somebody has deleted rows of it")
        return ReconcilerError(describe_unreachable(self.address, reason))

    def _decode(self, run: int, text: str) -> FleetStack:
        """Return an entry as a worker wrote it. Raises ReconcilerError for anything else."""
        try:
            return msgspec.json.decode(text, type=FleetStack)
        except (msgspec.DecodeError, UnicodeError) as error:
            reason = ValueError(f"run {run} has an entry that no worker writes ({error})")
            raise ReconcilerError(describe_unreachable(self.address, reason)) from error

    def _do(self, act: Callable[[Connection], T]) -> T:
        """Do something in one transaction; again after a lost connection. Raises ReconcilerError."""
        since = time.monotonic()
        while True:
            try:
                with self._lock:
                    connection = self._connect()
                    with connection.transaction():
                        return act(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self.close()
                if time.monotonic() - since > self._patience:
                    raise ReconcilerError(describe_unreachable(self.address, error)) from error
                time.sleep(_PAUSE)
            except psycopg.Error as error:
                raise ReconcilerError(describe_unreachable(self.address, error)) from error

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.address)
        return self._connection


_RUNS = """
SELECT run, command, schedule, submitted, submitted_by, stopped,
    count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'running'),
    count(*) FILTER (WHERE status = 'ended'), count(*) FILTER (WHERE failed),
    extract(epoch FROM CASE WHEN bool_and(status = 'ended') THEN max(ended) ELSE now() END
        - submitted)::float
FROM fleet_run JOIN fleet_stack USING (run) WHERE %s::bigint IS NULL OR run = %s
GROUP BY run ORDER BY run DESC LIMIT %s
"""


_WITHOUT_JOB = """
SELECT run, name, command, schedule FROM fleet_stack JOIN fleet_run USING (run)
WHERE status <> 'ended' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_jobs j
    WHERE task_name = %s AND j.status IN ('todo', 'doing')
    AND args->>'run' = fleet_stack.run::text AND args->>'stack' = fleet_stack.name
) LIMIT 1000
"""


def _make_job(run: int, name: str, command: str, schedule: str | None) -> Job:
    """Return the job of a stack. What somebody waits for goes before the checks of a schedule."""
    return Job(
        id=None,
        queue=command,
        lock=f"stack {name}",
        queueing_lock=None,
        task_name=TASK,
        task_kwargs={"run": run, "stack": name},
        priority=0 if schedule is None else -1,
    )


def _encode(entry: FleetStack) -> str:
    return msgspec.json.encode(entry).decode()


def _draw_number(connection: Connection) -> int:
    """Return the number of the next run: known before it is added, it is never added twice."""
    found = connection.execute(
        "SELECT nextval(pg_get_serial_sequence('fleet_run', 'run'))"
    ).fetchone()
    return 0 if found is None else int(found[0])


def _lock_run(connection: Connection, run: int) -> bool:
    """Wait for others who stop a run or count its failures; return whether it is stopped."""
    found = connection.execute(
        "SELECT stopped IS NOT NULL FROM fleet_run WHERE run = %s FOR UPDATE", (run,)
    ).fetchone()
    return found == (True,)


def _has_failed_enough(connection: Connection, run: int) -> bool:
    """Return whether a run has reached its limit of failures."""
    found: Any = connection.execute(
        "SELECT count(*) FILTER (WHERE failed) >= stop_after_failures FROM fleet_run "
        "JOIN fleet_stack USING (run) WHERE run = %s GROUP BY stop_after_failures",
        (run,),
    ).fetchone()
    return found is not None and found[0] is True


def _stop(connection: Connection, run: int) -> None:
    """End the stacks of a run that wait. One without an entry was not started; one that waits for
    another attempt has failed, and keeps the entry of its last one.
    """
    connection.execute(
        "UPDATE fleet_run SET stopped = coalesce(stopped, clock_timestamp()) WHERE run = %s", (run,)
    )
    connection.execute(
        "UPDATE fleet_stack SET status = 'ended', ended = clock_timestamp(), "
        "failed = entry IS NOT NULL "
        "WHERE run = %s AND status = 'waiting'",
        (run,),
    )


def _delete_old(connection: Connection) -> None:
    """Delete runs that ended long ago; their jobs are deleted when they end."""
    connection.execute(
        "DELETE FROM fleet_run r WHERE submitted < now() - %s * interval '1 day' AND NOT EXISTS "
        "(SELECT 1 FROM fleet_stack s WHERE s.run = r.run AND s.status <> 'ended')",
        (_KEPT_DAYS,),
    )
