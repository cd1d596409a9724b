"""The sum of all waits has a limit: for one call, and for a run that has only read."""

from __future__ import annotations

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH, LISTING, UPDATE
from reconciler.remote.transport.waits import OF_CALL, OF_READING, WaitLimit
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, FakeClock, Server, error

PN = "PN" + "0" * 32
BUSY = error(429, 20429, **{"Retry-After": "86400"})
IN_A_CENTURY = error(429, 20429, **{"Retry-After": "Fri, 31 Dec 2125 23:59:59 GMT"})
THERE = Answer(body={"sid": PN})


@pytest.mark.parametrize("busy", [BUSY, IN_A_CENTURY, error(503, **{"Retry-After": "7"})])
@pytest.mark.parametrize("write", [False, True])
def test_one_call_waits_no_longer_than_its_limit(
    gateway: TwilioGateway, server: Server, clock: FakeClock, busy: Answer, write: bool
) -> None:
    server.answers(busy)
    with pytest.raises(RemoteError) as caught:
        gateway.call(UPDATE if write else FETCH, {"VoiceUrl": ""} if write else None, sid=PN)
    assert OF_CALL - 20 < sum(clock.pauses) <= OF_CALL
    assert "It was not tried again: it had waited" in caught.value.diagnostics[0].detail


def test_outlasts_a_rate_limit_per_minute(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.answers(BUSY, BUSY, BUSY, THERE)
    assert gateway.call(FETCH, sid=PN) == {"sid": PN}
    assert sum(clock.pauses) == 60.0


def test_a_run_that_only_reads_waits_no_longer_than_its_limit(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    """Each call succeeds in the end, and there would always be another one."""
    for _ in range(50):
        server.answers(BUSY, BUSY, THERE)
        try:
            gateway.call(FETCH, sid=PN)
        except RemoteError:
            break
    assert sum(clock.pauses) == OF_READING


def test_run_with_writes_continues_past_the_wait_limit(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.answers(THERE)
    gateway.call(UPDATE, {"VoiceUrl": ""}, sid=PN)
    for _ in range(10):
        server.answers(BUSY, BUSY, THERE)
        gateway.call(FETCH, sid=PN)
    assert sum(clock.pauses) == 400.0 > OF_READING


def test_listings_wait_as_single_calls_do(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.answers(BUSY)
    with pytest.raises(RemoteError):
        gateway.rows(LISTING)
    assert sum(clock.pauses) <= OF_CALL


def test_waits_at_once_count_once() -> None:
    waits = WaitLimit(of_call=100.0, of_reading=100.0)
    for now in (0.0, 10.0, 20.0):
        assert waits.take(60.0, before=0.0, now=now)
    assert waits.take(20.0, before=0.0, now=80.0), "100 s by now: 0 to 80 and 80 to 100"
    assert not waits.take(1.0, before=0.0, now=100.0)
    assert waits.take(1.0, before=0.0, now=90.0), "somebody is waiting then anyway"
