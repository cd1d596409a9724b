"""Bad days on demand: what is answered, what is carried out all the same, and that it is the same every time."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
from collections.abc import Callable

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from tests.support.sandbox_client import ask, numbers_path

URL = "https://agents.example.com/voice"
Gone = (http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)


@pytest.fixture
def read(sandbox: Sandbox, number: Number) -> Callable[[], int]:
    return lambda: ask(sandbox, "GET", numbers_path(sandbox, number.sid)).status


@pytest.fixture
def write(sandbox: Sandbox, number: Number) -> Callable[[], int]:
    return lambda: (
        ask(sandbox, "POST", numbers_path(sandbox, number.sid), form={"VoiceUrl": URL}).status
    )


def test_rate_limits_every_third_call(sandbox: Sandbox, read: Callable[[], int]) -> None:
    sandbox.faults.add(f.RateLimit(every=3, times=2, skip=1))
    assert [read() for _ in range(10)] == [200, 200, 200, 429, 200, 200, 429, 200, 200, 200]
    assert [call.faults for call in sandbox.calls if call.status == 429] == [
        ("rate_limit",),
        ("rate_limit",),
    ]


def test_rate_limit_fault_works_with_and_without_retry_after(
    sandbox: Sandbox, number: Number
) -> None:
    sandbox.faults.add(f.RateLimit(retry_after=2, times=1), f.RateLimit(times=1, skip=1))
    path = numbers_path(sandbox, number.sid)
    first, second = ask(sandbox, "GET", path), ask(sandbox, "GET", path)
    assert (first.status, first.json["code"], first.headers["Retry-After"]) == (429, 20429, "2")
    assert (second.status, second.headers.get("Retry-After")) == (429, None)


def test_percentage_of_faults_is_reproducible(sandbox: Sandbox, read: Callable[[], int]) -> None:
    runs = []
    for _ in range(2):
        sandbox.faults.clear()
        sandbox.faults.add(f.ServerError(percent=30, status=503))
        runs.append([read() for _ in range(40)])
    assert runs[0] == runs[1]
    assert 4 <= runs[0].count(503) <= 20


def test_server_error_can_follow_an_executed_call(
    sandbox: Sandbox, number: Number, write: Callable[[], int]
) -> None:
    sandbox.faults.add(f.ServerError(times=1))
    assert (write(), number.voice_url) == (500, "")
    sandbox.faults.add(f.ServerError(times=1, carried_out=True))
    assert (write(), number.voice_url) == (500, URL)


def test_a_connection_drops_before_or_after_the_call_was_carried_out(
    sandbox: Sandbox, number: Number, write: Callable[[], int]
) -> None:
    sandbox.faults.add(f.Drop(times=1), f.Drop(times=1, skip=1, carried_out=True))
    with pytest.raises(Gone):
        write()
    assert number.voice_url == ""
    with pytest.raises(Gone):
        write()
    assert number.voice_url == URL
    assert [call.status for call in sandbox.calls] == [0, 0]
    assert write() == 200


def test_a_call_hangs_until_the_client_gives_up(sandbox: Sandbox, number: Number) -> None:
    sandbox.faults.add(f.Hang(carried_out=True))
    host, port = sandbox.base_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=0.2)
    try:
        connection.request("GET", numbers_path(sandbox, number.sid))
        with pytest.raises(TimeoutError):
            connection.getresponse()
    finally:
        connection.close()


def test_a_sandbox_stops_at_once_while_calls_hang(
    read: Callable[[], int], sandbox: Sandbox
) -> None:
    sandbox.faults.add(f.Hang())
    ended: list[bool] = []

    def call() -> None:
        with pytest.raises(Gone):
            read()
        ended.append(True)

    thread = threading.Thread(target=call)
    thread.start()
    while not sandbox.calls:
        time.sleep(0.005)
    sandbox.stop()
    thread.join(5)
    assert ended == [True]


def test_latency_makes_answers_late(sandbox: Sandbox, read: Callable[[], int]) -> None:
    sandbox.faults.add(f.Latency(ms=60, jitter_ms=10))
    started = time.perf_counter()
    assert read() == 200
    assert time.perf_counter() - started >= 0.06


def test_slow_bodies_arrive_whole(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.SlowBody(seconds=0.1))
    assert len(ask(sandbox, "GET", numbers_path(sandbox)).json["incoming_phone_numbers"]) == 12


def test_a_cut_body_is_too_short(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.CutBody())
    with pytest.raises(http.client.IncompleteRead):
        ask(sandbox, "GET", numbers_path(sandbox))


def test_dropped_fields_are_accepted_but_not_stored(
    sandbox: Sandbox, number: Number, write: Callable[[], int]
) -> None:
    sandbox.faults.add(f.DropFields(fields=("voice_url",), times=1, path="*IncomingPhoneNumbers*"))
    answer = ask(
        sandbox,
        "POST",
        numbers_path(sandbox, number.sid),
        form={"VoiceUrl": URL, "FriendlyName": "New"},
    )
    assert (answer.status, answer.json["voice_url"], answer.json["friendly_name"]) == (
        200,
        "",
        "New",
    )
    assert [call.params for call in sandbox.calls] == [{"VoiceUrl": URL, "FriendlyName": "New"}]
    assert (write(), number.voice_url) == (200, URL)


def test_dropped_fields_may_look_stored_in_the_reply(sandbox: Sandbox, number: Number) -> None:
    sandbox.faults.add(f.DropFields(fields=("VoiceUrl",), echo=True))
    path = numbers_path(sandbox, number.sid)
    updated = ask(sandbox, "POST", path, form={"VoiceUrl": URL, "FriendlyName": "New"}).json
    fetched = ask(sandbox, "GET", path).json
    assert (updated["voice_url"], fetched["voice_url"], fetched["friendly_name"]) == (
        URL,
        "",
        "New",
    )
    created = ask(
        sandbox, "POST", numbers_path(sandbox), form={"VoiceUrl": URL, "AreaCode": "415"}
    ).json
    assert created["voice_url"] == URL
    assert not ask(sandbox, "GET", numbers_path(sandbox, created["sid"])).json["voice_url"]
    assert ask(sandbox, "POST", path, form={"VoiceUrl": "nonsense"}).status == 400


@pytest.mark.parametrize("name", ["sid", "phone_number"])
def test_number_fault_refuses_both_ways_to_attach(
    sandbox: Sandbox, number: Number, name: str
) -> None:
    trunk = ask(sandbox, "POST", "/v1/Trunks", form={}).json["sid"]
    sandbox.faults.add(f.RefuseAttachment(numbers=(getattr(number, name),)))
    path, other = numbers_path(sandbox, number.sid), sandbox.world.number("+15552000001")
    through_number = ask(sandbox, "POST", path, form={"TrunkSid": trunk})
    through_trunk = ask(
        sandbox, "POST", f"/v1/Trunks/{trunk}/PhoneNumbers", form={"PhoneNumberSid": number.sid}
    )
    assert (through_number.status, through_trunk.status, through_trunk.json["code"]) == (
        400,
        400,
        21245,
    )
    assert number.trunk_sid is None
    assert ask(sandbox, "POST", path, form={"TrunkSid": "", "VoiceUrl": URL}).status == 200
    assert (
        ask(sandbox, "POST", numbers_path(sandbox, other.sid), form={"TrunkSid": trunk}).status
        == 200
    )


def test_read_can_answer_404_for_an_existing_number(
    sandbox: Sandbox, read: Callable[[], int], write: Callable[[], int]
) -> None:
    sandbox.faults.add(f.NotFound(times=1))
    assert ask(sandbox, "GET", numbers_path(sandbox)).status == 200
    assert write() == 200
    assert [read(), read()] == [404, 200]


def test_can_simulate_any_error(sandbox: Sandbox, read: Callable[[], int], number: Number) -> None:
    sandbox.faults.add(
        f.Refuse(
            status=403,
            code=20403,
            message="Forbidden",
            method="write",
            path="*/IncomingPhoneNumbers/*",
        )
    )
    assert read() == 200
    assert ask(sandbox, "POST", "/v1/Trunks", form={}).status == 201
    answer = ask(sandbox, "DELETE", numbers_path(sandbox, number.sid))
    assert (answer.status, answer.json["code"], answer.json["message"]) == (403, 20403, "Forbidden")


def test_refuses_more_concurrent_calls_than_allowed(
    sandbox: Sandbox, read: Callable[[], int]
) -> None:
    sandbox.faults.add(f.Latency(ms=100), f.ConcurrencyLimit(limit=2))
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(read())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) >= 2
    assert statuses.count(429) >= 1
    assert read() == 200


def test_first_of_several_matching_faults_wins(sandbox: Sandbox, read: Callable[[], int]) -> None:
    sandbox.faults.add(f.RateLimit(), f.ServerError())
    assert read() == 429
    assert [call.faults for call in sandbox.calls] == [("rate_limit", "server_error")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("latency:ms=50", f.Latency(ms=50)),
        ("rate_limit:every=10,retry_after=1", f.RateLimit(every=10, retry_after=1)),
        ("server_error:carried_out=true,percent=2.5", f.ServerError(carried_out=True, percent=2.5)),
        ("drop", f.Drop()),
        (
            "drop_fields:fields=VoiceUrl/SmsUrl,times=1",
            f.DropFields(fields=("VoiceUrl", "SmsUrl"), times=1),
        ),
        ("refuse_attachment:numbers=+15552000000", f.RefuseAttachment(numbers=("+15552000000",))),
    ],
)
def test_faults_are_read_from_flags(text: str, fault: f.AnyFault) -> None:
    assert f.parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "earthquake",
        "latency",
        "latency:ms=slow",
        "drop:every=0",
        "drop:often",
        "drop:colour=red",
        "drop:percent=101",
    ],
)
def test_unknown_fault_is_a_clear_error(text: str) -> None:
    with pytest.raises(f.FaultError, match=text):
        f.parse_fault(text)


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "form", "start"),
    [
        (f.HtmlPage, 502, "text/html; charset=utf-8", b"<!DOCTYPE"),
        (f.Problem, 503, "application/problem+json", b'{"type":"https'),
    ],
)
def test_returns_an_unusual_body_and_content_type(
    sandbox: Sandbox,
    number: Number,
    fault: type[f.HtmlPage],
    status: int,
    form: str,
    start: bytes,
    carried_out: bool,
) -> None:
    sandbox.faults.add(fault(carried_out=carried_out, times=1))
    answer = ask(sandbox, "POST", numbers_path(sandbox, number.sid), form={"VoiceUrl": URL})
    assert (answer.status, answer.headers.get_all("Content-Type")) == (status, [form])  # type: ignore[attr-defined]
    assert answer.body.startswith(start)
    assert (number.voice_url == URL) is carried_out


def test_a_page_of_html_may_pretend_to_be_a_success(sandbox: Sandbox, number: Number) -> None:
    sandbox.faults.add(f.HtmlPage(status=200, times=1))
    assert ask(sandbox, "GET", numbers_path(sandbox, number.sid)).body.startswith(
        b"<!DOCTYPE html>"
    )
