"""Workers on a real server: what they run, take over, repeat and refuse, and what they survive."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from reconciler.fleet.job import Ended, Job, Watcher
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.queue import worker as worker_module
from reconciler.fleet.queue.address import read_queue_address
from reconciler.fleet.queue.connection import connect
from reconciler.fleet.queue.engine import QueueEngine, list_entries
from reconciler.fleet.queue.store import QueueStore
from reconciler.fleet.queue.worker import Schedule
from tests.fleet.queue.runs import make_orders, make_stacks, serving
from tests.state.servers import PostgresServer


def wait_until(found: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def wait_for_end(store: QueueStore, run: int) -> dict[str, str]:
    def has_ended() -> bool:
        [row] = store.read_runs(run)
        return row.waiting == row.running == 0

    wait_until(has_ended)
    return {each.name: each.outcome for each in list_entries(store.read_progress(run))}


def starts(folder: Path) -> Counter[str]:
    """How often the process of each stack was started."""
    return Counter(path.name.partition(".")[0] for path in (folder / "log").glob("*"))


def test_each_stack_runs_once_and_every_end_is_reported(store: QueueStore, tmp_path: Path) -> None:
    ways = {
        "ok": "end 0",
        "drifted": "end 2",
        "refused": "end 4",
        "broken": "fail twilio_auth_failed",
        "dead": "crash",
        "unlucky": "once network_error",
    }
    for name, what in ways.items():
        (tmp_path / f"{name}.yaml").write_text(what)
    stacks = make_stacks(tmp_path, [*ways])
    run = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks):
        found = wait_for_end(store, run)
    assert found == {
        "ok": "done",
        "drifted": "changes",
        "refused": "refused",
        "broken": "failed",
        "dead": "crashed",
        "unlucky": "done",
    }

    # Only the failure that may pass was tried again.
    assert starts(tmp_path) == dict.fromkeys(ways, 1) | {"unlucky": 2}
    with connect(store.address) as connection:
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)


def test_a_defect_of_a_worker_ends_the_stack(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the stack would run for ever in every report, and hold up each later check."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reconciler.fleet.queue.stack_task.run_single", fail)
    stacks = make_stacks(tmp_path, ["a"])
    run = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks):
        assert wait_for_end(store, run) == {"a": "crashed"}
    entry = store.read_entry(run, "a")
    assert entry is not None
    assert "No space left" in entry.diagnostics[0].detail


def test_a_failure_that_stays_is_given_up(store: QueueStore, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("fail network_error")
    stacks = make_stacks(tmp_path, ["a"])
    run = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks):
        assert wait_for_end(store, run) == {"a": "failed"}
    assert starts(tmp_path)["a"] == 5


def test_a_stack_runs_on_one_worker_at_a_time(store: QueueStore, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("sleep 0.7")
    stacks = make_stacks(tmp_path, ["a"])
    runs = [store.submit("plan", make_orders(stacks), None) for _ in range(3)]
    with serving(store, tmp_path, stacks, name="w1"), serving(store, tmp_path, stacks, name="w2"):
        for run in runs:
            assert wait_for_end(store, run) == {"a": "done"}
    times: list[list[float]] = []
    for path in (tmp_path / "log").glob("a.*"):
        times.append([float(text) for text in path.read_text().split()])
    times.sort()
    assert len(times) == 3
    assert all(times[i][1] <= times[i + 1][0] for i in range(2))


def test_a_worker_that_only_seems_dead_keeps_its_stack(store: QueueStore, tmp_path: Path) -> None:
    """Without signs of life, the lock of a stack still says that it runs."""
    (tmp_path / "a.yaml").write_text("sleep 6")
    stacks = make_stacks(tmp_path, ["a"])
    run = store.submit("plan", make_orders(stacks), None)
    lines: list[str] = []
    with (
        serving(store, tmp_path, stacks, name="w1", lines=lines),
        serving(store, tmp_path, stacks, name="w2", lines=lines),
    ):
        wait_until(lambda: starts(tmp_path)["a"] == 1)
        with connect(store.address) as connection:
            connection.execute("DELETE FROM procrastinate_workers")
        assert wait_for_end(store, run) == {"a": "done"}
    assert starts(tmp_path)["a"] == 1
    assert not any("taken over" in line for line in lines)


def test_another_configuration_is_not_run(store: QueueStore, tmp_path: Path) -> None:
    stacks = make_stacks(tmp_path, ["same", "other", "missing"])
    orders = make_orders(stacks)
    (tmp_path / "other.yaml").write_text("end 2")
    run = store.submit("plan", orders, None)
    with serving(store, tmp_path, stacks[:2]):
        assert wait_for_end(store, run) == {"same": "done", "other": "failed", "missing": "failed"}
    for name in ("other", "missing"):
        entry = store.read_entry(run, name)
        assert entry is not None
        assert [each.code for each in entry.diagnostics] == ["stack_differs"]
    assert starts(tmp_path) == {"same": 1}


def test_a_forged_job_is_refused(store: QueueStore, tmp_path: Path) -> None:
    """Whoever can write into the tables still cannot choose what a worker runs."""
    stacks = make_stacks(tmp_path, [*"abc"])
    run = store.submit("plan", make_orders(stacks), None)
    forged = {
        "a": ["state", "pull"],
        "b": ["plan", "--allow-host=evil.example.net"],
        "c": ["apply"],
    }
    with connect(store.address) as connection:
        for name, words in forged.items():
            connection.execute("UPDATE fleet_stack SET words = %s WHERE name = %s", (words, name))
    with serving(store, tmp_path, stacks, commands=("plan",)):
        assert wait_for_end(store, run) == dict.fromkeys("abc", "refused")
    assert starts(tmp_path) == {}


def test_a_worker_takes_only_the_commands_that_it_runs(store: QueueStore, tmp_path: Path) -> None:
    stacks = make_stacks(tmp_path, ["a"])
    applied = store.submit("apply", make_orders(make_stacks(tmp_path, ["b"]), "apply"), None)
    planned = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks, commands=("plan", "drift")):
        assert wait_for_end(store, planned) == {"a": "done"}
    [row] = store.read_runs(applied)
    assert row.waiting == 1


def test_a_stopped_worker_finishes_what_runs(store: QueueStore, tmp_path: Path) -> None:
    stacks = make_stacks(tmp_path, [*"abcd"])
    for stack in stacks:
        (tmp_path / stack.file).write_text("sleep 1")
    run = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks):
        wait_until(lambda: store.read_runs(run)[0].running == 2)
    [row] = store.read_runs(run)
    assert (row.waiting, row.running, row.ended, row.failed) == (2, 0, 2, 0)
    assert starts(tmp_path).total() == 2


def test_a_second_stop_gives_the_stacks_back(store: QueueStore, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("sleep 50")
    stacks = make_stacks(tmp_path, ["a"])
    run = store.submit("plan", make_orders(stacks), None)
    with serving(store, tmp_path, stacks) as worker:
        wait_until(lambda: starts(tmp_path)["a"] == 1)
        time.sleep(0.3)
        worker.stop()
        worker.stop()
    [row] = store.read_runs(run)
    assert (row.waiting, row.running, row.ended) == (1, 0, 0)

    (tmp_path / "a.yaml").write_text("end 0")
    with connect(store.address) as connection:
        [order] = make_orders(stacks)
        connection.execute("UPDATE fleet_stack SET digest = %s", (order.digest,))
    with serving(store, tmp_path, stacks):
        assert wait_for_end(store, run) == {"a": "done"}


class Seen(Watcher):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, job: Job) -> None:
        self.lines.append(f"{job.name} started")

    def ended(self, ended: Ended, outcome: str) -> None:
        self.lines.append(f"{ended.job.name} {outcome}")


def test_whoever_waits_can_stop_the_run(store: QueueStore, tmp_path: Path) -> None:
    stacks = make_stacks(tmp_path, [*"abc"])
    for stack in stacks:
        (tmp_path / stack.file).write_text("sleep 1")
    jobs: list[Job] = []
    for stack in stacks:
        jobs.append(Job(name=stack.name, directory=tmp_path, file=stack.file, words=("plan",)))
    stop, seen = StopRequest(), Seen()
    engine = QueueEngine(store, tmp_path, seen.lines.append)
    threading.Timer(1.5, stop.request).start()
    with serving(store, tmp_path, stacks, parallel=1):
        entries = engine.run_all(jobs, None, stop, seen)
    assert next(each.outcome for each in entries) == "done"
    assert [each.outcome for each in entries][-1] == "not_started"
    assert {"a started", "a done", "c not_started"} <= {*seen.lines}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that the test may restart."""
    with TemporaryDirectory() as folder:
        started = PostgresServer(Path(folder))
        yield started
        started.end()


