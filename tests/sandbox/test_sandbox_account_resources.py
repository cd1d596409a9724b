"""Addresses, keys, balance, calls and messages over Twilio's own client."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from tests.support.sandbox_client import ask

OTHER = "+15559990000"
ADDRESS = {
    "customer_name": "Example Ltd",
    "street": "1 Main Street",
    "city": "London",
    "region": "London",
    "postal_code": "N1 1AA",
    "iso_country": "GB",
}


def refused(call: object, **params: object) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as error:
        call(**params)  # type: ignore[operator]
    return error.value.status, int(error.value.code)


def test_an_address_is_made_found_changed_and_deleted(client: Client, number: Number) -> None:
    made = client.addresses.create(**ADDRESS, friendly_name="Office")
    assert made.sid.startswith("AD")
    assert [row.sid for row in client.addresses.list(iso_country="GB")] == [made.sid]
    assert client.addresses.list(iso_country="US") == []
    assert client.addresses(made.sid).update(city="Leeds").city == "Leeds"

    client.incoming_phone_numbers(number.sid).update(address_sid=made.sid)
    users = client.addresses(made.sid).dependent_phone_numbers.list()
    assert [row.phone_number for row in users] == [number.phone_number]

    assert client.addresses(made.sid).delete()
    assert refused(client.addresses(made.sid).fetch) == (404, 20404)


def test_an_address_needs_all_its_parts(client: Client) -> None:
    assert refused(client.addresses.create, **{**ADDRESS, "city": ""}) == (400, 20001)


def test_a_key_shows_its_secret_once_and_signs_in(client: Client, sandbox: Sandbox) -> None:
    made = client.new_keys.create(friendly_name="CI")
    assert made.secret
    row = client.keys(made.sid).fetch()
    assert (row.friendly_name, hasattr(row, "secret")) == ("CI", False)
    assert made.sid in {key.sid for key in client.keys.list()}

    account = client.account_sid
    path = f"/2010-04-01/Accounts/{account}"
    for part, status in (("/IncomingPhoneNumbers.json", 200), ("/Keys.json", 401)):
        got = ask(sandbox, "GET", path + part, user=made.sid, password=made.secret)
        assert got.status == status, "a standard key has no access to keys"

    assert client.keys(made.sid).update(friendly_name="Old").friendly_name == "Old"
    assert client.keys(made.sid).delete()
    assert refused(client.keys(made.sid).fetch) == (404, 20404)


def test_an_account_has_a_balance(client: Client) -> None:
    balance = client.balance.fetch()
    assert (balance.account_sid, balance.currency) == (client.account_sid, "USD")
    assert float(balance.balance) > 0


def test_a_call_is_made_ended_and_deleted(client: Client, number: Number) -> None:
    url = "https://agents.example.com/voice"
    made = client.calls.create(to=OTHER, from_=number.phone_number, url=url)
    assert (made.status, made.direction, made.start_time) == ("queued", "outbound-api", None)
    assert made.phone_number_sid == number.sid
    assert [row.sid for row in client.calls.list(to=OTHER)] == [made.sid]
    assert client.calls(made.sid).update(status="canceled").status == "canceled"
    assert refused(client.calls(made.sid).update, status="completed") == (400, 21220)
    assert client.calls(made.sid).delete()
    assert client.calls.list(to=OTHER) == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": "", "from_": OTHER, "url": "https://x.example.com"}, 21201),
        ({"to": OTHER, "from_": OTHER, "url": "https://x.example.com"}, 21210),
        ({"to": OTHER, "from_": OTHER}, 21205),
    ],
)
def test_refuses_a_call_as_twilio_does(client: Client, params: dict[str, str], code: int) -> None:
    assert refused(client.calls.create, **params) == (400, code)


def test_a_message_is_sent_redacted_and_deleted(client: Client, number: Number) -> None:
    made = client.messages.create(to=OTHER, from_=number.phone_number, body="x" * 200)
    assert (made.status, made.num_segments, made.direction) == ("queued", "2", "outbound-api")
    assert [row.sid for row in client.messages.list(to=OTHER)] == [made.sid]
    assert client.messages(made.sid).update(body="").body == ""
    assert client.messages(made.sid).delete()
    assert client.messages.list() == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": "", "from_": OTHER, "body": "x"}, 21604),
        ({"to": "5550", "from_": OTHER, "body": "x"}, 21211),
        ({"to": OTHER, "body": "x"}, 21603),
        ({"to": OTHER, "from_": OTHER}, 21602),
        ({"to": OTHER, "from_": OTHER, "body": "x"}, 21606),
    ],
)
def test_refuses_a_message_as_twilio_does(
    client: Client, params: dict[str, str], code: int
) -> None:
    assert refused(client.messages.create, **params) == (400, code)


def test_numbers_are_listed_and_bought_by_type(client: Client) -> None:
    numbers = client.incoming_phone_numbers
    bought = numbers.toll_free.create(phone_number="+18005550190")
    assert [row.sid for row in numbers.toll_free.list()] == [bought.sid]
    assert bought.sid not in {row.sid for row in numbers.local.list()}
    assert len(numbers.local.list()) == len(numbers.list()) - 1
    assert numbers.mobile.list() == []
    assert refused(numbers.mobile.create, phone_number="+18005550191") == (400, 21422)
    assert refused(numbers.local.create, phone_number="") == (400, 20001)


def test_buying_an_owned_number_updates_it(client: Client, number: Number) -> None:
    """Twilio answers 201 with the same SID; nothing is bought."""
    url = "https://agents.example.com/voice"
    count = len(client.incoming_phone_numbers.list())
    again = client.incoming_phone_numbers.create(phone_number=number.phone_number, voice_url=url)
    assert (again.sid, again.voice_url, again.status) == (number.sid, url, "in-use")
    assert len(client.incoming_phone_numbers.list()) == count


def test_a_british_number_is_sold_with_a_bundle_only(client: Client) -> None:
    for kind in (client.incoming_phone_numbers, client.incoming_phone_numbers.mobile):
        assert refused(kind.create, phone_number="+447700900001") == (400, 21649)
    bought = client.incoming_phone_numbers.mobile.create(
        phone_number="+447700900001", bundle_sid="BU" + "1" * 32
    )
    assert bought.bundle_sid == "BU" + "1" * 32
