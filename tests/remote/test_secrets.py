"""Whatever goes wrong, no secret is in an error, a log or a record of a call."""

from __future__ import annotations

import logging
import traceback

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.remote.gateway import CallRecord
from reconciler.remote.twilio.http import basic_auth
from tests.support.scripted_server import SECRET, Answer, Drop, Server, error

from .conftest import Connect

CREATE = Endpoint(
    "POST", "api", "/2010-04-01/Accounts/{account_sid}/SIP/Credentials.json", idempotent=False
)
PASSWORD = "caller-password-beef"
HEADER = basic_auth("SK" + "b" * 32, SECRET).partition(" ")[2]
ECHO = f"bad request {SECRET} {HEADER} Password={PASSWORD}"


@pytest.mark.parametrize(
    "bad",
    [
        error(400, 21216, ECHO),
        Answer(400, {"title": ECHO, "detail": ECHO, "errors": [{"pointer": ECHO, "detail": ECHO}]}),
        Answer(500, ECHO.encode()),
        Answer(403, f"<html>{ECHO}".encode(), {"Content-Type": "text/html"}),
        Answer(200, ECHO.encode(), {"Twilio-Request-Id": ECHO}),
        Answer(400, {}, {"Twilio-Request-Id": ECHO}),
        Drop(),
    ],
)
def test_no_secret_leaks(
    connected: Connect,
    server: Server,
    bad: Answer | Drop,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    records: list[CallRecord] = []
    server.answers(bad)
    gateway = connected(server.url, on_call=records.append)
    with pytest.raises(RemoteError) as caught:
        gateway.call(CREATE, {"Username": "pbx", "Password": PASSWORD})
    shown = "".join(
        [
            *traceback.format_exception(caught.value),
            repr(caught.value.diagnostics),
            repr(vars(caught.value)),
        ]
    )
    written = capfd.readouterr()
    everything = shown + caplog.text + repr(records) + written.out + written.err
    for secret in (SECRET, HEADER, PASSWORD):
        assert secret not in everything
    assert written.out == ""


def test_error_of_an_unreachable_server_holds_no_secret(connected: Connect) -> None:
    with pytest.raises(RemoteError) as caught:
        connected(f"http://user:{SECRET}@127.0.0.1:1").call(CREATE, {"Password": PASSWORD})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert PASSWORD not in shown


def test_log_records_call_and_duration(
    connected: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "reconciler")
    server.answers(Answer(body={}))
    connected(server.url).call(CREATE, {"Username": "pbx"})
    [record] = [record for record in caplog.records if record.name.startswith("reconciler")]
    assert record.getMessage() == f"POST {server.seen[0].path} 200 0 ms RQ1"