def test_a_schedule_survives_restarts_and_does_not_pile_up(
    server: PostgresServer, tmp_path: Path
) -> None:
    store = QueueStore(read_queue_address(server.url, {}))
    store.open()
    stacks = make_stacks(tmp_path, ["quick", "slow"])
    (tmp_path / "slow.yaml").write_text("sleep 3.5")
    every_second = Schedule("* * * * * *", ("drift", "--timeout=60"))
    lines: list[str] = []

    # A run takes longer than the interval: never two of them at the same time.
    with serving(store, tmp_path, stacks, schedule=every_second, lines=lines, name="w1"):
        wait_until(lambda: sum("left out" in line for line in lines) >= 2)
        assert sum(row.ended < 2 for row in store.read_runs()) == 1
        with connect(store.address) as connection:
            found = connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
        assert found is not None
        assert found[0] <= 4

        # The server is restarted while a check runs: it is finished, and others follow.
        before = len(store.read_runs())
        server.stop()
        time.sleep(1.0)
        server.start()
        wait_until(lambda: len(store.read_runs()) >= before + 2)

    # A new worker goes on where the last one has stopped.
    before = len(store.read_runs())
    with serving(store, tmp_path, stacks, schedule=every_second, name="w2"):
        wait_until(lambda: len(store.read_runs()) >= before + 2)
    ended = [row for row in store.read_runs() if row.ended == 2]
    assert len(ended) >= 3
    assert all(row.failed == 0 and row.command == "drift" for row in ended)
    store.close()


