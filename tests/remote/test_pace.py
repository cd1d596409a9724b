"""How many calls go out at once, as a real server and real threads see it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.ramp_up import ConcurrencyHint, RampUp
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, FakeClock, Seen, Server, error, eventually

from .conftest import Connect

PN = "PN" + "0" * 32


def test_ramps_up_quickly_while_a_server_answers_in_time() -> None:
    bearing = ConcurrencyHint()
    assert [bearing.ramp_up_after("GET", 0.05, count) for count in (1, 8, 500)] == [
        RampUp.QUICK
    ] * 3


@pytest.mark.parametrize(
    ("count", "pace"),
    [(29, RampUp.QUICK), (30, RampUp.STEADY), (40, RampUp.STEADY), (60, RampUp.STEADY)],
)
def test_ramps_up_steadily_near_the_refused_count(count: int, pace: RampUp) -> None:
    bearing = ConcurrencyHint()
    bearing.note_refusal(40)
    assert bearing.ramp_up_after("GET", 0.05, count) is pace


@pytest.mark.parametrize(
    ("seconds", "pace"),
    [(0.05, RampUp.QUICK), (0.19, RampUp.QUICK), (0.21, RampUp.HOLD), (3, RampUp.HOLD)],
)
def test_an_answer_much_later_than_the_best_holds(seconds: float, pace: RampUp) -> None:
    bearing = ConcurrencyHint()
    bearing.ramp_up_after("GET", 0.05, 1)
    assert bearing.ramp_up_after("GET", seconds, 1) is pace


def test_sorts_of_calls_are_not_compared_with_each_other() -> None:
    bearing = ConcurrencyHint()
    bearing.ramp_up_after("POST", 0.05, 1)
    assert bearing.ramp_up_after("GET of a listing", 2.0, 1) is RampUp.QUICK


def test_limit_starts_at_the_given_value_and_doubles_per_round() -> None:
    limiter = ConcurrencyLimiter(32, 8)
    assert (limiter.limit, limiter.below_bound) == (8, True)
    for _ in range(8):
        limiter.ramp()
    assert limiter.limit == 16
    for _ in range(100):
        limiter.ramp()
    assert (limiter.limit, limiter.below_bound) == (32, False)


@pytest.mark.parametrize(("bound", "start", "limit"), [(4, 8, 4), (32, None, 32), (5, 0, 5)])
def test_limit_never_starts_above_its_bound(bound: int, start: int | None, limit: int) -> None:
    assert ConcurrencyLimiter(bound, start).limit == limit


def under_way_at_once(gateway: TwilioGateway, server: Server, calls: int) -> int:
    """How many of so many calls a server gets before it answers the first."""
    held = Answer(body={"sid": PN}, release=threading.Event())
    before = len(server.seen)
    server.answers(held)
    with ThreadPoolExecutor(calls) as pool:
        waiting = [
            pool.submit(gateway.call, UPDATE, {"VoiceUrl": ""}, sid=PN) for _ in range(calls)
        ]
        eventually(
            lambda: len(gateway._caller._limiter._waiting) + len(server.seen) - before == calls
        )
        at_once = len(server.seen) - before
        held.release.set()  # type: ignore[union-attr]
        for call in waiting:
            call.result()
    return at_once


def test_granted_concurrency_applies_from_the_first_call(
    connected: Connect, server: Server
) -> None:
    assert under_way_at_once(connected(server.url, concurrency=32), server, 40) == 32


def test_limit_without_a_hint_starts_low_and_is_high_after_two_rounds(
    connected: Connect, server: Server
) -> None:
    gateway = connected(server.url, concurrency=32, start=8)
    assert under_way_at_once(gateway, server, 12) == 8
    server.answers(Answer(body={"sid": PN}, headers={"Twilio-Concurrent-Requests": "3"}))
    for _ in range(24):
        gateway.call(FETCH, sid=PN)
    assert under_way_at_once(gateway, server, 40) == 32


def test_slow_answers_stop_the_growth_of_the_limit(
    connected: Connect, server: Server, clock: FakeClock
) -> None:
    gateway = connected(server.url, concurrency=32, start=8)
    gateway_answers = Answer(body={"sid": PN})
    server.answers(gateway_answers)
    gateway.call(FETCH, sid=PN)

    def slow(seen: Seen) -> Answer:
        clock.now += 2
        return gateway_answers

    server.behaves(slow)
    for _ in range(40):
        gateway.call(FETCH, sid=PN)
    assert gateway._caller._limiter.limit == 9


def test_after_a_429_returns_to_the_accepted_rate_and_grows_slowly(
    connected: Connect, server: Server
) -> None:
    gateway = connected(server.url, concurrency=32)
    limiter = gateway._caller._limiter
    server.answers(error(429, 20429, Twilio_Concurrent_Requests="40"), Answer(body={"sid": PN}))
    gateway.call(FETCH, sid=PN)
    halved = limiter.limit
    counts = iter([10] * 5 + [38] * 100)

    def told(seen: Seen) -> Answer:
        return Answer(body={"sid": PN}, headers={"Twilio-Concurrent-Requests": str(next(counts))})

    server.behaves(told)
    for _ in range(5):
        gateway.call(FETCH, sid=PN)
    quick = limiter.limit
    for _ in range(5):
        gateway.call(FETCH, sid=PN)
    assert (halved, quick, limiter.limit) == (17, 22, 22), (
        "the success after the 429 counts as well"
    )


@pytest.mark.parametrize("nonsense", ["", "many", "-3", "1e9", "٣", "99999999999999999999"])
def test_ignores_an_invalid_count(gateway: TwilioGateway, server: Server, nonsense: str) -> None:
    headers = {"Twilio-Concurrent-Requests": nonsense.encode().decode("latin-1")}
    server.answers(error(429, 20429), Answer(body={"sid": PN}, headers=headers))
    assert gateway.call(FETCH, sid=PN) == {"sid": PN}
