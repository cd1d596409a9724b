"""Servers that cannot be reached, do not answer, or not to the end; and runs that are told to stop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.transport.deadline import connection_class
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import FailureKind
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, Drop, FakeClock, Seen, Server, error

from .conftest import Connect

CREATE = Endpoint("POST", "trunking", "/v1/Trunks", idempotent=False)
PN = "PN" + "0" * 32


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.fixture
def late(server: Server) -> Iterator[Answer]:
    """An answer that does not come before the end of the test."""
    answer = Answer(body={"sid": PN}, release=threading.Event())
    server.answers(answer)
    yield answer
    answer.release.set()  # type: ignore[union-attr]


def test_a_refused_connection_is_tried_again_even_for_a_create(
    connected: Connect, nobody: str, clock: FakeClock
) -> None:
    with pytest.raises(RemoteError) as caught:
        connected(nobody).call(CREATE, {"FriendlyName": "edge"})
    assert len(clock.pauses) == 11
    assert (caught.value.code, caught.value.status, caught.value.ambiguous) == (
        "network_error",
        0,
        False,
    )
    assert "Connection refused" in caught.value.diagnostics[0].detail
    assert "HTTPS_PROXY" in caught.value.diagnostics[0].detail


def test_unknown_host_name_is_a_network_error(connected: Connect) -> None:
    with pytest.raises(RemoteError) as caught:
        connected("http://no-such-host.invalid").call(FETCH, sid=PN)
    assert caught.value.code == "network_error"


def test_retries_a_read_that_times_out(connected: Connect, server: Server, late: Answer) -> None:
    server.answers(late, Answer(body={"fine": True}))
    assert connected(server.url, read_timeout=0.05).call(FETCH, sid=PN) == {"fine": True}


def test_create_that_times_out_is_ambiguous(
    connected: Connect, server: Server, late: Answer
) -> None:
    with pytest.raises(RemoteError) as caught:
        connected(server.url, read_timeout=0.05).call(CREATE, {"FriendlyName": "edge"})
    assert (len(server.seen), caught.value.ambiguous, caught.value.code) == (
        1,
        True,
        "network_error",
    )


def test_unanswered_update_is_ambiguous(connected: Connect, server: Server, late: Answer) -> None:
    with pytest.raises(RemoteError) as caught:
        connected(server.url, read_timeout=0.02).call(UPDATE, {"VoiceUrl": ""}, sid=PN)
    assert (len(server.seen), caught.value.ambiguous) == (12, True)


def times_out(clock: FakeClock, seconds: float) -> Callable[[Seen], Drop]:
    """A server that takes so long and then says nothing."""

    def script(seen: Seen) -> Drop:
        clock.now += seconds
        return Drop()

    return script


def test_gives_up_a_silent_server_within_the_limit(connected: Connect, clock: FakeClock) -> None:
    class Blackhole:
        attempts = 0

        def request(self, *args: object, timeout: float, **rest: object) -> None:
            self.attempts += 1
            clock.now += min(5.0, timeout)
            raise NoAnswer(FailureKind.UNREACHED, "timed out")

    hole = Blackhole()
    with pytest.raises(RemoteError) as caught:
        connected(http_client=hole).call(FETCH, sid=PN)
    assert caught.value.code == "network_error"
    assert 25 <= clock.now - 1000 <= 30
    assert hole.attempts == 6


def test_fails_later_calls_to_a_silent_server_at_once(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.behaves(times_out(clock, 31))
    with pytest.raises(RemoteError):
        gateway.call(FETCH, sid=PN)
    for endpoint in [FETCH, UPDATE, msgspec.structs.replace(UPDATE, idempotent=False)] * 100:
        with pytest.raises(RemoteError) as caught:
            gateway.call(endpoint, sid=PN)
        assert (caught.value.code, caught.value.ambiguous) == ("network_error", False)
    assert "no answer from the server for 30 s" in str(caught.value)
    assert len(server.seen) == 1


def test_treats_each_product_as_a_separate_server(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.behaves(times_out(clock, 31))
    with pytest.raises(RemoteError):
        gateway.call(FETCH, sid=PN)
    server.answers(Answer(body={"sid": "TK1"}))
    assert gateway.call(CREATE) == {"sid": "TK1"}


def test_calls_a_recovered_server_again(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.behaves(times_out(clock, 31))
    with pytest.raises(RemoteError):
        gateway.call(FETCH, sid=PN)
    clock.now += 11
    server.answers(Answer(body={"fine": True}))
    assert gateway.call(FETCH, sid=PN) == {"fine": True}


def test_answering_server_is_not_silent(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    def slow(seen: Seen) -> Answer:
        clock.now += 14
        return error(503)

    server.behaves(slow)
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (caught.value.code, len(server.seen)) == ("twilio_unavailable", 12)


def test_stops_a_trickling_response_although_each_piece_is_in_time() -> None:
    moments = iter([0.0, 1.0, 2.0, 31.0])
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much")
        response = connection_class("http", 30.0, lambda: next(moments)).response_class(near)  # type: ignore[attr-defined]
        response.begin()
        assert response.read1(100) == b"only so much"
        far.sendall(b"more")
        assert response.read1(100) == b"more"
        with pytest.raises(TimeoutError, match="too slowly"):
            response.read1(100)
        response.close()


def test_stop_ends_a_wait_without_a_retry(
    connected: Connect, server: Server, clock: FakeClock
) -> None:
    stop = threading.Event()
    clock.on_pause = stop.set
    server.answers(error(503))
    with pytest.raises(RemoteError) as caught:
        connected(server.url, stop=stop).call(UPDATE, {"VoiceUrl": ""}, sid=PN)
    assert (caught.value.code, caught.value.ambiguous, len(server.seen)) == ("interrupted", True, 1)


def test_refusal_before_a_stop_is_not_ambiguous(
    connected: Connect, server: Server, clock: FakeClock
) -> None:
    stop = threading.Event()
    clock.on_pause = stop.set
    server.answers(error(429, 20429))
    with pytest.raises(RemoteError) as caught:
        connected(server.url, stop=stop).call(CREATE)
    assert (caught.value.code, caught.value.ambiguous) == ("interrupted", False)


def test_a_real_wait_ends_when_the_run_is_stopped(connected: Connect, server: Server) -> None:
    stop = threading.Event()
    gateway = connected(server.url, stop=stop, clock=None)
    server.behaves(
        lambda seen: (threading.Timer(0.01, stop.set).start(), error(429, 20429, Retry_After="20"))[
            1
        ]
    )
    with pytest.raises(RemoteError, match="interrupted"):
        gateway.call(FETCH, sid=PN)


def test_after_a_stop_first_attempts_still_go_out(connected: Connect, server: Server) -> None:
    stop = threading.Event()
    stop.set()
    server.answers(Answer(body={"fine": True}))
    assert connected(server.url, stop=stop).call(FETCH, sid=PN) == {"fine": True}


def test_a_closed_gateway_sends_nothing(gateway: TwilioGateway, server: Server) -> None:
    gateway.close()
    with pytest.raises(RemoteError, match="interrupted"):
        gateway.call(FETCH, sid=PN)
    assert server.seen == []
