"""One call under the retry rules, against a real server."""

from __future__ import annotations

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.number import FETCH, UPDATE
from reconciler.remote.facts import inbound_regions, messaging_services
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.queries.observe import fetch_number
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import (
    SID,
    Answer,
    Drop,
    FakeClock,
    Server,
    error,
    eventually,
    number,
)

from .conftest import Connect

CREATE = Endpoint("POST", "trunking", "/v1/Trunks", idempotent=False)
DELETE = Endpoint("DELETE", "trunking", "/v1/Trunks/{sid}")
PN = "PN" + "0" * 32
HTML = Answer(
    body=b"<html>log in here</html>", headers={"Content-Type": "text/html; charset=utf-8"}
)


def test_parameters_go_into_the_form_of_a_post(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(body={"sid": PN}))
    params = {
        "VoiceUrl": "",
        "Secure": True,
        "Enabled": False,
        "Weight": 10,
        "FriendlyName": "ä & b",
        "Left": None,
    }
    assert gateway.call(UPDATE, params, sid=PN) == {"sid": PN}
    [seen] = server.seen
    assert (seen.method, seen.path) == (
        "POST",
        f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers/{PN}.json",
    )
    assert seen.form == {
        "VoiceUrl": "",
        "Secure": "true",
        "Enabled": "false",
        "Weight": "10",
        "FriendlyName": "ä & b",
    }
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_parameters_go_into_the_query_of_a_get(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(body={"a": 1}))
    gateway.call(FETCH, {"PhoneNumber": "+1555"}, sid=PN)
    assert server.seen[0].query == {"PhoneNumber": "+1555"}
    assert server.seen[0].body == ""


def test_a_path_cannot_be_broken_out_of(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(body={}))
    gateway.call(FETCH, sid="../x?y#z")
    assert server.seen[0].path.endswith("/IncomingPhoneNumbers/..%2Fx%3Fy%23z.json")


def test_an_empty_body_is_an_empty_reply(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(204, None))
    assert gateway.call(DELETE, sid="TK1") == {}


@pytest.mark.parametrize(
    "bad", [error(429, 20429), error(503), Drop(), Answer(body={"a": 1}, cut=3)]
)
def test_retries_an_update_until_it_is_answered(
    gateway: TwilioGateway, server: Server, bad: Answer
) -> None:
    server.answers(bad, bad, Answer(body={"sid": PN}))
    assert gateway.call(UPDATE, {"VoiceUrl": "https://a"}, sid=PN) == {"sid": PN}
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    "bad",
    [
        Answer(body={"a": "x" * 300_000}, cut=100_000),
        Answer(body={"a": "x" * 300_000}, cut=100_000, chunked=True),
        Answer(body=b'{"a": [1, 2', headers={}),
        Answer(body=b"[1]"),
        Answer(body=b"\xff\xfe"),
        Answer(body={}, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_requests_a_damaged_body_again(gateway: TwilioGateway, server: Server, bad: Answer) -> None:
    server.answers(bad, Answer(body={"fine": True}))
    assert gateway.call(FETCH, sid=PN) == {"fine": True}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (error(500), "twilio_unavailable"),
        (Answer(502, b"<html>bad gateway"), "twilio_unavailable"),
        (Drop(), "network_error"),
        (Answer(201, {"a": 1}, cut=3), "network_error"),
        (HTML, "unexpected_answer"),
        (Answer(201, b"{"), "unexpected_answer"),
    ],
)
def test_never_repeats_a_create_that_may_have_been_executed(
    gateway: TwilioGateway, server: Server, bad: Answer, code: str
) -> None:
    server.answers(bad)
    with pytest.raises(RemoteError) as caught:
        gateway.call(CREATE, {"FriendlyName": "edge"})
    assert len(server.seen) == 1
    assert caught.value.ambiguous
    assert caught.value.code == code
    assert "may have been carried out" in caught.value.diagnostics[0].detail


def test_resends_a_rate_limited_create(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(429, 20429), error(429, 20429), Answer(201, {"sid": "TK1"}))
    assert gateway.call(CREATE, {"FriendlyName": "edge"}) == {"sid": "TK1"}
    assert len(server.seen) == 3


