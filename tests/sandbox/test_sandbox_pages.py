"""Lists in pages: every row once, in both styles, while rows come and go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, client_of, numbers_path


@pytest.fixture(scope="module")
def crowded() -> Iterator[Sandbox]:
    with Sandbox(World.generate(numbers=2_500)) as sandbox:
        yield sandbox


@pytest.fixture
def crowd(crowded: Sandbox) -> Iterator[Client]:
    with client_of(crowded) as client:
        yield client


@pytest.mark.parametrize("size", [50, 999, 1000])
def test_2500_numbers_are_listed_without_gaps_or_duplicates(
    crowd: Client, crowded: Sandbox, size: int
) -> None:
    crowded.calls.reset()
    sids = [row.sid for row in crowd.incoming_phone_numbers.list(page_size=size)]
    assert len(sids) == len(set(sids)) == 2_500
    assert len(crowded.calls) == -(-2_500 // size)


def test_the_newest_numbers_come_first(crowd: Client) -> None:
    numbers = [row.phone_number for row in crowd.incoming_phone_numbers.list(limit=60)]
    assert numbers == [f"+1555{2_002_499 - place}" for place in range(60)]


def test_filters_stay_in_force_from_page_to_page(crowd: Client) -> None:
    numbers = crowd.incoming_phone_numbers.list(phone_number="+15552001***", page_size=300)
    assert len(numbers) == 1_000


def test_pages_can_be_turned_back(crowded: Sandbox) -> None:
    first = ask(crowded, "GET", numbers_path(crowded) + "?PageSize=100").json
    second = ask(crowded, "GET", crowded.base_url + first["next_page_uri"]).json
    third = ask(crowded, "GET", crowded.base_url + second["next_page_uri"]).json
    back = ask(crowded, "GET", crowded.base_url + third["previous_page_uri"]).json
    assert back["incoming_phone_numbers"] == second["incoming_phone_numbers"]
    assert (second["page"], second["page_size"], second["start"], second["end"]) == (
        1,
        100,
        100,
        199,
    )
    assert first["previous_page_uri"] is None
    assert ask(crowded, "GET", crowded.base_url + third["first_page_uri"]).json["page"] == 0


def test_the_last_page_has_no_next_one(crowded: Sandbox) -> None:
    page = ask(crowded, "GET", numbers_path(crowded) + "?PhoneNumber=%2B15552000000").json
    assert page["next_page_uri"] is None
    assert (page["start"], page["end"]) == (0, 0)


def test_links_are_relative_in_the_old_api_and_absolute_in_the_new_ones() -> None:
    with Sandbox(World.generate()) as sandbox:
        for _ in range(3):
            ask(sandbox, "POST", "/v1/Trunks", form={})
        meta = ask(sandbox, "GET", "/v1/Trunks?PageSize=2").json["meta"]
        assert meta["next_page_url"].startswith(
            f"{sandbox.base_url}/v1/Trunks?PageSize=2&Page=1&PageToken=PATK"
        )
        assert (meta["key"], meta["page"], meta["page_size"], meta["previous_page_url"]) == (
            "trunks",
            0,
            2,
            None,
        )
        rest = ask(sandbox, "GET", meta["next_page_url"]).json
        assert len(rest["trunks"]) == 1
        assert rest["meta"]["next_page_url"] is None
        with client_of(sandbox) as client:
            assert len(client.trunking.v1.trunks.list(page_size=1)) == 3


def test_paging_survives_rows_that_come_and_go(sandbox: Sandbox) -> None:
    page = ask(sandbox, "GET", numbers_path(sandbox) + "?PageSize=5").json
    seen = [row["sid"] for row in page["incoming_phone_numbers"]]
    for sid in seen:
        ask(sandbox, "DELETE", numbers_path(sandbox, sid))
    ask(sandbox, "POST", numbers_path(sandbox), form={"AreaCode": "415"})
    while page["next_page_uri"]:
        page = ask(sandbox, "GET", sandbox.base_url + page["next_page_uri"]).json
        seen += [row["sid"] for row in page["incoming_phone_numbers"]]
    assert len(seen) == len(set(seen)) == 12


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("PageSize=1001", 20007),
        ("PageSize=many", 20001),
        ("Page=3", 21481),
        ("Page=1&PageToken=nonsense", 21481),
    ],
)
def test_refuses_impossible_pages(sandbox: Sandbox, query: str, code: int) -> None:
    answer = ask(sandbox, "GET", f"{numbers_path(sandbox)}?{query}")
    assert (answer.status, answer.json["code"]) == (400, code)


def test_an_empty_list_is_a_page_too() -> None:
    with Sandbox(World.generate()) as sandbox:
        page = ask(sandbox, "GET", numbers_path(sandbox)).json
    assert (page["incoming_phone_numbers"], page["start"], page["end"], page["next_page_uri"]) == (
        [],
        0,
        0,
        None,
    )
