"""Twilio's Python client drives the sandbox through every route that it serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from tests.support.sandbox_client import client_of

from .client_routes import COUNTRY, OWNED, client_world, twilio_routes, used_routes

URL, OTHER_URL = "https://agents.example.com/voice", "https://agents.example.com/other"
PASSWORD = "Correct-Horse-1"
ADDRESS = {
    "customer_name": "Example Ltd",
    "street": "1 High Street",
    "city": "London",
    "region": "London",
    "postal_code": "SW1A 1AA",
    "iso_country": "GB",
}


def use_account(client: Client) -> None:
    api = client.api.v2010
    child = api.accounts.create(friendly_name="child")
    assert child.sid in [account.sid for account in api.accounts.list()]
    assert api.accounts(child.sid).update(friendly_name="renamed").friendly_name == "renamed"
    assert api.accounts(child.sid).fetch().owner_account_sid == client.account_sid
    assert api.account.balance.fetch().currency == "USD"

    key = api.account.new_keys.create(friendly_name="ci")
    assert key.secret
    assert key.sid in [row.sid for row in api.account.keys.list()]
    assert api.account.keys(key.sid).update(friendly_name="two").friendly_name == "two"
    assert api.account.keys(key.sid).fetch().friendly_name == "two"
    assert api.account.keys(key.sid).delete()


def use_addresses(client: Client) -> None:
    address = client.addresses.create(**ADDRESS)
    number = client.incoming_phone_numbers.list(phone_number=OWNED)[0]
    number.update(address_sid=address.sid)
    one = client.addresses(address.sid)
    assert [row.phone_number for row in one.dependent_phone_numbers.list()] == [OWNED]
    number.update(address_sid="")
    assert one.update(city="Leeds").city == "Leeds"
    assert one.fetch().customer_name == "Example Ltd"
    assert [row.sid for row in client.addresses.list()] == [address.sid]
    assert one.delete()


def use_numbers(client: Client) -> None:
    owned = client.incoming_phone_numbers
    (row,) = owned.list(phone_number=OWNED)
    assert owned(row.sid).update(voice_url=URL).voice_url == URL
    assert owned(row.sid).fetch().voice_url == URL
    assert len(owned.list()) == len(owned.local.list()) == 12
    assert owned.mobile.list() == owned.toll_free.list() == []

    countries = client.available_phone_numbers
    assert COUNTRY in [country.country_code for country in countries.list()]
    assert countries(COUNTRY).fetch().country_code == COUNTRY
    offered = {
        "": countries(COUNTRY).local.list(limit=2),
        "local": countries(COUNTRY).local.list(limit=3)[2:],
        "toll_free": countries(COUNTRY).toll_free.list(limit=1),
        "mobile": countries("GB").mobile.list(limit=1),
    }
    for kind, offers in offered.items():
        assert offers, kind
        lists: Any = getattr(owned, kind) if kind else owned
        documents = {"bundle_sid": "BU" + "1" * 32} if kind == "mobile" else {}
        bought = lists.create(phone_number=offers[0].phone_number, **documents)
        assert bought.phone_number == offers[0].phone_number
        assert owned(bought.sid).delete()


def use_applications(client: Client) -> None:
    made = client.applications.create(friendly_name="menu", voice_url=URL)
    one = client.applications(made.sid)
    assert one.update(voice_url=OTHER_URL).voice_url == OTHER_URL
    assert one.fetch().friendly_name == "menu"
    assert [row.sid for row in client.applications.list()] == [made.sid]
    assert one.delete()


def use_sip_lists(client: Client) -> None:
    users = client.sip.credential_lists.create(friendly_name="pbx")
    one = client.sip.credential_lists(users.sid)
    assert one.update(friendly_name="office").friendly_name == "office"
    assert one.fetch().friendly_name == "office"
    assert users.sid in [row.sid for row in client.sip.credential_lists.list()]
    user = one.credentials.create(username="pbx", password=PASSWORD)
    assert one.credentials(user.sid).update(password=f"{PASSWORD}2").username == "pbx"
    assert one.credentials(user.sid).fetch().username == "pbx"
    assert [row.sid for row in one.credentials.list()] == [user.sid]
    assert one.credentials(user.sid).delete()
    assert one.delete()

    networks = client.sip.ip_access_control_lists.create(friendly_name="offices")
    of_list = client.sip.ip_access_control_lists(networks.sid)
    assert of_list.update(friendly_name="sites").friendly_name == "sites"
    assert of_list.fetch().friendly_name == "sites"
    assert networks.sid in [row.sid for row in client.sip.ip_access_control_lists.list()]
    address = of_list.ip_addresses.create(friendly_name="hq", ip_address="203.0.113.1")
    assert of_list.ip_addresses(address.sid).update(friendly_name="two").friendly_name == "two"
    assert of_list.ip_addresses(address.sid).fetch().ip_address == "203.0.113.1"
    assert [row.sid for row in of_list.ip_addresses.list()] == [address.sid]
    assert of_list.ip_addresses(address.sid).delete()
    assert of_list.delete()


def use_sip_domains(client: Client) -> None:
    (domain,) = client.sip.domains.list()
    one = client.sip.domains(domain.sid)
    assert len(one.auth.calls.ip_access_control_list_mappings.list()) == 1
    assert one.auth.calls.credential_list_mappings.list() == []
    assert one.auth.registrations.credential_list_mappings.list() == []
    assert one.ip_access_control_list_mappings.list() == []
    assert len(one.credential_list_mappings.list()) == 1


def use_calls_and_messages(client: Client) -> None:
    call = client.calls.create(to="+15550100999", from_=OWNED, url=URL)
    assert client.calls(call.sid).fetch().to == "+15550100999"
    assert client.calls(call.sid).update(status="completed").status == "completed"
    assert call.sid in [row.sid for row in client.calls.list()]
    assert client.calls(call.sid).delete()

    message = client.messages.create(to="+15550100999", from_=OWNED, body="Hello")
    assert client.messages(message.sid).fetch().body == "Hello"
    assert client.messages(message.sid).update(body="").body == ""
    assert message.sid in [row.sid for row in client.messages.list()]
    assert client.messages(message.sid).delete()


def use_trunks(client: Client) -> None:
    trunks = client.trunking.v1.trunks
    made = trunks.create(friendly_name="Edge", domain_name="acme-edge.pstn.twilio.com")
    one = trunks(made.sid)
    assert one.update(secure=True).secure
    assert one.fetch().domain_name == "acme-edge.pstn.twilio.com"
    assert [row.sid for row in trunks.list()] == [made.sid]
    assert one.recordings().update(mode="record-from-answer").mode == "record-from-answer"
    assert one.recordings().fetch().mode == "record-from-answer"

    url = one.origination_urls.create(
        sip_url="sip:sbc1.example.com", weight=10, priority=10, enabled=True, friendly_name="one"
    )
    assert one.origination_urls(url.sid).update(weight=20).weight == 20
    assert one.origination_urls(url.sid).fetch().weight == 20
    assert [row.sid for row in one.origination_urls.list()] == [url.sid]
    assert one.origination_urls(url.sid).delete()

    (number,) = client.incoming_phone_numbers.list(phone_number=OWNED)
    assert one.phone_numbers.create(phone_number_sid=number.sid).trunk_sid == made.sid
    assert one.phone_numbers(number.sid).fetch().phone_number == OWNED
    assert [row.sid for row in one.phone_numbers.list()] == [number.sid]
    assert one.phone_numbers(number.sid).delete()

    users = one.credentials_lists
    assert users.create(credential_list_sid="CL" + "1" * 32).trunk_sid == made.sid
    assert users("CL" + "1" * 32).fetch().friendly_name == "phones"
    assert len(users.list()) == 1
    assert users("CL" + "1" * 32).delete()
    networks = one.ip_access_control_lists
    assert networks.create(ip_access_control_list_sid="AL" + "1" * 32).trunk_sid == made.sid
    assert networks("AL" + "1" * 32).fetch().friendly_name == "branches"
    assert len(networks.list()) == 1
    assert networks("AL" + "1" * 32).delete()

    routed = client.routes.v2.trunks("acme-edge.pstn.twilio.com")
    assert routed.update(voice_region="ie1").voice_region == "ie1"
    assert routed.fetch().sip_trunk_domain == "acme-edge.pstn.twilio.com"
    assert one.delete()


def use_services(client: Client) -> None:
    services = client.messaging.v1.services
    made = services.create(friendly_name="Alerts")
    one = services(made.sid)
    assert one.update(inbound_request_url=URL).inbound_request_url == URL
    assert one.fetch().friendly_name == "Alerts"
    assert [row.sid for row in services.list()] == [made.sid]
    (number,) = client.incoming_phone_numbers.list(phone_number=OWNED)
    assert one.phone_numbers.create(phone_number_sid=number.sid).phone_number == OWNED
    assert one.phone_numbers(number.sid).fetch().sid == number.sid
    assert [row.sid for row in one.phone_numbers.list()] == [number.sid]
    assert one.phone_numbers(number.sid).delete()
    for senders, fields in (
        (one.short_codes, {"short_code_sid": "SC" + "1" * 32}),
        (one.alpha_senders, {"alpha_sender": "Acme"}),
        (one.channel_senders, {"sid": "XE" + "1" * 32}),
    ):
        sender = senders.create(**fields)
        assert senders(sender.sid).fetch().sid == sender.sid
        assert [row.sid for row in senders.list()] == [sender.sid]
        assert senders(sender.sid).delete()
    assert one.delete()


def use_webhook_rules(client: Client) -> None:
    webhooks = client.webhooks.v1
    (setting,) = webhooks.settings.list()
    (rule,) = webhooks.rules.list()
    assert rule.match_type == "DEFAULT"
    assert rule.settings == [{"settingId": setting.id, "percentage": 100}]


def use_the_rest(client: Client) -> None:
    routed = client.routes.v2.phone_numbers(OWNED)
    assert routed.update(voice_region="ie1").voice_region == "ie1"
    assert routed.fetch().phone_number == OWNED
    both = client.routes.v3.phone_numbers(OWNED)
    assert both.update(messaging_region="ie1").messaging_region == "ie1"
    assert both.fetch().voice_region == "ie1"

    client.incoming_phone_numbers.list(phone_number=OWNED)[0].update(friendly_name="one")
    event = client.monitor.v1.events.list()[0]
    assert client.monitor.v1.events(event.sid).fetch().event_type == "phone-number.updated"
    (alert,) = client.monitor.v1.alerts.list()
    assert client.monitor.v1.alerts(alert.sid).fetch().error_code == "11200"

    prices = client.pricing.v1.phone_numbers.countries(COUNTRY).fetch()
    assert prices.iso_country == COUNTRY
    rules = client.numbers.v2.regulatory_compliance.regulations
    listed = rules.list(iso_country="GB")
    assert rules(listed[0].sid).fetch().iso_country == "GB"


SCRIPTS: list[Callable[[Client], None]] = [
    use_account,
    use_addresses,
    use_numbers,
    use_applications,
    use_sip_lists,
    use_sip_domains,
    use_calls_and_messages,
    use_trunks,
    use_services,
    use_webhook_rules,
    use_the_rest,
]


def test_twilios_python_client_uses_every_route_of_the_sandbox() -> None:
    with Sandbox(client_world()) as sandbox:
        with client_of(sandbox) as client:
            for script in SCRIPTS:
                script(client)
        assert twilio_routes(with_webhooks=True) - used_routes(sandbox.calls) == set()


def test_python_client_raises_its_own_error_on_a_refusal() -> None:
    with Sandbox(client_world()) as sandbox, client_of(sandbox) as client:
        with pytest.raises(TwilioRestException) as raised:
            client.incoming_phone_numbers("PN" + "0" * 32).fetch()
        assert (raised.value.status, raised.value.code) == (404, 20404)
