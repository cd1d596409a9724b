from __future__ import annotations

import threading
from typing import Any

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.remote.twilio.gateway import TwilioGateway
from reconciler.remote.twilio.paging import PagePrefetch
from tests.support.scripted_server import (
    SID,
    Answer,
    Drop,
    Seen,
    Server,
    error,
    eventually,
    number,
    number_page,
)

from .conftest import Connect

NUMBERS = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json"
TRUNKS = Endpoint("GET", "trunking", "/v1/Trunks", items="trunks")


def numbers_served(server: Server, pages: list[list[dict[str, Any]]], prefix: str = "") -> None:
    def script(seen: Seen) -> Answer:
        index = int(seen.query.get("Page", 0))
        last = index == len(pages) - 1
        link = (
            None
            if last
            else f"{prefix}{NUMBERS}?PageSize=1000&Page={index + 1}&PageToken=PAPN{index + 1}"
        )
        return number_page(pages[index], link)

    server.behaves(script)


def trunk_page(rows: list[dict[str, Any]], following: str | None) -> Answer:
    return Answer(
        body={"meta": {"key": "trunks", "next_page_url": following, "page": 0}, "trunks": rows}
    )


def page_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reconciler-pages"]


def test_numbers_come_in_whole_pages(gateway: TwilioGateway, server: Server) -> None:
    numbers_served(server, [[number(1), number(2)], [number(3)], []])
    pages = list(gateway.number_pages())
    assert [[row.phone_number for row in page] for page in pages] == [
        ["+15550000001", "+15550000002"],
        ["+15550000003"],
        [],
    ]
    assert [(seen.path, seen.query) for seen in server.seen] == [
        (NUMBERS, {"PageSize": "1000"}),
        (NUMBERS, {"PageSize": "1000", "Page": "1", "PageToken": "PAPN1"}),
        (NUMBERS, {"PageSize": "1000", "Page": "2", "PageToken": "PAPN2"}),
    ]


def test_missing_and_unknown_fields_are_fine(gateway: TwilioGateway, server: Server) -> None:
    numbers_served(
        server, [[{"sid": "PN1", "phone_number": "+1555", "voice_url": None, "new": {"x": [1]}}]]
    )
    [[row]] = gateway.number_pages()
    assert (row.sid, row.voice_url, row.sms_url, row.trunk_sid) == ("PN1", None, None, None)


def test_yields_a_number_that_shifts_to_the_next_page_once(
    gateway: TwilioGateway, server: Server
) -> None:
    numbers_served(server, [[number(1), number(2)], [number(2), number(3), number(3)]])
    assert [[row.phone_number[-1] for row in page] for page in gateway.number_pages()] == [
        ["1", "2"],
        ["3"],
    ]


def test_an_account_without_numbers_has_one_empty_page(
    gateway: TwilioGateway, server: Server
) -> None:
    numbers_served(server, [[]])
    assert list(gateway.number_pages()) == [[]]


@pytest.mark.parametrize(
    "bad", [error(503), error(429, 20429), Drop(), Answer(body=b'{"incoming_phone_numbers": [')]
)
def test_failed_page_costs_one_more_request(
    gateway: TwilioGateway, server: Server, bad: Answer | Drop
) -> None:
    link = f"{NUMBERS}?Page=1&PageToken=PA"
    server.answers(number_page([number(1)], link), bad, number_page([number(2)]))
    assert [len(page) for page in gateway.number_pages()] == [1, 1]
    assert [seen.query.get("Page") for seen in server.seen] == [None, "1", "1"]


@pytest.mark.parametrize(
    "body", [{"ok": True}, {"incoming_phone_numbers": [{"sid": 1}]}, [], "hello"]
)
def test_json_without_a_page_is_an_unexpected_answer(
    gateway: TwilioGateway, server: Server, body: object
) -> None:
    server.answers(Answer(body=body))
    with pytest.raises(RemoteError) as caught:
        list(gateway.number_pages())
    assert caught.value.code == "unexpected_answer"


def test_circular_pages_are_an_error(gateway: TwilioGateway, server: Server) -> None:
    server.answers(number_page([number(1)], f"{NUMBERS}?Page=1"))
    with pytest.raises(RemoteError, match="circle"):
        list(gateway.number_pages())
    assert len(server.seen) == 2


def test_invalid_link_is_an_error_and_not_the_end(gateway: TwilioGateway, server: Server) -> None:
    server.answers(number_page([number(1)], "?Page=1"))
    with pytest.raises(RemoteError, match="unexpected_answer"):
        list(gateway.number_pages())


def test_pages_are_fetched_ahead_of_the_caller_from_the_very_beginning(
    gateway: TwilioGateway, server: Server
) -> None:
    numbers_served(server, [[number(index)] for index in range(8)])
    pages = gateway.number_pages()
    for taken in range(4):
        eventually(lambda taken=taken: len(server.seen) == taken + PagePrefetch.DEPTH)  # type: ignore[misc]
        next(pages)
    assert len(list(pages)) == 4
    assert len(server.seen) == 8


def test_a_caller_that_stops_early_leaves_no_thread_and_few_requests(
    gateway: TwilioGateway, server: Server
) -> None:
    numbers_served(server, [[number(index)] for index in range(50)])
    for page in gateway.number_pages():
        assert len(page) == 1
        break
    assert not page_threads()
    assert len(server.seen) <= PagePrefetch.DEPTH + 2


