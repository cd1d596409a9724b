"""Monitor events: who changed which number, by API or in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from reconciler.sandbox.http.routing import Refused
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, client_of

URL = "https://agents.example.com/voice"
USER = "US" + "1" * 32


def test_records_an_event_for_an_update_by_api(
    client: Client, sandbox: Sandbox, number: Number
) -> None:
    client.incoming_phone_numbers(number.sid).update(voice_url=URL)
    [event] = client.monitor.v1.events.list()
    assert (event.event_type, event.resource_type) == ("phone-number.updated", "phone-number")
    assert (event.resource_sid, event.source, event.actor_type) == (number.sid, "api", "account")
    assert (event.actor_sid, event.source_ip_address) == (sandbox.world.account.sid, "127.0.0.1")
    assert event.event_data == {
        "resource_properties": {"voice_url": {"previous": "", "updated": URL}}
    }
    assert client.monitor.v1.events(event.sid).fetch().event_date == event.event_date


def test_records_a_console_edit_as_an_event_of_a_user(
    client: Client, sandbox: Sandbox, number: Number
) -> None:
    sandbox.edit(
        number.phone_number, {"voice_url": URL, "voice_method": "GET"}, actor=USER, ip="203.0.113.9"
    )
    [event] = client.monitor.v1.events.list(actor_sid=USER)
    assert (event.source, event.actor_type, event.source_ip_address) == (
        "web",
        "user",
        "203.0.113.9",
    )
    assert set(event.event_data["resource_properties"]) == {"voice_url", "voice_method"}
    assert client.incoming_phone_numbers(number.sid).fetch().voice_url == URL


def test_records_no_event_for_an_update_without_changes(client: Client, number: Number) -> None:
    before = client.incoming_phone_numbers(number.sid).fetch().date_updated
    client.incoming_phone_numbers(number.sid).update(
        voice_url="", friendly_name=number.friendly_name
    )
    assert client.monitor.v1.events.list() == []
    assert client.incoming_phone_numbers(number.sid).fetch().date_updated == before


def test_records_an_event_for_every_way_to_attach(client: Client, number: Number) -> None:
    trunk = client.trunking.v1.trunks.create()
    trunk.phone_numbers.create(phone_number_sid=number.sid)
    client.incoming_phone_numbers(number.sid).update(trunk_sid="")
    client.incoming_phone_numbers(number.sid).update(trunk_sid=trunk.sid)
    client.trunking.v1.trunks(trunk.sid).phone_numbers(number.sid).delete()
    told = [
        event.event_data["resource_properties"]["trunk_sid"]["updated"]
        for event in client.monitor.v1.events.list()
    ]
    assert told == [None, trunk.sid, None, trunk.sid]


def test_records_events_for_buying_and_releasing(client: Client) -> None:
    bought = client.incoming_phone_numbers.create(area_code="415", voice_url=URL)
    bought.delete()
    deleted, created = client.monitor.v1.events.list(resource_sid=bought.sid)
    assert (deleted.event_type, deleted.event_data) == ("phone-number.deleted", None)
    assert created.event_type == "phone-number.created"
    assert created.event_data["resource_properties"]["voice_url"] == {"updated": URL}


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> Iterator[Sandbox]:
    """Three edits, an hour apart, of two numbers by two users."""
    with Sandbox(World.generate(numbers=2, clock=clock)) as sandbox:
        for place, name in enumerate(("+15552000000", "+15552000001", "+15552000000")):
            sandbox.edit(
                name,
                {"friendly_name": f"Edit {place}"},
                actor="US" + str(place % 2) * 32,
                ip=f"203.0.113.{place}",
            )
            clock.time += timedelta(hours=1)
        yield sandbox


def test_events_are_found_by_type_resource_actor_address_and_time(history: Sandbox) -> None:
    def names(**filters: object) -> list[str]:
        with client_of(history) as client:
            events = client.monitor.v1.events.list(**filters)
        return [
            event.event_data["resource_properties"]["friendly_name"]["updated"] for event in events
        ]

    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert names() == ["Edit 2", "Edit 1", "Edit 0"]
    assert names(event_type="phone-number.updated", start_date=noon + timedelta(hours=1)) == [
        "Edit 2",
        "Edit 1",
    ]
    assert names(start_date=noon, end_date=noon) == ["Edit 0"]
    assert names(resource_sid=history.world.number("+15552000000").sid) == ["Edit 2", "Edit 0"]
    assert names(actor_sid="US" + "1" * 32) == ["Edit 1"]
    assert names(source_ip_address="203.0.113.2") == ["Edit 2"]
    assert names(event_type="phone-number.deleted") == []


@pytest.mark.parametrize(
    "other", ["SourceIpAddress=203.0.113.1", f"ActorSid={USER}", "ResourceType=phone-number"]
)
def test_forbidden_combinations_of_filters_are_refused(
    sandbox: Sandbox, number: Number, other: str
) -> None:
    assert ask(sandbox, "GET", f"/v1/Events?ResourceSid={number.sid}&{other}").status == 400


def test_refuses_an_invalid_date(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/v1/Events?StartDate=yesterday").json["code"] == 20001
    assert ask(sandbox, "GET", "/v1/Events?StartDate=2015-03-01").status == 200


def test_unknown_event_is_not_found(client: Client) -> None:
    with pytest.raises(TwilioRestException) as error:
        client.monitor.v1.events("AE" + "0" * 32).fetch()
    assert error.value.code == 20404


def test_an_edit_keeps_to_the_rules(sandbox: Sandbox, number: Number) -> None:
    with pytest.raises(Refused):
        sandbox.edit(number.sid, {"voice_url": "nonsense"})
    with pytest.raises(ValueError, match="unknown field `voiceurl`"):
        sandbox.edit(number.sid, {"voiceurl": URL})
    with pytest.raises(KeyError):
        sandbox.edit("+15559999999", {"voice_url": URL})
    assert (
        sandbox.edit(
            number.sid, {"voice_url": None, "voice_caller_id_lookup": True}
        ).voice_caller_id_lookup
        is True
    )


def test_applications_lists_and_accounts_have_events_too(client: Client, sandbox: Sandbox) -> None:
    application = client.applications.create(friendly_name="Menu")
    application.update(friendly_name="Other")
    application.delete()
    credentials = client.sip.credential_lists.create(friendly_name="pbx")
    credentials.update(friendly_name="pbx 2")
    client.sip.ip_access_control_lists.create(friendly_name="offices").delete()
    client.api.v2010.accounts.create(friendly_name="Child").update(friendly_name="Grown")
    types = [event.event_type for event in sandbox.world.events]
    assert types == [
        "application.created",
        "application.updated",
        "application.deleted",
        "sip-credential-list.created",
        "sip-credential-list.updated",
        "sip-ip-access-control-list.created",
        "sip-ip-access-control-list.deleted",
        "account.created",
        "account.updated",
    ]
    assert b"token" not in ask(sandbox, "GET", "/v1/Events").body
