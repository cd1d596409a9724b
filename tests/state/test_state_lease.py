"""Locks by lease, on real servers: kept alive, lost with its run, and no use to a run that lost it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import msgspec
import pytest

from reconciler.errors import Exit, StateLocked
from reconciler.state.records import Drop, Put
from reconciler.state.stores.holder import this_run

from .conftest import Place
from .samples import NOW, address, entry, holder, state

LEASE = 2.0
WRITE = """
import sys
from pathlib import Path
from reconciler.errors import ReconcilerError
from reconciler.state.stores.open import open_store
from reconciler.state.stores.holder import this_run
from reconciler.state.records import Drop
store = open_store(sys.argv[1], Path("."), "acme", lease=float(sys.argv[2]))
try:
    with store.lock(this_run("reconciler apply", "2026-01-01T00:00:00Z")):
        journal = store.begin(store.load())
        print("held", flush=True)
        sys.stdin.readline()
        journal.append([Drop("number/+15550000000")])
        journal.fold()
except ReconcilerError as error:
    sys.exit(f"{error.exit} {error.diagnostics[0].code}")
"""


@contextmanager
def writing(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own that holds the lock, and writes when it gets a line."""
    command = [sys.executable, "-c", WRITE, place.location, str(LEASE)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def with_a_state(place: Place) -> None:
    store = place.open(lease=LEASE)
    with store.lock(holder()):
        store.save(state(2))


def test_renews_a_lease_as_long_as_its_run_lives(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        other = leased_place.open(lease=LEASE)
        with (
            pytest.raises(StateLocked, match=f"process {process.pid}"),
            other.lock(holder(), timeout=3 * LEASE),
        ):
            pytest.fail("both hold the lock")
        info = other.lock_info()
        assert info is not None
        assert info.holder is not None
        assert (info.holder.pid, info.expired) == (process.pid, False)


def test_lock_of_a_killed_run_is_free_after_its_lease(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = leased_place.open(lease=LEASE)
        with store.lock(holder(), timeout=60):
            loaded = store.load()
            assert loaded is not None
            store.save(loaded)


def test_run_that_slept_past_its_lease_stops_writing(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        process.send_signal(signal.SIGSTOP)
        store = leased_place.open(lease=LEASE)
        with store.lock(holder(), timeout=60):
            loaded = store.load()
            assert loaded is not None
            journal = store.begin(loaded)
            journal.append([Put(address(5), entry(5))])
            process.send_signal(signal.SIGCONT)
            _, told = process.communicate("write\n")
            assert told.strip() == f"{Exit.LOCKED} state_lock_lost"
            journal.append([Put(address(6), entry(6))])
            final = journal.fold()
        assert leased_place.open().load() == final
        assert {address(0), address(1), address(5), address(6)} == set(final.resources)


def test_unlocking_by_force_stops_the_run_that_held_it(leased_place: Place) -> None:
    with_a_state(leased_place)
    store, stop = leased_place.open(lease=LEASE), Event()
    with store.lock(holder(), stop=stop):
        loaded = store.load()
        assert loaded is not None
        journal = store.begin(loaded)
        freed = leased_place.open().unlock(this_run("reconciler state unlock", NOW, {}), force=True)
        assert freed is not None
        assert freed.holder is not None
        assert freed.holder.who == "alice"
        assert stop.wait(60)
        with pytest.raises(StateLocked, match="has stopped writing") as caught:
            journal.append([Drop(address(0))])
        with pytest.raises(StateLocked):
            journal.fold()
    assert caught.value.diagnostics[0].code == "state_lock_lost"
    assert leased_place.open().load() == loaded
    assert leased_place.open().lock_info() is None


def test_unlocking_a_foreign_lock_needs_force(leased_place: Place) -> None:
    store, other = leased_place.open(), leased_place.open()
    with store.lock(holder()):
        with pytest.raises(StateLocked, match="alice on laptop"):
            other.unlock(this_run("reconciler state unlock", NOW, {}), force=False)
        assert other.lock_info() is not None
        same_job = this_run("reconciler state unlock", NOW, {"CI_JOB_URL": "https://ci.example/1"})
        assert other.unlock(same_job, force=False) is not None
        assert other.lock_info() is None
    assert other.unlock(same_job, force=True) is None


def test_unlocking_a_sibling_job_of_a_matrix_needs_force(leased_place: Place) -> None:
    """They have one page on GitHub, and one name of the job; each has a runner of its own."""
    run = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
    }
    job = {**run, "GITHUB_JOB": "apply", "GITHUB_RUN_ATTEMPT": "1"}
    one = this_run("reconciler apply", NOW, {**job, "RUNNER_NAME": "one"})
    one = msgspec.structs.replace(one, host="runner-of-one", machine="its own")
    other = leased_place.open()
    with leased_place.open().lock(one):
        with pytest.raises(StateLocked, match="CI job: https://github"):
            other.unlock(
                this_run("reconciler state unlock", NOW, {**job, "RUNNER_NAME": "two"}), force=False
            )
        assert other.unlock(
            this_run("reconciler state unlock", NOW, {**job, "RUNNER_NAME": "one"}), force=False
        )


def test_lock_of_our_dead_process_can_be_freed(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        other, here = leased_place.open(), this_run("reconciler state unlock", NOW, {})
        with pytest.raises(StateLocked):
            other.unlock(here, force=False)
        process.kill()
        process.wait()
        freed = other.unlock(here, force=False)
        assert freed is not None
        with other.lock(holder()):
            pass


def test_anyone_can_free_an_expired_lock(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        process.kill()
        process.wait()
        other = leased_place.open(lease=LEASE)
        while not ((info := other.lock_info()) and info.expired):
            time.sleep(0.2)
        somebody = holder()
        freed = other.unlock(somebody, force=False)
        assert freed is not None
        assert freed.expired
        assert other.lock_info() is None


def test_wait_for_a_lock_ends_when_it_is_free(leased_place: Place) -> None:
    with_a_state(leased_place)
    with writing(leased_place) as process:
        assert process.stdin is not None
        process.stdin.write("write\n")
        process.stdin.flush()
        with leased_place.open().lock(holder(), timeout=60):
            loaded = leased_place.open().load()
    assert loaded is not None
    assert set(loaded.resources) == {address(1)}
