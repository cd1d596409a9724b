"""The protocol below: connections that stay open, headers, and requests that are none."""

from __future__ import annotations

import logging
import re
import socket
import threading

import pytest

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Call, Route, Router
from reconciler.sandbox.service import app
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, numbers_path


def say(sandbox: Sandbox, text: bytes) -> bytes:
    """What is answered to these bytes, until the connection is closed."""
    host, port = sandbox.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def test_every_answer_carries_twilios_headers(sandbox: Sandbox) -> None:
    first, second = [ask(sandbox, "GET", numbers_path(sandbox)).headers for _ in range(2)]
    assert re.fullmatch("RQ[0-9a-f]{32}", first["Twilio-Request-Id"])
    assert first["Twilio-Request-Id"] != second["Twilio-Request-Id"]
    assert first["Twilio-Concurrent-Requests"] == "1"
    assert float(first["Twilio-Request-Duration"]) >= 0
    assert first["Content-Type"] == "application/json; charset=utf-8"


def test_a_connection_serves_many_requests(sandbox: Sandbox) -> None:
    answer = say(sandbox, b"GET /_sandbox HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "request_line",
    [b"GET /_sandbox HTTP/1.0\r\n", b"GET /_sandbox HTTP/1.1\r\nConnection: close\r\n"],
)
def test_closes_a_connection_on_request_of_the_client(
    sandbox: Sandbox, request_line: bytes
) -> None:
    answer = say(sandbox, (request_line + b"\r\n") * 2)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 201 + b"\r\n",
    ],
)
def test_refuses_what_is_not_a_request(sandbox: Sandbox, text: bytes) -> None:
    assert say(sandbox, text).startswith(b"HTTP/1.1 400 Bad Request")


def test_refuses_unknown_paths_and_methods(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/v1/Nothing").json["code"] == 20404
    answer = ask(sandbox, "DELETE", "/v1/Events")
    assert (answer.status, answer.json["code"]) == (405, 20004)


def test_a_plain_path_wins_over_one_with_variables() -> None:
    def plain(call: Call) -> Reply:
        return Reply(200)

    def variable(call: Call) -> Reply:
        return Reply(201)

    router = Router(
        [Route("GET", "/v1/Things/{sid}", variable), Route("GET", "/v1/Things/Local", plain)]
    )
    assert router.find("GET", "/v1/Things/Local") == router.find("GET", "/v1/Things/Local")
    found = (
        router.find("GET", "/v1/Things/Local"),
        router.find("GET", "/v1/Things/a%2Bb"),
        router.find("GET", "/v1"),
    )
    assert found[0] is not None
    assert found[0].handler is plain
    assert found[1] is not None
    assert (found[1].handler, found[1].path) == (variable, {"sid": "a+b"})
    assert found[2] is None


def test_a_mistake_of_the_sandbox_is_a_server_error_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call) -> Reply:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(app, "ROUTES", (Route("GET", "/broken", broken),))
    with Sandbox(World.generate()) as sandbox, caplog.at_level(logging.ERROR):
        assert ask(sandbox, "GET", "/broken").status == 500
    assert "a mistake" in caplog.text


def test_many_clients_at_once_are_served(sandbox: Sandbox) -> None:
    statuses: list[int] = []

    def call() -> None:
        statuses.extend(ask(sandbox, "GET", numbers_path(sandbox)).status for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100


def test_a_sandbox_may_be_stopped_twice_or_never_started() -> None:
    sandbox = Sandbox(World.generate())
    sandbox.stop()
    sandbox.stop()
    with Sandbox() as started:
        assert len(started.world.accounts) == 1
    started.stop()
