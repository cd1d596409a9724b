"""Applications, SIP lists, messaging services, inbound regions, alerts and calls, over Twilio's own client."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.messaging import MOST_NUMBERS, SERVICES
from reconciler.sandbox.twilio.numbers import Capabilities, Number
from tests.support.sandbox_client import ask

PASSWORD = "Long-Enough-1"


def code_of(error: pytest.ExceptionInfo[TwilioRestException]) -> int:
    return int(error.value.code)


def test_an_application_is_made_changed_and_deleted(client: Client) -> None:
    application = client.applications.create(
        friendly_name="Menu", voice_url="https://agents.example.com/menu"
    )
    assert (
        client.applications(application.sid).update(voice_url="", sms_method="GET").voice_url
        is None
    )
    assert client.applications(application.sid).fetch().sms_method == "GET"
    assert [row.sid for row in client.applications.list(friendly_name="Menu")] == [application.sid]
    assert client.applications.list(friendly_name="Other") == []
    assert client.applications(application.sid).delete()
    assert client.applications.list() == []


def test_a_credential_list_holds_users_whose_passwords_are_never_shown(
    client: Client, sandbox: Sandbox
) -> None:
    pbx = client.sip.credential_lists.create(friendly_name="pbx")
    user = pbx.credentials.create(username="pbx", password=PASSWORD)
    one = client.sip.credential_lists(pbx.sid).credentials(user.sid)
    assert one.fetch().username == "pbx"
    one.update(password=PASSWORD + "2")
    assert [row.sid for row in client.sip.credential_lists(pbx.sid).credentials.list()] == [
        user.sid
    ]
    assert PASSWORD.encode() not in ask(sandbox, "GET", pbx.subresource_uris["credentials"]).body
    assert one.delete()
    assert client.sip.credential_lists(pbx.sid).fetch().friendly_name == "pbx"


@pytest.mark.parametrize(
    ("username", "password"),
    [("pbx", PASSWORD), ("new", "short"), ("new", "nodigitsHere!"), ("x" * 33, PASSWORD)],
)
def test_refuses_invalid_credentials(client: Client, username: str, password: str) -> None:
    pbx = client.sip.credential_lists.create(friendly_name="pbx")
    pbx.credentials.create(username="pbx", password=PASSWORD)
    with pytest.raises(TwilioRestException) as error:
        pbx.credentials.create(username=username, password=password)
    assert code_of(error) == 21243
    assert password not in str(error.value)


def test_an_access_list_holds_addresses(client: Client) -> None:
    offices = client.sip.ip_access_control_lists.create(friendly_name="offices")
    address = offices.ip_addresses.create(
        friendly_name="hq", ip_address="203.0.113.0", cidr_prefix_length=28
    )
    one = client.sip.ip_access_control_lists(offices.sid).ip_addresses(address.sid)
    assert one.update(friendly_name="head office").cidr_prefix_length == 28
    for params in (
        {"friendly_name": "head office", "ip_address": "203.0.113.9"},
        {"friendly_name": "b", "ip_address": "203.0.113.0"},
    ):
        with pytest.raises(TwilioRestException) as error:
            offices.ip_addresses.create(**params)
        assert code_of(error) == 21235
    with pytest.raises(TwilioRestException) as error:
        offices.ip_addresses.create(friendly_name="c", ip_address="nowhere")
    assert code_of(error) == 21235
    for place in range(24):
        offices.ip_addresses.create(friendly_name=f"n{place}", ip_address=f"198.51.100.{place}")
    with pytest.raises(TwilioRestException) as error:
        offices.ip_addresses.create(friendly_name="one too many", ip_address="198.51.100.99")
    assert code_of(error) == 21237


def test_names_of_lists_are_unique(client: Client) -> None:
    client.sip.credential_lists.create(friendly_name="pbx")
    client.sip.ip_access_control_lists.create(friendly_name="pbx")
    with pytest.raises(TwilioRestException) as error:
        client.sip.credential_lists.create(friendly_name="pbx")
    assert code_of(error) == 21240
    with pytest.raises(TwilioRestException) as error:
        client.sip.ip_access_control_lists.create(friendly_name="pbx")
    assert code_of(error) == 21235


def test_a_list_that_a_trunk_uses_cannot_be_deleted(client: Client, sandbox: Sandbox) -> None:
    trunk = client.trunking.v1.trunks.create()
    pbx = client.sip.credential_lists.create(friendly_name="pbx")
    pbx.credentials.create(username="pbx", password=PASSWORD)
    offices = client.sip.ip_access_control_lists.create(friendly_name="offices")
    used = trunk.credentials_lists.create(credential_list_sid=pbx.sid)
    trunk.ip_access_control_lists.create(ip_access_control_list_sid=offices.sid)
    assert (used.friendly_name, used.trunk_sid) == ("pbx", trunk.sid)
    assert trunk.fetch().auth_type_set == ["IP_ACL", "CREDENTIAL_LIST"]
    assert [row.sid for row in trunk.credentials_lists.list()] == [pbx.sid]
    with pytest.raises(TwilioRestException) as error:
        trunk.credentials_lists.create(credential_list_sid=pbx.sid)
    assert code_of(error) == 21245
    for listed, code in ((pbx, 21241), (offices, 21236)):
        with pytest.raises(TwilioRestException) as error:
            listed.delete()
        assert code_of(error) == code
    one = client.trunking.v1.trunks(trunk.sid).credentials_lists(pbx.sid)
    assert one.fetch().sid == pbx.sid
    assert one.delete()
    with pytest.raises(TwilioRestException) as error:
        one.fetch()
    assert code_of(error) == 20404
    assert pbx.delete()


@pytest.mark.parametrize(
    "way",
    [
        "calls_ip_access_control_lists",
        "calls_credential_lists",
        "registrations_credential_lists",
        "ip_access_control_lists",
        "credential_lists",
    ],
)
def test_refuses_to_delete_a_list_used_by_a_sip_domain(
    client: Client, sandbox: Sandbox, way: str
) -> None:
    pbx = client.sip.credential_lists.create(friendly_name="pbx")
    offices = client.sip.ip_access_control_lists.create(friendly_name="offices")
    used, other, code = (offices, pbx, 21236) if "ip_access" in way else (pbx, offices, 21241)
    domain = {
        "domain_name": "acme.sip.twilio.com",
        "sip_registration": True,
        "mappings": {way: [used.sid]},
    }
    sandbox.world.extend({"sip_domains": [domain]})
    (shown,) = client.sip.domains.list()
    assert (shown.domain_name, shown.sip_registration) == ("acme.sip.twilio.com", True)
    below = client.sip.domains(shown.sid)
    ways = {
        "calls_ip_access_control_lists": below.auth.calls.ip_access_control_list_mappings,
        "calls_credential_lists": below.auth.calls.credential_list_mappings,
        "registrations_credential_lists": below.auth.registrations.credential_list_mappings,
        "ip_access_control_lists": below.ip_access_control_list_mappings,
        "credential_lists": below.credential_list_mappings,
    }
    found = {
        name: [(row.sid, row.friendly_name) for row in mapped.list()]
        for name, mapped in ways.items()
    }
    assert found == {name: [(used.sid, used.friendly_name)] if name == way else [] for name in ways}
    with pytest.raises(TwilioRestException) as error:
        used.delete()
    assert code_of(error) == code
    assert other.delete()


def test_messaging_service_handles_its_numbers(
    client: Client, sandbox: Sandbox, number: Number
) -> None:
    service = client.messaging.v1.services.create(
        friendly_name="Support", inbound_request_url="https://a.example.com"
    )
    one = client.messaging.v1.services(service.sid)
    assert one.phone_numbers.create(phone_number_sid=number.sid).phone_number == number.phone_number
    assert [row.sid for row in one.phone_numbers.list()] == [number.sid]
    assert one.phone_numbers(number.sid).fetch().capabilities == ["Voice", "SMS", "MMS"]
    other = client.messaging.v1.services.create(friendly_name="Other")
    for where, code in ((one, 21710), (client.messaging.v1.services(other.sid), 21712)):
        with pytest.raises(TwilioRestException) as error:
            where.phone_numbers.create(phone_number_sid=number.sid)
        assert code_of(error) == code
    assert one.phone_numbers(number.sid).delete()
    with pytest.raises(TwilioRestException) as error:
        one.phone_numbers(number.sid).fetch()
    assert code_of(error) == 20404
    assert (
        one.update(use_inbound_webhook_on_number=True).fetch().use_inbound_webhook_on_number is True
    )
    assert other.delete()
    assert [row.sid for row in client.messaging.v1.services.list()] == [service.sid]


def test_refuses_numbers_that_a_service_cannot_use(
    client: Client, sandbox: Sandbox, number: Number
) -> None:
    service = client.messaging.v1.services.create(friendly_name="Support")
    number.capabilities = Capabilities(sms=False)
    wanted = [(number.sid, 21715), ("PN" + "0" * 32, 21421)]
    sandbox.world.table(SERVICES).change(
        next(iter(sandbox.world.table(SERVICES))), {"numbers": ["PN"] * MOST_NUMBERS}
    )
    wanted.append((sandbox.world.number("+15552000001").sid, 21714))
    for sid, code in wanted:
        with pytest.raises(TwilioRestException) as error:
            service.phone_numbers.create(phone_number_sid=sid)
        assert code_of(error) == code


def test_a_released_number_leaves_its_service(client: Client, number: Number) -> None:
    service = client.messaging.v1.services.create(friendly_name="Support")
    service.phone_numbers.create(phone_number_sid=number.sid)
    client.incoming_phone_numbers(number.sid).delete()
    assert service.phone_numbers.list() == []


def test_reads_and_changes_the_region_of_a_number(client: Client, number: Number) -> None:
    one = client.routes.v2.phone_numbers(number.phone_number)
    assert one.fetch().voice_region == "us1"
    one.update(voice_region="ie1", friendly_name="Dublin")
    assert client.routes.v2.phone_numbers(number.sid).fetch().voice_region == "ie1"
    with pytest.raises(TwilioRestException) as error:
        client.routes.v2.phone_numbers("+15559999999").fetch()
    assert code_of(error) == 20404


def test_finds_seeded_alerts_by_level_and_time(client: Client, sandbox: Sandbox) -> None:
    alerts = [
        {
            "error_code": "11200",
            "date_generated": "2026-03-01T12:00:00Z",
            "request_variables": "To=%2B15552000000",
        },
        {"error_code": "12100", "date_generated": "2026-03-02T12:00:00Z", "log_level": "warning"},
    ]
    sandbox.world.extend({"alerts": alerts})
    listed = client.monitor.v1.alerts.list()
    assert [alert.error_code for alert in listed] == ["12100", "11200"]
    assert [alert.error_code for alert in client.monitor.v1.alerts.list(log_level="warning")] == [
        "12100"
    ]
    assert [
        alert.error_code
        for alert in client.monitor.v1.alerts.list(end_date=datetime(2026, 3, 1, 23))
    ] == ["11200"]
    assert client.monitor.v1.alerts(listed[1].sid).fetch().request_variables == "To=%2B15552000000"
    assert "request_variables" not in ask(sandbox, "GET", "/v1/Alerts").json["alerts"][0]
    assert ask(sandbox, "GET", "/v1/Alerts?StartDate=once").status == 400


def test_finds_seeded_calls_by_number_status_and_day(client: Client, sandbox: Sandbox) -> None:
    to = {"to": "+15552000000", "from": "+15550100100"}
    calls = [
        {**to, "status": "in-progress", "start_time": "Sun, 01 Mar 2026 12:00:00 +0000"},
        {**to, "status": "completed", "start_time": "Mon, 02 Mar 2026 12:00:00 +0000"},
    ]
    sandbox.world.extend({"calls": calls})
    assert len(client.calls.list(to="+15552000000")) == 2
    assert client.calls.list(to="+15552000001") == []
    [live] = client.calls.list(status="in-progress")
    assert client.calls(live.sid).fetch()._from == "+15550100100"
    assert [call.status for call in client.calls.list(start_time=date(2026, 3, 2))] == ["completed"]
    assert [
        call.status for call in client.calls.list(start_time_before=datetime(2026, 3, 1, 13))
    ] == ["in-progress"]
    assert [call.status for call in client.calls.list(start_time_after=datetime(2026, 3, 2))] == [
        "completed"
    ]
    base = f"/2010-04-01/Accounts/{sandbox.world.account.sid}/Calls.json"
    assert (
        len(
            ask(sandbox, "GET", f"{base}?StartTime%3E=2026-03-01&StartTime%3C=2026-03-02").json[
                "calls"
            ]
        )
        == 2
    )
    assert len(ask(sandbox, "GET", f"{base}?StartTime%3E=2026-03-01T12:00:00").json["calls"]) == 2
    assert ask(sandbox, "GET", f"{base}?StartTime=once").status == 400
