from __future__ import annotations

import threading

import pytest

from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from tests.support.scripted_server import eventually


def refuse(limiter: ConcurrencyLimiter) -> None:
    ticket = limiter.acquire()
    limiter.release()
    limiter.shrink(ticket)


def test_the_limit_halves_down_to_one() -> None:
    limiter = ConcurrencyLimiter(16)
    limits = []
    for _ in range(6):
        refuse(limiter)
        limits.append(limiter.limit)
    assert limits == [8, 4, 2, 1, 1, 1]


def test_concurrent_refusals_halve_the_limit_once() -> None:
    limiter = ConcurrencyLimiter(16)
    tickets = [limiter.acquire() for _ in range(10)]
    for ticket in tickets:
        limiter.release()
        limiter.shrink(ticket)
    assert limiter.limit == 8


def test_limit_grows_by_one_after_as_many_successes() -> None:
    limiter = ConcurrencyLimiter(8)
    for _ in range(3):
        refuse(limiter)
    grown = []
    for _ in range(60):
        grown.append(limiter.limit)
        limiter.grow()
    assert grown[0] == 1
    assert sorted(set(grown)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert grown.count(6) > grown.count(2)


def test_limit_never_exceeds_its_bound() -> None:
    limiter = ConcurrencyLimiter(2)
    for _ in range(10):
        limiter.grow()
    assert limiter.limit == 2


def test_never_runs_more_calls_than_the_limit() -> None:
    limiter, lock, under_way, most = ConcurrencyLimiter(3), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal under_way, most
        for _ in range(50):
            limiter.acquire()
            with lock:
                under_way += 1
                most = max(most, under_way)
            with lock:
                under_way -= 1
            limiter.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 3


def test_first_come_first_served() -> None:
    limiter = ConcurrencyLimiter(1)
    limiter.acquire()
    served: list[int] = []

    def work(index: int) -> None:
        limiter.acquire()
        served.append(index)
        limiter.release()

    threads = []
    for index in range(5):
        threads.append(threading.Thread(target=work, args=(index,)))
        threads[-1].start()
        eventually(lambda: len(limiter._waiting) == len(threads))
    limiter.release()
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]


def test_caller_that_stops_waiting_passes_its_turn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = ConcurrencyLimiter(1)
    limiter.acquire()

    class Impatient:
        def __init__(self) -> None:
            self.taken = 0

        def acquire(self) -> bool:
            self.taken += 1
            if self.taken == 2:
                raise KeyboardInterrupt
            return True

        def release(self) -> None: ...

    monkeypatch.setattr("reconciler.remote.transport.concurrency.Lock", Impatient)
    with pytest.raises(KeyboardInterrupt):
        limiter.acquire()
    monkeypatch.undo()
    limiter.release()
    limiter.acquire()
    limiter.release()
