"""A run that was given so much time: reading is cut off, writing is finished."""

from __future__ import annotations

import threading

import pytest

from reconciler.errors import ReconcilerError, RemoteError
from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.transport.time_limit import TimeLimit
from tests.support.scripted_server import Answer, FakeClock, Server, error, eventually

from .conftest import Connect

PN = "PN" + "0" * 32


def test_time_limit_starts_at_its_creation(clock: FakeClock) -> None:
    limit = TimeLimit(60, clock)
    clock.now += 59
    assert (limit.seconds_left(), limit.is_over) == (1.0, False)
    limit.check()
    clock.now += 1
    assert limit.is_over
    with pytest.raises(ReconcilerError, match="timed_out: The 60 seconds of --timeout have passed"):
        limit.check()


def test_time_limit_without_seconds_never_ends(clock: FakeClock) -> None:
    limit, stop = TimeLimit(None, clock), threading.Event()
    clock.now += 1e9
    limit.check()
    with limit.stop_at_end(stop):
        assert limit.seconds_left() == float("inf")
    assert not stop.is_set()


def test_sends_nothing_after_the_time_limit(
    connected: Connect, server: Server, clock: FakeClock
) -> None:
    limit = TimeLimit(60, clock)
    gateway = connected(server.url, seconds_left=limit.seconds_left)
    server.answers(Answer(body={"fine": True}))
    gateway.call(FETCH, sid=PN)
    clock.now += 61
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (caught.value.code, len(server.seen)) == ("timed_out", 1)


def test_wait_for_a_retry_ends_at_the_time_limit(
    connected: Connect, server: Server, clock: FakeClock
) -> None:
    limit = TimeLimit(3, clock)
    server.answers(error(429, 20429, Retry_After="20"))
    with pytest.raises(RemoteError) as caught:
        connected(server.url, seconds_left=limit.seconds_left).call(FETCH, sid=PN)
    assert (caught.value.code, clock.pauses, len(server.seen)) == ("timed_out", [3.0], 1)


def test_waits_for_a_silent_server_no_longer_than_the_time_limit(
    connected: Connect, server: Server
) -> None:
    """With the real clock: without the limit this would take half a minute."""
    late = Answer(body={}, release=threading.Event())
    server.answers(late)
    with pytest.raises(RemoteError) as caught:
        connected(server.url, clock=None, seconds_left=TimeLimit(0.2).seconds_left).call(
            FETCH, sid=PN
        )
    late.release.set()  # type: ignore[union-attr]
    assert caught.value.code == "timed_out"


def test_while_finishing_the_end_of_the_time_is_a_stop_and_calls_go_on(
    connected: Connect, server: Server
) -> None:
    limit, stop = TimeLimit(0.01), threading.Event()
    gateway = connected(server.url, seconds_left=limit.seconds_left, stop=stop, clock=None)
    server.behaves(lambda seen: Answer(body={"path": seen.path}))
    with limit.stop_at_end(stop):
        eventually(stop.is_set)
        assert gateway.call(UPDATE, {"VoiceUrl": ""}, sid=PN)
    assert limit.is_over


def test_time_limit_does_not_stop_a_finished_run() -> None:
    limit, stop = TimeLimit(0.05), threading.Event()
    with limit.stop_at_end(stop):
        pass
    eventually(lambda: limit.is_over)
    assert not stop.is_set()
