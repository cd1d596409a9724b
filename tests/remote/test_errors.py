from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest
import twilio.base.exceptions
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from reconciler.errors import RemoteError
from reconciler.kinds.number import FETCH
from reconciler.remote.twilio import errors
from reconciler.remote.twilio.cures import CURES
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, Server

WHERE = errors.CallPlace("main", "POST", "/v1/Trunks")
VENDOR = [
    kind
    for _, kind in inspect.getmembers(twilio.base.exceptions, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == twilio.base.exceptions.__name__
]


@pytest.mark.parametrize(
    ("status", "vendor", "code"),
    [
        (401, 20003, "twilio_auth_failed"),
        (403, 20003, "twilio_auth_failed"),
        (401, None, "twilio_invalid_credentials"),
        (401, 20004, "twilio_invalid_credentials"),
        (403, 20005, "twilio_invalid_credentials"),
        (400, 10001, "twilio_invalid_credentials"),
        (403, 20008, "twilio_invalid_credentials"),
        (403, 20403, "twilio_refused"),
        (403, None, "twilio_refused"),
        (404, 20404, "not_found"),
        (404, None, "not_found"),
        (429, 20429, "rate_limited"),
        (500, 20500, "twilio_unavailable"),
        (503, None, "twilio_unavailable"),
        (400, 21402, "twilio_refused"),
        (409, 20409, "twilio_refused"),
        (302, None, "unexpected_answer"),
    ],
)
def test_every_refusal_has_a_code(status: int, vendor: int | None, code: str) -> None:
    assert errors.code_of(status, vendor) == code
    assert code in CURES


def test_refusal_keeps_the_message_of_twilio(gateway: TwilioGateway, server: Server) -> None:
    body = {
        "code": 21402,
        "message": "Invalid Url: x",
        "more_info": "https://www.twilio.com/docs/errors/21402",
        "status": 400,
    }
    server.answers(Answer(400, body, {"Twilio-Request-Id": "RQ42"}))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid="PN1")
    found = caught.value
    assert (found.code, found.status, found.vendor_code, found.request_id) == (
        "twilio_refused",
        400,
        21402,
        "RQ42",
    )
    [diagnostic] = found.diagnostics
    assert (diagnostic.severity, diagnostic.summary) == ("error", "Twilio refused the request")
    for part in (
        "400: 21402 Invalid Url: x.",
        "https://www.twilio.com/docs/errors/21402",
        "Request: RQ42",
        "main",
    ):
        assert part in diagnostic.detail


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"code": 20404, "message": "gone", "status": 404}', 20404, "gone"),
        (b'{"code": "20404", "detail": "gone"}', 20404, "gone"),
        (
            b'{"type": "https://t/1", "title": "Bad", "detail": "Worse", "code": 1, "status": 400}',
            1,
            "Bad: Worse",
        ),
        (b'{"code": true, "message": 5}', None, ""),
        (b'{"code": "x1"}', None, ""),
        (b"[]", None, ""),
        (b"<html>", None, ""),
        (b"\xff", None, ""),
        (b"", None, ""),
    ],
)
def test_every_form_of_body_is_read(body: bytes, code: int | None, message: str) -> None:
    refusal = errors.parse_refusal(body)
    assert (refusal.code, refusal.message) == (code, message)


def test_rfc_9457_problem_keeps_its_details() -> None:
    body = b"""{"type": "https://www.twilio.com/docs/p", "title": "Invalid", "status": 400, "code": 60200,
        "errors": [{"pointer": "#/SipUrl", "detail": "must start with sip:"}, {}, 7]}"""
    detail = errors.refusal_error(WHERE, 400, body).diagnostics[0].detail
    assert "60200 Invalid; #/SipUrl: must start with sip:; request: not valid." in detail
    assert "More: https://www.twilio.com/docs/p" in detail


def test_reports_a_response_without_a_reason() -> None:
    assert "503: no reason given" in errors.refusal_error(WHERE, 503, b"").diagnostics[0].detail


def test_foreign_text_cannot_style_itself_or_fill_the_screen() -> None:
    assert errors.redact("\x1b[31m\x1b[49mred\x1b[0m\x07\r\n\tnext\x9b1m") == "red next 1m"
    assert len(errors.redact("x" * 5000)) == 500


def test_a_password_in_a_url_is_masked() -> None:
    assert errors.redact("see https://user:pw@example.com/x") == "see https://***@example.com/x"


def vendor_exception(kind: type[Exception]) -> Exception:
    """One with something in every argument that it insists on."""
    values: dict[str, Any] = {
        "status": 401,
        "code": 20003,
        "errors": [{"pointer": "#/a", "detail": "b"}],
    }
    if "__init__" not in vars(kind):
        return kind("Unable to fetch page")
    return kind(**{name: values.get(name, name) for name in inspect.signature(kind).parameters})


@pytest.mark.parametrize("kind", VENDOR)
def test_every_exception_of_twilios_package_is_translated(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert issubclass(kind, TwilioException)
    translated = errors.convert_vendor_error(WHERE, vendor_exception(kind))
    assert "\x1b" not in str(translated)
    if "__init__" in vars(kind):
        assert (translated.code, translated.status, translated.vendor_code) == (
            "twilio_auth_failed",
            401,
            20003,
        )
    else:
        assert "Unable to fetch page" in str(translated)


def test_finds_vendor_exceptions_to_translate() -> None:
    assert {TwilioException, TwilioRestException} <= set(VENDOR)


def test_an_exception_of_twilios_package_ends_a_call_as_our_error(connected: Any) -> None:
    class Broken:
        def request(self, *args: object, **kwargs: object) -> None:
            raise TwilioRestException(403, "/uri", "\x1b[31mno", code=20003)

    with pytest.raises(RemoteError) as caught:
        connected(http_client=Broken()).call(FETCH, sid="PN1")
    assert caught.value.code == "twilio_auth_failed"
    assert "\x1b" not in str(caught.value)


def test_twilios_own_resources_can_be_used_over_our_transport(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Answer(body={"sid": "PN1", "phone_number": "+1555"}))
    transport = gateway._caller._client.http_client
    number = (
        Client("AC1", "x", http_client=transport)
        .api.v2010.accounts("AC1")
        .incoming_phone_numbers("PN1")
        .fetch()
    )
    assert number.phone_number == "+1555"
