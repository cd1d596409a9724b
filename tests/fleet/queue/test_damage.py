"""What somebody, a wrong clock or a lost connection does to a queue: no stack hangs, none is misreported."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import exceptions
from procrastinate.manager import JobManager

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.fleet.job import Job
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.queue import engine as engine_module
from reconciler.fleet.queue import worker as worker_module
from reconciler.fleet.queue.connection import connect
from reconciler.fleet.queue.engine import QueueEngine
from reconciler.fleet.queue.stack_locks import StackLocks
from reconciler.fleet.queue.stack_source import StackSource
from reconciler.fleet.queue.store import QueueStore
from reconciler.fleet.queue.worker import Schedule
from tests.fleet.queue.runs import make_orders, make_stacks, serving
from tests.fleet.queue.test_retries import entry
from tests.fleet.queue.test_store import count_jobs, outcomes
from tests.fleet.queue.test_worker import Seen, starts, wait_for_end, wait_until


def submit(store: QueueStore, folder: Path, *names: str) -> int:
    return store.submit("plan", make_orders(make_stacks(folder, names)), None)


def make_jobs(folder: Path, names: str) -> list[Job]:
    stacks = make_stacks(folder, [*names])
    return [
        Job(name=each.name, directory=folder, file=each.file, words=("plan",)) for each in stacks
    ]


def test_a_stack_that_lost_its_job_gets_a_new_one(store: QueueStore, tmp_path: Path) -> None:
    """Else it would wait for ever, and with it whoever waits for the run."""
    run = submit(store, tmp_path, "a", "b")
    with connect(store.address) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")
    with serving(store, tmp_path, make_stacks(tmp_path, ["a", "b"])):
        assert wait_for_end(store, run) == {"a": "done", "b": "done"}
    assert count_jobs(store) == 0


def test_only_lost_jobs_are_restored(store: QueueStore, tmp_path: Path) -> None:
    submit(store, tmp_path, "a", "b")
    ended = submit(store, tmp_path, "a")
    assert store.stop(ended)
    assert store.restore_jobs() == 0
    with connect(store.address) as connection:
        connection.execute("DELETE FROM procrastinate_jobs WHERE args->>'stack' = 'a'")
    assert store.restore_jobs() == 1
    assert store.restore_jobs() == 0


def test_a_job_whose_end_was_not_recorded_does_not_block_its_stack(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives on, so nobody would take the job over; and no other job of the stack may start."""
    finish = JobManager.finish_job
    calls: list[int] = []

    async def fail_once(self: JobManager, *words: Any, **values: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise exceptions.ConnectorException
        await finish(self, *words, **values)

    monkeypatch.setattr(JobManager, "finish_job", fail_once)
    monkeypatch.setattr(worker_module, "_RESCUE_INTERVAL", 0.3)
    runs = [submit(store, tmp_path, "a"), submit(store, tmp_path, "a")]
    with serving(store, tmp_path, make_stacks(tmp_path, ["a"])):
        for run in runs:
            assert wait_for_end(store, run) == {"a": "done"}
    assert starts(tmp_path)["a"] == 2


def test_a_wrong_clock_of_a_worker_does_not_delay_a_stack(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fast(datetime):
        @classmethod
        def now(cls, tz: Any = UTC) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr(worker_module, "datetime", Fast)
    (tmp_path / "a.yaml").write_text("once network_error")
    run = submit(store, tmp_path, "a")
    with serving(store, tmp_path, make_stacks(tmp_path, ["a"])):
        assert wait_for_end(store, run) == {"a": "done"}


def test_a_failed_stack_that_waits_is_not_reported_as_not_started(
    store: QueueStore, tmp_path: Path
) -> None:
    """What its attempt has changed is changed, though the run is stopped before the next one."""
    run = submit(store, tmp_path, "a", "b")
    attempt = store.begin(run, "a", "w")
    assert attempt is not None
    store.put_back(attempt, entry(5, "network_error"), counts=True)
    assert outcomes(store, run) == ["waiting", "waiting"]
    store.stop(run)
    assert outcomes(store, run) == ["partial", "not_started"]
    assert store.read_runs(run)[0].failed == 1


def test_a_stopped_run_tries_nothing_again(store: QueueStore, tmp_path: Path) -> None:
    run = submit(store, tmp_path, "a")
    attempt = store.begin(run, "a", "w")
    assert attempt is not None
    store.stop(run)
    store.put_back(attempt, entry(1, "network_error"), counts=True)
    assert store.begin(run, "a", "w") is None
    assert outcomes(store, run) == ["failed"]


def test_a_late_worker_does_not_put_back_what_another_one_runs(
    store: QueueStore, tmp_path: Path
) -> None:
    run = submit(store, tmp_path, "a")
    late, second = store.begin(run, "a", "w1"), store.begin(run, "a", "w2")
    assert late is not None
    assert second is not None
    store.put_back(late, entry(5), counts=False)
    assert outcomes(store, run) == ["running"]


def test_failures_at_the_same_time_are_all_counted(store: QueueStore, tmp_path: Path) -> None:
    run = store.submit("plan", make_orders(make_stacks(tmp_path, [*"abc"])), 2)
    last = store.begin(run, "b", "w")
    assert last is not None
    with psycopg.connect(store.address.location) as other:
        other.execute("SET search_path = reconciler_fleet")
        other.execute("SELECT 1 FROM fleet_run FOR UPDATE")
        other.execute("UPDATE fleet_stack SET status = 'ended', failed = true WHERE name = 'a'")
        thread = threading.Thread(target=lambda: store.finish(last, entry(1), failed=True))
        thread.start()
        time.sleep(0.3)
        other.commit()
    thread.join(20)
    assert outcomes(store, run)[2] == "not_started"


def test_a_run_is_submitted_once_when_the_answer_is_lost(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server restarts after the commit, before the submitter hears of it."""
    transaction = psycopg.Connection.transaction
    lost: list[int] = []

    @contextmanager
    def lose_answer(self: Any) -> Iterator[None]:
        with transaction(self):
            yield
        if self.execute("SELECT 1 FROM fleet_run").fetchone() and not lost:
            lost.append(1)
            raise psycopg.OperationalError("the server has gone")

    monkeypatch.setattr(psycopg.Connection, "transaction", lose_answer)
    run = submit(store, tmp_path, "a")
    assert lost
    assert [(row.run, row.waiting) for row in store.read_runs()] == [(run, 1)]
    assert count_jobs(store) == 1


def test_whoever_waits_is_told_that_the_run_is_gone(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_NO_WORKER", 0.2)

    def delete() -> None:
        with connect(store.address) as connection:
            connection.execute("DELETE FROM fleet_stack WHERE name = 'b'")

    seen = Seen()
    engine = QueueEngine(store, tmp_path, seen.lines.append)
    timer = threading.Timer(0.5, delete)
    timer.start()
    with pytest.raises(ReconcilerError, match="no longer complete"):
        engine.run_all(make_jobs(tmp_path, "ab"), None, StopRequest(), seen)
    timer.join()


def test_whoever_waits_hears_that_no_worker_takes_the_run(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_NO_WORKER", 0.5)
    seen, stop = Seen(), StopRequest()
    engine = QueueEngine(store, tmp_path, seen.lines.append)

    def stop_soon() -> None:
        wait_until(lambda: any("--only" in line for line in seen.lines))
        stop.request()

    thread = threading.Thread(target=stop_soon)
    with serving(store, tmp_path, make_stacks(tmp_path, ["a"]), commands=("drift",)):
        wait_until(lambda: store.count_workers() == 1)
        thread.start()
        [found] = engine.run_all(make_jobs(tmp_path, "a"), None, stop, seen)
        thread.join()
    assert found.outcome == "not_started"


def test_nothing_is_submitted_after_the_limit_of_failures(
    store: QueueStore, tmp_path: Path
) -> None:
    engine = QueueEngine(store, tmp_path, print)
    [found] = engine.run_all(make_jobs(tmp_path, "a"), 0, StopRequest(), Seen())
    assert found.outcome == "not_started"
    assert store.read_runs() == []


@pytest.mark.parametrize("text", ["", "[]", '{"name": 1}', '"\\ud800"'])
def test_a_forged_entry_is_an_error(store: QueueStore, tmp_path: Path, text: str) -> None:
    run = submit(store, tmp_path, "a")
    with connect(store.address) as connection:
        connection.execute("UPDATE fleet_stack SET status = 'ended', entry = %s", (text,))
    with pytest.raises(ReconcilerError, match="no worker writes"):
        store.read_progress(run)


@pytest.mark.parametrize(
    "args", ['{"run": 99999999999999999999, "stack": "x"}', "{}", '{"run": "x", "stack": "x"}']
)
def test_a_forged_job_does_not_keep_a_worker_from_its_work(
    store: QueueStore, tmp_path: Path, args: str
) -> None:
    run = submit(store, tmp_path, "a")
    with connect(store.address) as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, priority) "
            "VALUES ('plan', 'reconciler.run_stack', %s, 9)",
            (args,),
        )
        connection.execute("UPDATE fleet_stack SET attempts = 2147483647")
    with serving(store, tmp_path, make_stacks(tmp_path, ["a"])):
        assert wait_for_end(store, run) == {"a": "crashed"}
        wait_until(lambda: count_jobs(store) == 0, 10.0)


def test_a_schedule_says_why_a_check_is_left_out(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fleet file was broken after the worker has started: its jobs must not pile up."""

    def fail(_: object) -> None:
        raise ReconcilerError(Diagnostic(code="yaml_invalid", summary="No YAML", detail="line 3"))

    monkeypatch.setattr(StackSource, "list_stacks", fail)
    lines: list[str] = []
    every_second = Schedule("* * * * * *", ("drift",))
    with serving(store, tmp_path, [], schedule=every_second, lines=lines):
        wait_until(lambda: sum("left out: No YAML (yaml_invalid). line 3" in x for x in lines) > 1)
        assert count_jobs(store) <= 1


def test_looking_at_a_lock_does_not_take_it(store: QueueStore) -> None:
    """Its worker may take it again at this moment, and would end its stack if it cannot."""
    first, second = (StackLocks(store.address, print) for _ in range(2))
    first.open()
    assert first.take("a")
    assert not first.is_free("a")
    assert not second.is_free("a")
    first.close()
    wait_until(lambda: second.is_free("a"), 5.0)
    with connect(store.address) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone() == (0,)
    second.close()


def test_a_worker_needs_five_connections(store: QueueStore, tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(12)]
    run = submit(store, tmp_path, *names)
    most = 0
    with (
        connect(store.address) as connection,
        serving(store, tmp_path, make_stacks(tmp_path, names), parallel=4),
    ):
        while store.read_runs(run)[0].ended < len(names):
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
            assert found is not None
            # Without that of this look, and that of the store of the test.
            most = max(most, found[0] - 2)
    assert 3 <= most <= 5
