"""Attempts beyond the first are counted over a whole run: what is broken for good is not asked thousands of times."""

from __future__ import annotations

from itertools import count

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.transport.retry_budget import MOST, RetryBudget
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, Seen, Server, error

PN = "PN" + "0" * 32


@pytest.mark.parametrize("broken", [error(500), error(429, 20429), Answer(503, b"<html>")])
def test_limits_the_calls_to_a_broken_service(
    gateway: TwilioGateway, server: Server, broken: Answer
) -> None:
    server.answers(broken)
    calls, details = 200, []
    for _ in range(calls):
        with pytest.raises(RemoteError) as caught:
            gateway.call(UPDATE, {"VoiceUrl": ""}, sid=PN)
        details.append(caught.value.diagnostics[0].detail)
    assert len(server.seen) == calls + MOST
    assert "was not tried again" not in details[0]
    assert "too many calls of this run have failed" in details[-1]


def test_continues_with_a_service_that_fails_more_than_half_of_the_time(
    gateway: TwilioGateway, server: Server
) -> None:
    turns = count()
    server.behaves(
        lambda seen: Answer(body={"sid": PN}) if next(turns) % 5 in (2, 4) else error(503)
    )
    for _ in range(600):
        gateway.call(FETCH, sid=PN)
    assert len(server.seen) == 1500


def test_retries_a_recovered_service_as_before(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(500))
    for _ in range(100):
        with pytest.raises(RemoteError):
            gateway.call(UPDATE, {"VoiceUrl": ""}, sid=PN)
    server.answers(Answer(body={"sid": PN}))
    for _ in range(50):
        gateway.call(FETCH, sid=PN)
    before = len(server.seen)
    server.answers(error(500), error(500), Answer(body={"sid": PN}))
    assert gateway.call(FETCH, sid=PN) == {"sid": PN}
    assert len(server.seen) - before == 3


def test_retry_budget_never_exceeds_its_start() -> None:
    budget = RetryBudget(3)
    for _ in range(10):
        budget.repay()
    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]


def test_permanent_refusal_of_a_read_uses_no_retry_budget(
    gateway: TwilioGateway, server: Server
) -> None:
    def script(seen: Seen) -> Answer:
        return error(401, 20003)

    server.behaves(script)
    for _ in range(10):
        with pytest.raises(RemoteError):
            gateway.call(FETCH, sid=PN)
    assert len(server.seen) == 10
