"""The listing of subaccounts: every page, every status, nothing of another account, and no token."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import RemoteError
from reconciler.model.subaccount import Subaccount
from reconciler.remote.queries import subaccounts
from reconciler.remote.queries.subaccounts import LONGEST_NAME, read_subaccounts
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import SID, Answer, Server

ONE, TWO = "AC" + "1" * 32, "AC" + "2" * 32
PLANTED = "pl4nted-token"
PATH = "/2010-04-01/Accounts.json"


def row(sid: str = ONE, **fields: Any) -> dict[str, Any]:
    base = {"sid": sid, "friendly_name": "Acme", "status": "active", "owner_account_sid": SID}
    return {**base, "auth_token": PLANTED, **fields}


def page(*rows: dict[str, Any], link: str | None = None) -> Answer:
    return Answer(body={"accounts": list(rows), "next_page_uri": link})


def test_returns_every_status_on_every_page_without_the_account_itself(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(
        page(row(SID), row(), link=f"{PATH}?Page=1"),
        page(row(), row(TWO.lower().replace("ac", "AC"), friendly_name=None, status="closed")),
    )
    found = read_subaccounts(gateway)
    assert found == [Subaccount(ONE, "Acme", "active"), Subaccount(TWO, "", "closed")]
    assert PLANTED not in repr(found)
    assert [seen.path for seen in server.seen] == [PATH, PATH]
    assert server.seen[0].query == {"PageSize": "1000"}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"owner_account_sid": TWO}, "twilio_wrong_account"),
        ({"sid": "PN" + "1" * 32}, "inconsistent_listing"),
        ({"sid": "AC1"}, "inconsistent_listing"),
        ({"status": None}, "inconsistent_listing"),
        ({"friendly_name": {"a": 1}}, "inconsistent_listing"),
        ({"friendly_name": "x" * (LONGEST_NAME + 1)}, "inconsistent_listing"),
    ],
)
def test_a_row_that_cannot_be_relied_on_is_an_error(
    gateway: TwilioGateway, server: Server, bad: dict[str, Any], code: str
) -> None:
    server.answers(page(row(TWO), row(**bad)))
    with pytest.raises(RemoteError) as caught:
        read_subaccounts(gateway)
    assert caught.value.code == code
    assert PLANTED not in str(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (page(row(), link=f"{PATH}?PageSize=1000"), "endless_listing"),
        (Answer(status=401, body={"code": 20003, "message": "no"}), "twilio_auth_failed"),
        (Answer(status=403, body={"code": 20403, "message": "no"}), "twilio_refused"),
        (Answer(body={"accounts": None}), "unexpected_answer"),
    ],
)
def test_a_listing_that_fails_is_no_empty_listing(
    gateway: TwilioGateway, server: Server, answer: Answer, code: str
) -> None:
    server.answers(answer)
    with pytest.raises(RemoteError) as caught:
        read_subaccounts(gateway)
    assert caught.value.code == code


def test_more_subaccounts_than_stacks_are_an_error(
    gateway: TwilioGateway, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subaccounts, "MOST_SUBACCOUNTS", 1)
    server.answers(page(row(SID), row()))
    assert len(read_subaccounts(gateway)) == 1
    server.answers(page(row(SID), row(), row(TWO)))
    with pytest.raises(RemoteError) as caught:
        read_subaccounts(gateway)
    assert caught.value.code == "endless_listing"


def test_a_refusal_names_the_key_that_may_list(gateway: TwilioGateway, server: Server) -> None:
    server.answers(Answer(status=401, body={"code": 20003, "message": "no"}))
    with pytest.raises(RemoteError) as caught:
        read_subaccounts(gateway)
    assert "main API key" in caught.value.diagnostics[0].detail
