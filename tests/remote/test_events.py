from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.errors import RemoteError
from reconciler.remote.twilio.events import read_changes
from reconciler.remote.twilio.gateway import TwilioGateway
from tests.support.scripted_server import Answer, Server, error

PN = "PN4c9f5ab0a9a94d4a9c2b0cd3fb1a3e2e"
WHOLE: dict[str, Any] = {
    "sid": "AE1",
    "event_type": "phone-number.updated",
    "resource_type": "phone-number",
    "resource_sid": PN,
    "actor_type": "user",
    "actor_sid": "US1",
    "source": "web",
    "source_ip_address": "73.189.144.70",
    "event_date": "2015-04-29T02:55:15Z",
    "description": None,
    "event_data": {
        "resource_properties": {
            "voice_url": {
                "previous": "http://www.example.com",
                "updated": "http://www.example.com/hello-joey",
            },
            "voice_fallback_url": {"previous": None, "updated": ""},
        }
    },
}


def page(*events: dict[str, Any], following: str | None = None) -> Answer:
    return Answer(
        body={"meta": {"key": "events", "next_page_url": following}, "events": list(events)}
    )


def test_event_names_actor_change_time_and_address(gateway: TwilioGateway, server: Server) -> None:
    server.answers(page(WHOLE))
    [event] = gateway.events()
    assert (event.sid, event.event_type, event.resource_sid) == ("AE1", "phone-number.updated", PN)
    assert (event.actor_type, event.actor_sid, event.source, event.ip) == (
        "user",
        "US1",
        "web",
        "73.189.144.70",
    )
    assert event.when == datetime(2015, 4, 29, 2, 55, 15, tzinfo=UTC)
    assert event.changes == {
        "voice_url": ("http://www.example.com", "http://www.example.com/hello-joey"),
        "voice_fallback_url": (None, ""),
    }


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"friendly_name": {"previous": "a", "updated": "b"}}, {"friendly_name": ("a", "b")}),
        (
            {"resource_properties": {"friendly_name": {"updated": "b"}}},
            {"friendly_name": (None, "b")},
        ),
        ({"resource_properties": None}, {}),
        ({"note": "text", "other": {"x": 1}}, {}),
        (None, {}),
        ([], {}),
        ("text", {}),
    ],
)
def test_every_documented_shape_of_the_data_is_understood(
    data: Any, expected: dict[str, Any]
) -> None:
    assert read_changes(data) == expected


def test_event_needs_only_a_date(gateway: TwilioGateway, server: Server) -> None:
    server.answers(
        page(
            {"sid": "AE1", "event_date": "2015-04-29T02:55:15"},
            {"sid": "AE2"},
            {"event_date": "soon"},
        )
    )
    [event] = gateway.events()
    assert (event.sid, event.actor_type, event.ip, event.changes) == ("AE1", "", "", {})
    assert event.when.tzinfo is UTC


def test_the_filters_are_twilios(gateway: TwilioGateway, server: Server) -> None:
    server.answers(page())
    since = datetime(2026, 1, 2, 5, 0, tzinfo=timezone(timedelta(hours=2)))
    gateway.events(event_type="phone-number.updated", since=since)
    assert server.seen[0].path == "/v1/Events"
    assert server.seen[0].query == {
        "EventType": "phone-number.updated",
        "StartDate": "2026-01-02T03:00:00Z",
        "PageSize": "1000",
    }


def test_a_resource_is_never_combined_with_a_type_in_one_request(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(page(WHOLE, {**WHOLE, "sid": "AE2", "event_type": "phone-number.created"}))
    found = gateway.events(
        resource_sid=PN, event_type="phone-number.updated", since=datetime(2026, 1, 2)
    )
    assert [event.sid for event in found] == ["AE1"]
    assert set(server.seen[0].query) == {"ResourceSid", "StartDate", "PageSize"}


def test_no_more_pages_are_read_than_the_limit_needs(
    gateway: TwilioGateway, server: Server
) -> None:
    rows = [{**WHOLE, "sid": f"AE{index}"} for index in range(4)]
    server.answers(
        page(*rows[:2], following="https://monitor.twilio.com/v1/Events?Page=1"),
        page(*rows[2:], following="/v1/Events?Page=2"),
    )
    assert [event.sid for event in gateway.events(limit=3)] == ["AE0", "AE1", "AE2"]
    assert len(server.seen) == 2
    assert server.seen[0].query["PageSize"] == "3"


def test_missing_permission_is_an_error_like_any_other(
    gateway: TwilioGateway, server: Server
) -> None:
    server.answers(error(403, 20003, "Permission denied"))
    with pytest.raises(RemoteError) as caught:
        gateway.events()
    assert caught.value.code == "twilio_auth_failed"
