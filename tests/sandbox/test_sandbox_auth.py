"""Credentials: whose they are, what they are worth, and what is said when they are wrong."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from twilio.base.exceptions import TwilioRestException

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import (
    SANDBOX_KEY_SECRET,
    SANDBOX_TOKEN,
    account_sid,
    api_key_sid,
)
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, client_of

ONE, TWO, CHILD = account_sid(1), account_sid(2), account_sid(3)


@pytest.fixture
def family() -> Iterator[Sandbox]:
    """Two accounts, the first of them with a subaccount; three numbers each."""
    with Sandbox(World.generate(numbers=9, accounts=2, subaccounts=1)) as sandbox:
        sandbox.world.extend(
            {"api_keys": [{"sid": "SK" + "5" * 32, "account_sid": ONE, "type": "standard"}]}
        )
        yield sandbox


def numbers_of(account: str) -> str:
    return f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json"


def test_token_grants_access_to_its_account(family: Sandbox) -> None:
    rows = ask(family, "GET", numbers_of(TWO), user=TWO).json["incoming_phone_numbers"]
    assert {row["account_sid"] for row in rows} == {TWO}
    assert len(rows) == 3


def test_a_wrong_token_is_refused_as_twilio_does(family: Sandbox) -> None:
    with client_of(family, ONE, "wrong") as client, pytest.raises(TwilioRestException) as error:
        client.api.v2010.accounts(ONE).fetch()
    assert (error.value.status, error.value.code, error.value.msg) == (
        401,
        20003,
        "Unable to fetch record: Authenticate",
    )


@pytest.mark.parametrize(
    "header", [None, "Bearer x", "Basic !", "Basic bm9jb2xvbg==", "Basic /w=="]
)
def test_no_credentials_are_refused(family: Sandbox, header: str | None) -> None:
    request = urllib.request.Request(
        family.base_url + numbers_of(ONE), headers={"Authorization": header} if header else {}
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    with error.value as answer:
        assert answer.code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_refuses_an_unknown_account(family: Sandbox) -> None:
    assert ask(family, "GET", numbers_of(ONE), user="AC" + "0" * 32).json["code"] == 20003


def test_an_api_key_works_as_its_account(family: Sandbox) -> None:
    with client_of(family, api_key_sid(2), SANDBOX_KEY_SECRET, TWO) as client:
        assert len(client.incoming_phone_numbers.list()) == 3
        assert client.trunking.v1.trunks.create().account_sid == TWO
    assert (
        ask(family, "GET", numbers_of(TWO), user=api_key_sid(2), password=SANDBOX_TOKEN).status
        == 401
    )


def test_token_does_not_open_a_different_account(family: Sandbox) -> None:
    answer = ask(family, "GET", numbers_of(TWO), user=ONE)
    assert (answer.status, answer.json["code"]) == (401, 20003)


def test_unknown_account_is_not_found(family: Sandbox) -> None:
    assert ask(family, "GET", numbers_of("AC" + "0" * 32)).json["code"] == 20404


def test_parent_token_opens_a_subaccount_and_not_vice_versa(family: Sandbox) -> None:
    with client_of(family, ONE, account=CHILD) as client:
        number = client.incoming_phone_numbers.list()[0]
        assert number.update(friendly_name="By the parent").account_sid == CHILD
    [event] = family.world.events
    assert (event.account_sid, event.actor_sid) == (CHILD, ONE)
    assert ask(family, "GET", numbers_of(ONE), user=CHILD).status == 401


def test_number_of_a_different_account_is_not_found(family: Sandbox) -> None:
    foreign = next(family.world.numbers.rows_of(TWO))
    path = numbers_of(ONE).replace(".json", f"/{foreign.sid}.json")
    assert ask(family, "GET", path).json["code"] == 20404


def test_a_standard_key_neither_lists_accounts_nor_opens_subaccounts(family: Sandbox) -> None:
    key = "SK" + "5" * 32
    assert ask(family, "GET", numbers_of(ONE), user=key, password=SANDBOX_KEY_SECRET).status == 200
    assert (
        ask(family, "GET", numbers_of(CHILD), user=key, password=SANDBOX_KEY_SECRET).status == 401
    )
    assert (
        ask(
            family, "GET", "/2010-04-01/Accounts.json", user=key, password=SANDBOX_KEY_SECRET
        ).status
        == 401
    )


def test_an_account_sees_itself_and_its_subaccounts(family: Sandbox) -> None:
    with client_of(family, ONE) as client:
        assert {account.sid for account in client.api.v2010.accounts.list()} == {ONE, CHILD}
        assert [
            account.sid for account in client.api.v2010.accounts.list(friendly_name="Account 0003")
        ] == [CHILD]
        assert client.api.v2010.accounts(CHILD).fetch().owner_account_sid == ONE
    with client_of(family, TWO) as client:
        assert {account.sid for account in client.api.v2010.accounts.list()} == {TWO}


def test_new_subaccount_has_its_own_token(family: Sandbox) -> None:
    with client_of(family, ONE) as client:
        child = client.api.v2010.accounts.create(friendly_name="New")
    assert child.auth_token not in ("", SANDBOX_TOKEN)
    with client_of(family, child.sid, child.auth_token) as client:
        assert client.incoming_phone_numbers.list() == []
        with pytest.raises(TwilioRestException):
            client.api.v2010.accounts.create()


def test_refuses_a_suspended_account(family: Sandbox) -> None:
    with client_of(family, ONE) as client:
        client.api.v2010.accounts(CHILD).update(status="suspended")
        with pytest.raises(TwilioRestException):
            client.api.v2010.accounts(ONE).update(status="suspended")
    answer = ask(family, "GET", numbers_of(CHILD), user=CHILD)
    assert (answer.status, answer.json["code"]) == (401, 20005)


def move(sandbox: Sandbox, *, user: str, owner: str, target: str) -> tuple[int, int]:
    number = next(sandbox.world.numbers.rows_of(owner))
    path = numbers_of(owner).replace(".json", f"/{number.sid}.json")
    answer = ask(sandbox, "POST", path, form={"AccountSid": target}, user=user)
    return answer.status, answer.json.get("code", 0)


def test_only_the_parent_moves_numbers_and_only_within_the_family(family: Sandbox) -> None:
    assert move(family, user=CHILD, owner=CHILD, target=ONE) == (400, 21474)
    assert move(family, user=ONE, owner=ONE, target=TWO) == (400, 21473)
    assert move(family, user=ONE, owner=ONE, target="AC" + "0" * 32) == (400, 21471)
    assert move(family, user=ONE, owner=ONE, target=CHILD) == (200, 0)
    rows = ask(family, "GET", numbers_of(CHILD)).json["incoming_phone_numbers"]
    assert len(rows) == 4
    assert all(row["uri"].startswith(f"/2010-04-01/Accounts/{CHILD}/") for row in rows)
    family.world.accounts.change(
        family.world.accounts.get(CHILD) or family.world.account, {"status": "closed"}
    )
    assert move(family, user=ONE, owner=ONE, target=CHILD) == (400, 21472)