def test_stacks_are_ended_when_their_locks_are_lost(
    store: QueueStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may run a stack whose lock is gone: this worker must not go on with it."""
    (tmp_path / "a.yaml").write_text("sleep 50")
    stacks = make_stacks(tmp_path, ["a"])
    run = store.submit("plan", make_orders(stacks), None)
    lines: list[str] = []
    with serving(store, tmp_path, stacks, lines=lines):
        wait_until(lambda: starts(tmp_path)["a"] == 1)
        with psycopg.connect(store.address.location, autocommit=True) as thief:
            found = thief.execute(
                "SELECT pid, (classid::bigint << 32) + objid::bigint FROM pg_locks "
                "WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
            assert found is not None
            pid, key = found
            thief.execute("SELECT pg_terminate_backend(%s)", (pid,))
            wait_until(
                lambda: (
                    thief.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone() == (True,)
                ),
                5.0,
            )
            wait_until(lambda: any("out of reach" in line for line in lines), 20.0)
            assert starts(tmp_path)["a"] == 1

            # As long as the other one has the lock, the stack is not started again.
            time.sleep(3.0)
            assert starts(tmp_path)["a"] == 1
            (tmp_path / "a.yaml").write_text("end 0")
            [order] = make_orders(stacks)
            with connect(store.address) as connection:
                connection.execute("UPDATE fleet_stack SET digest = %s", (order.digest,))
        assert wait_for_end(store, run) == {"a": "done"}


def test_an_idle_worker_ends_soon_though_the_server_is_away(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops containers kills those that do not end in time."""
    store = QueueStore(read_queue_address(server.url, {}))
    store.open()
    monkeypatch.setattr(worker_module, "_OPEN", 2.0)
    monkeypatch.setattr(worker_module, "_END", 1.0)
    with serving(store, tmp_path, make_stacks(tmp_path, ["a"]), patience=20.0):
        wait_until(lambda: store.count_workers() == 1)
        server.stop()
        time.sleep(1.0)
    store.close()