def test_caller_that_reads_nothing_leaves_no_thread_after_close(
    gateway: TwilioGateway, server: Server
) -> None:
    numbers_served(server, [[number(index)] for index in range(50)])
    gateway.number_pages()
    gateway.close()
    assert not page_threads()


def test_yields_earlier_pages_before_the_error_of_a_later_one(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(number_page([number(1)], f"{NUMBERS}?Page=1"), error(400, 20007, "bad page"))
    pages = gateway.number_pages()
    assert len(next(pages)) == 1
    with pytest.raises(RemoteError, match="bad page"):
        next(pages)
    assert not page_threads()


def test_two_listings_do_not_disturb_each_other(gateway: TwilioGateway, server: Server) -> None:
    numbers_served(server, [[number(index)] for index in range(3)])
    both = list(zip(gateway.number_pages(), gateway.number_pages(), strict=True))
    assert [(a[0].sid, b[0].sid) for a, b in both] == [(number(i)["sid"],) * 2 for i in range(3)]


def test_a_base_url_may_have_a_path(connected: Connect, server: Server) -> None:
    numbers_served(server, [[number(1)], [number(2)]])
    assert len(list(connected(server.url + "/twilio/").number_pages())) == 2
    assert {seen.path for seen in server.seen} == {"/twilio" + NUMBERS}


def test_does_not_repeat_a_path_that_a_link_already_has(connected: Connect, server: Server) -> None:
    numbers_served(server, [[number(1)], [number(2)]], prefix="/twilio")
    assert len(list(connected(server.url + "/twilio").number_pages())) == 2
    assert {seen.path for seen in server.seen} == {"/twilio" + NUMBERS}


@pytest.mark.parametrize(
    "link",
    [
        "https://trunking.twilio.com/v1/Trunks?PageSize=1000&Page=1",
        "/v1/Trunks?PageSize=1000&Page=1",
        "http://127.0.0.1:1/sandbox/v1/Trunks?PageSize=1000&Page=1",
        "http://localhost:8010/v1/Trunks?PageSize=1000&Page=1",
    ],
)
def test_absolute_links_are_followed_on_the_base_url_only(
    connected: Connect, server: Server, link: str
) -> None:
    server.answers(trunk_page([{"sid": "TK1"}], link), trunk_page([{"sid": "TK2"}], None))
    assert connected(server.url + "/sandbox").rows(TRUNKS) == [{"sid": "TK1"}, {"sid": "TK2"}]
    assert {seen.path for seen in server.seen} == {"/sandbox/v1/Trunks"}
    assert server.seen[1].query == {"PageSize": "1000", "Page": "1"}


def test_rows_of_the_older_style_follow_their_links_as_well(
    gateway: TwilioGateway, server: Server
) -> None:
    endpoint = Endpoint(
        "GET", "api", "/2010-04-01/Accounts/{account_sid}/Applications.json", items="applications"
    )
    link = f"/2010-04-01/Accounts/{SID}/Applications.json?Page=1"
    server.answers(
        Answer(body={"applications": [{"sid": "AP1"}], "next_page_uri": link}),
        Answer(body={"applications": [{"sid": "AP1"}, {"sid": "AP2"}], "next_page_uri": None}),
    )
    assert gateway.rows(endpoint) == [{"sid": "AP1"}, {"sid": "AP2"}]


def test_rows_fill_the_path(gateway: TwilioGateway, server: Server) -> None:
    endpoint = Endpoint(
        "GET", "trunking", "/v1/Trunks/{parent_sid}/OriginationUrls", items="origination_urls"
    )
    server.answers(Answer(body={"meta": {"next_page_url": None}, "origination_urls": []}))
    assert gateway.rows(endpoint, parent_sid="TK1") == []
    assert server.seen[0].path == "/v1/Trunks/TK1/OriginationUrls"


def test_keeps_all_rows_without_a_sid(gateway: TwilioGateway, server: Server) -> None:
    server.answers(trunk_page([{"name": "a"}, {"name": "a"}], None))
    assert gateway.rows(TRUNKS) == [{"name": "a"}, {"name": "a"}]


def test_page_may_name_its_own_rows_key(gateway: TwilioGateway, server: Server) -> None:
    server.answers(trunk_page([{"sid": "TK1"}], None))
    assert gateway.rows(Endpoint("GET", "trunking", "/v1/Trunks")) == [{"sid": "TK1"}]


def test_a_listing_without_rows_is_an_unexpected_answer(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(Answer(body={"meta": {"key": "trunks"}}))
    with pytest.raises(RemoteError, match="unexpected_answer"):
        gateway.rows(TRUNKS)


def test_finds_a_number_by_exact_match(gateway: TwilioGateway, server: Server) -> None:
    server.answers(number_page([number(1), number(2, phone_number="+155500000010")]))
    assert [row.sid for row in gateway.find_numbers("+15550000001")] == [number(1)["sid"]]
    assert server.seen[0].query["PhoneNumber"] == "+15550000001"


def test_does_not_find_a_missing_number(gateway: TwilioGateway, server: Server) -> None:
    server.answers(number_page([]))
    assert gateway.find_numbers("+15550000001") == []
