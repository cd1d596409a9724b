"""The runs of a queue: submitted whole, ended once, stopped by a person or by failures."""

from __future__ import annotations

from pathlib import Path

from reconciler.fleet.queue.connection import connect
from reconciler.fleet.queue.engine import list_entries
from reconciler.fleet.queue.store import QueueStore
from tests.fleet.queue.runs import make_orders, make_stacks
from tests.fleet.queue.test_retries import entry


def outcomes(store: QueueStore, run: int) -> list[str]:
    return [each.outcome for each in list_entries(store.read_progress(run))]


def count_jobs(store: QueueStore) -> int:
    with connect(store.address) as connection:
        found = connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
    assert found is not None
    return int(found[0])


def test_a_stack_ends_once(store: QueueStore, tmp_path: Path) -> None:
    run = store.submit("plan", make_orders(make_stacks(tmp_path, ["a", "b"])), None)
    assert outcomes(store, run) == ["waiting", "waiting"]
    attempt = store.begin(run, "a", "w1")
    assert attempt is not None
    assert outcomes(store, run) == ["running", "waiting"]

    # A second worker has taken it over; the first one to end decides.
    second = store.begin(run, "a", "w2")
    assert second is not None
    assert (attempt.number, second.number) == (1, 2)
    store.finish(second, entry(0), failed=False)
    store.finish(attempt, entry(1), failed=True)
    assert store.begin(run, "a", "w3") is None
    assert outcomes(store, run) == ["done", "waiting"]
    [row] = store.read_runs(run)
    assert (row.waiting, row.running, row.ended, row.failed) == (1, 0, 1, 0)


def test_too_many_failures_stop_a_run(store: QueueStore, tmp_path: Path) -> None:
    run = store.submit("plan", make_orders(make_stacks(tmp_path, [*"abcde"])), 2)
    running = store.begin(run, "c", "w")
    assert running is not None
    for name in "ab":
        attempt = store.begin(run, name, "w")
        assert attempt is not None
        store.finish(attempt, entry(1), failed=True)

    # What runs is finished, what waits is not started.
    assert outcomes(store, run) == ["failed", "failed", "running", "not_started", "not_started"]
    store.finish(running, entry(0), failed=False)
    assert store.begin(run, "d", "w") is None
    assert outcomes(store, run)[2] == "done"


def test_a_run_can_be_cancelled(store: QueueStore, tmp_path: Path) -> None:
    run = store.submit("plan", make_orders(make_stacks(tmp_path, [*"ab"])), None)
    other = store.submit("plan", make_orders(make_stacks(tmp_path, [*"ab"])), None)
    assert store.stop(run)
    assert store.stop(run)
    assert not store.stop(99)
    assert outcomes(store, run) == ["not_started", "not_started"]
    assert outcomes(store, other) == ["waiting", "waiting"]


def test_a_schedule_does_not_pile_up(store: QueueStore, tmp_path: Path) -> None:
    orders = make_orders(make_stacks(tmp_path, ["a"]), "drift")
    run = store.submit_scheduled("drift", orders, "17 * * * *")
    assert run is not None
    assert store.submit_scheduled("drift", orders, "17 * * * *") is None
    assert count_jobs(store) == 1

    # Another schedule, and what somebody submits, are runs of their own.
    assert store.submit_scheduled("drift", orders, "47 * * * *") is not None
    assert store.submit("drift", orders, None) is not None
    attempt = store.begin(run, "a", "w")
    assert attempt is not None
    assert store.submit_scheduled("drift", orders, "17 * * * *") is None
    store.finish(attempt, entry(0), failed=False)
    assert store.submit_scheduled("drift", orders, "17 * * * *") is not None


def test_old_runs_are_deleted_and_open_ones_stay(store: QueueStore, tmp_path: Path) -> None:
    orders = make_orders(make_stacks(tmp_path, ["a"]))
    ended, still_open = store.submit("plan", orders, None), store.submit("plan", orders, None)
    store.stop(ended)
    with connect(store.address) as connection:
        connection.execute("UPDATE fleet_run SET submitted = now() - interval '31 days'")
    last = store.submit("plan", orders, None)
    assert [row.run for row in store.read_runs()] == [last, still_open]