def test_refused_create_is_not_ambiguous(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(400, 21248, "domain taken"))
    with pytest.raises(RemoteError) as caught:
        gateway.call(CREATE, {"FriendlyName": "edge"})
    assert not caught.value.ambiguous
    assert "up to 30 days" in caught.value.diagnostics[0].detail, (
        "a domain of our own that was deleted is taken too"
    )


def test_gives_up_after_twelve_attempts(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.answers(error(429, 20429, "Too Many Requests"))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (len(server.seen), len(clock.pauses)) == (12, 11)
    assert (caught.value.code, caught.value.status, caught.value.vendor_code) == (
        "rate_limited",
        429,
        20429,
    )
    assert "(12 attempts)" in caught.value.diagnostics[0].detail


def test_failed_update_after_network_trouble_is_ambiguous(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Drop(), error(400, 21402, "bad URL"))
    with pytest.raises(RemoteError) as caught:
        gateway.call(UPDATE, {"VoiceUrl": "x"}, sid=PN)
    assert caught.value.ambiguous
    assert caught.value.code == "twilio_refused"


def test_waits_as_long_as_the_server_requests(
    gateway: TwilioGateway, server: Server, clock: FakeClock
) -> None:
    server.answers(
        error(429, 20429, Retry_After="7"), error(503, Retry_After="500"), Answer(body={})
    )
    gateway.call(FETCH, sid=PN)
    assert clock.pauses == [7.0, 20.0]


def test_otherwise_waits_grow(gateway: TwilioGateway, server: Server, clock: FakeClock) -> None:
    server.answers(error(503), error(503), error(503), Answer(body={}))
    gateway.call(FETCH, sid=PN)
    assert clock.pauses == pytest.approx([0.05, 0.1, 0.2])


def test_a_spurious_404_is_not_believed(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(404, 20404), Answer(body={"sid": PN}))
    assert gateway.call(FETCH, sid=PN) == {"sid": PN}


def test_a_second_404_is_believed(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(404, 20404, "not found"))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert len(server.seen) == 2
    assert (caught.value.code, caught.value.status) == ("not_found", 404)


def test_delete_with_a_lost_answer_counts_as_deleted(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Drop(), error(404, 20404))
    assert gateway.call(DELETE, sid="TK1") == {}


def test_deleting_an_unknown_resource_is_an_error(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(404, 20404))
    with pytest.raises(RemoteError) as caught:
        gateway.call(DELETE, sid="TK1")
    assert len(server.seen) == 1
    assert not caught.value.ambiguous


def test_foreign_404_does_not_count_as_an_answer_of_twilio(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Answer(404, b"<html>nginx", {"Content-Type": "text/html"}))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (caught.value.code, caught.value.status) == ("unexpected_answer", 0)
    assert "nginx" not in str(caught.value)


@pytest.mark.parametrize(
    "missing", [error(404, 20404), Answer(404, b"<html>", {"Content-Type": "text/html"})]
)
def test_requests_an_optional_endpoint_once(
    gateway: TwilioGateway, server: Server, missing: Answer
) -> None:
    server.answers(missing)
    with pytest.raises(RemoteError) as caught:
        gateway.call(inbound_regions.FETCH_NUMBER, number="+15550100101")
    assert (caught.value.status, len(server.seen)) == (404, 1)
    with pytest.raises(RemoteError) as caught:
        gateway.rows(messaging_services.SERVICES)
    assert (caught.value.status, len(server.seen)) == (404, 2)


def test_a_redirect_is_not_followed(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(302, None, {"Location": "http://elsewhere.example.com/"}))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (caught.value.code, len(server.seen)) == ("unexpected_answer", 1)


def test_wrong_credentials_are_tried_once(gateway: TwilioGateway, server: Server) -> None:
    server.answers(error(401, 20003, "Authenticate"))
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert (caught.value.code, caught.value.request_id, len(server.seen)) == (
        "twilio_auth_failed",
        "RQ1",
        1,
    )


def test_reuses_connections(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(body={"a": 1}))
    for _ in range(5):
        gateway.call(FETCH, sid=PN)
    [pool] = gateway._caller._client.http_client._pool._pools.values()
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_reports_every_attempt_without_parameters(connected: Connect, server: Server) -> None:
    records: list[CallRecord] = []
    gateway = connected(server.url, on_call=records.append)
    server.answers(error(503), Drop(), Answer(body={}))
    gateway.call(FETCH, {"PhoneNumber": "+15550001111"}, sid=PN)
    assert [(r.attempt, r.status, r.request_id) for r in records] == [
        (1, 503, "RQ1"),
        (2, 0, None),
        (3, 200, "RQ1"),
    ]
    assert {(r.account, r.method, r.path) for r in records} == {
        ("main", "GET", server.seen[0].path)
    }
    assert "5550001111" not in repr(records)


def test_closing_leaves_no_connection_open_even_after_trouble(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Answer(body={"a": 1}, cut=3), Drop(), HTML, Answer(body={"a": 1}))
    gateway.call(FETCH, sid=PN)
    gateway.close()
    eventually(lambda: not server.connections)
    with pytest.raises(RemoteError, match="interrupted"):
        gateway.call(FETCH, sid=PN)
    gateway.close()


PROBLEM = {
    "type": "https://www.twilio.com/docs/errors/21245",
    "title": "Invalid trunk",
    "status": 400,
    "code": 21245,
    "detail": "The domain is not one",
    "errors": [{"pointer": "#/domain_name", "detail": "must end with pstn.twilio.com"}],
}


def test_reports_an_rfc_9457_problem_in_full(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(400, PROBLEM, {"Content-Type": "application/problem+json"}))
    with pytest.raises(RemoteError) as caught:
        gateway.call(CREATE, {"DomainName": "acme"})
    detail = caught.value.diagnostics[0].detail
    assert (caught.value.status, caught.value.vendor_code, caught.value.ambiguous) == (
        400,
        21245,
        False,
    )
    for words in (
        "Invalid trunk: The domain is not one",
        "#/domain_name: must end with",
        "docs/errors/21245",
    ):
        assert words in detail


def test_retries_after_a_proxy_page_and_reports_it_without_html(
    gateway: TwilioGateway, server: Server
) -> None:
    page = Answer(502, b"<html><h1>Bad gateway</h1></html>", {"Content-Type": "text/html"})
    server.answers(page, page, page, Answer(body={"fine": True}))
    assert gateway.call(FETCH, sid=PN) == {"fine": True}
    server.answers(page)
    with pytest.raises(RemoteError) as caught:
        gateway.call(FETCH, sid=PN)
    assert caught.value.code == "twilio_unavailable"
    assert "<" not in caught.value.diagnostics[0].detail


def test_spurious_404_does_not_make_a_number_missing(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(error(404, 20404), Answer(body=number(1, sid=PN)))
    found = fetch_number(gateway, PN)
    assert found is not None
    assert found.sid == PN
    server.answers(error(404, 20404))
    assert fetch_number(gateway, PN) is None
    assert len(server.seen) == 4


def test_reports_each_wait_before_it_begins(
    server: Server, connected: Connect, clock: FakeClock
) -> None:
    waits: list[Wait] = []
    gateway = connected(server.url, on_wait=waits.append)
    clock.on_pause = lambda: told.append(len(waits))
    told: list[int] = []
    server.answers(
        error(429, 20429, **{"Retry-After": "600"}), error(503), Drop(), Answer(body={"sid": PN})
    )
    gateway.call(UPDATE, {"VoiceUrl": "https://user:password@a.example.com"}, sid=PN)
    assert told == [1, 2, 3]
    assert [(w.attempt, w.attempts, w.status) for w in waits] == [
        (2, 12, 429),
        (3, 12, 503),
        (4, 12, 0),
    ]
    assert [w.seconds for w in waits] == clock.pauses
    assert [w.before for w in waits] == [0.0, clock.pauses[0], clock.pauses[0] + clock.pauses[1]]
    assert waits[0].seconds == 20.0, "no longer, whatever is asked for"
    assert "password" not in repr(waits)
