"""A page in somebody's browser cannot control a sandbox on this machine; programs and containers can."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from reconciler.sandbox.service.app import Sandbox

JSON = {"Content-Type": "application/json"}
FAULT = b'{"fault": "server_error"}'


def status(
    sandbox: Sandbox, method: str, path: str, headers: dict[str, str], data: bytes | None = None
) -> int:
    request = urllib.request.Request(
        f"{sandbox.base_url}/_sandbox{path}", data, headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "evil.example.com:8010",
        "localhost.evil.example.com",
        "a.b",
        "[",
        "127.0.0.1.example.com",
    ],
)
def test_refuses_a_foreign_host_name_for_every_call(sandbox: Sandbox, host: str) -> None:
    for method, path in (("GET", "/world"), ("DELETE", "/calls"), ("POST", "/reset")):
        assert status(sandbox, method, path, {"Host": host}) == 403


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:1", "localhost:8010", "sandbox:8010", "[::1]:8010", "x.localhost"],
)
def test_a_program_may_ask_by_any_near_name(sandbox: Sandbox, host: str) -> None:
    assert status(sandbox, "GET", "/calls", {"Host": host}) == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "http://127.0.0.1:1", "http://localhost"]
)
def test_refuses_a_page_of_a_different_origin(sandbox: Sandbox, origin: str) -> None:
    assert status(sandbox, "POST", "/faults", {**JSON, "Origin": origin}, FAULT) == 403
    assert status(sandbox, "POST", "/reset", {"Origin": origin}) == 403
    assert list(sandbox.faults.faults) == []


def test_answers_its_own_page(sandbox: Sandbox) -> None:
    assert status(sandbox, "POST", "/faults", {**JSON, "Origin": sandbox.base_url}, FAULT) == 200


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"],
)
def test_refuses_a_body_that_a_browser_form_can_send(sandbox: Sandbox, kind: str) -> None:
    assert status(sandbox, "POST", "/faults", {"Content-Type": kind}, FAULT) == 415
    assert (
        status(
            sandbox, "POST", "/faults", {"Content-Type": "application/json; charset=utf-8"}, FAULT
        )
        == 200
    )
