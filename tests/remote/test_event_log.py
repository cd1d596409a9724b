"""The event logs of several accounts become one list, oldest first, in the words of plans."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.remote.gateway import Event, Gateway
from reconciler.remote.queries.event_log import (
    MOST_EVENTS,
    EventHistory,
    Known,
    read_event_log,
)

SID, OTHER = "PN" + "1" * 32, "PN" + "2" * 32
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = Known(
    {SID: "number/+15550100101"},
    {"TK1": "edge"},
    {"main": frozenset({"AC1", "SK1"}), "sub": frozenset({"AC2"})},
)


def event(sid: str = SID, second: int = 0, **fields: Any) -> Event:
    values: dict[str, Any] = {
        "event_type": "phone-number.updated",
        "actor_type": "account",
        "actor_sid": "AC1",
        "source": "api",
        "ip": "198.51.100.1",
        "changes": {"voice_url": ("", "https://a.example.com")},
    }
    when = datetime(2026, 3, 1, 10, 0, second, tzinfo=UTC)
    values = {"sid": f"AE{second}", "when": when, "resource_sid": sid, **values, **fields}
    return Event(**values)


class OneGateway:
    """The events of one account, or the reason why they cannot be read."""

    def __init__(self, events: list[Event] | ReconcilerError) -> None:
        self._events = events
        self.asked: list[Mapping[str, Any]] = []

    def events(self, **query: Any) -> list[Event]:
        self.asked.append(query)
        if isinstance(self._events, ReconcilerError):
            raise self._events
        sid = query.get("resource_sid")
        return [each for each in self._events if sid in (None, each.resource_sid)]


def read(sids: list[str] | None = None, **accounts: OneGateway) -> EventHistory:
    return read_event_log(
        lambda name: cast("Gateway", accounts[name]), accounts, KNOWN, SINCE, sids
    )


def problem(code: str) -> Diagnostic:
    return Diagnostic(code=code, summary="No", detail="Because.")


def test_a_number_that_moved_has_the_events_of_both_accounts() -> None:
    old = OneGateway([event(second=2), event(second=1), event(OTHER)])
    new = OneGateway([event(second=3, actor_sid="AC2")])
    found = read([SID], main=old, sub=new)
    assert [each.actor.time[-3:] for each in found.events] == ["01Z", "02Z", "03Z"]
    assert {each.address for each in found.events} == {"number/+15550100101"}
    assert all(each.is_own for each in found.events)


def test_events_of_one_second_keep_twilios_order() -> None:
    newest_first = [event(ip="198.51.100.2"), event(ip="198.51.100.1")]
    found = read(main=OneGateway(newest_first))
    assert [each.actor.ip for each in found.events] == ["198.51.100.1", "198.51.100.2"]


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({}, True),
        ({"actor_sid": "SK1"}, True),
        ({"actor_sid": "AC2"}, False),
        ({"actor_sid": ""}, False),
        ({"source": "web"}, False),
        ({"source": "twilio"}, False),
    ],
)
def test_only_our_credentials_through_the_api_are_ours(fields: dict[str, Any], own: bool) -> None:
    [found] = read(main=OneGateway([event(**fields)])).events
    assert found.is_own is own


def test_values_have_names_and_no_credentials() -> None:
    changes = {
        "trunk_sid": ("", "TK1"),
        "voice_url": ("https://u:pa55word@a.example.com", None),
        "auth_token": ("pa55word", "pa55word"),
        "beta": (None, [1, {"password": "x"}]),
        "sms_method": (None, "x" * 5_000),
    }
    [found] = read(main=OneGateway([event(changes=changes)])).events
    assert found.changes["trunk"] == ("", "edge")
    assert found.changes["auth_token"] == ("(secret)", "(new secret)")
    assert len(str(found.changes["sms_method"][1])) == 1_000
    assert "pa55word" not in str(found)


def test_events_of_other_resources_are_left_out_and_unknown_numbers_have_their_sid() -> None:
    others = [
        event("AC" + "1" * 32, event_type="account.updated"),
        event(OTHER, event_type="phone-number.released"),
        event(OTHER, event_type="phone-number.deleted"),
    ]
    [found] = read(main=OneGateway(others)).events
    assert (found.address, found.verb) == (f"number/{OTHER}", "deleted")


def test_an_account_that_cannot_be_read_does_not_hide_the_others() -> None:
    denied = OneGateway(RemoteError(problem("twilio_auth_failed"), status=403))
    found = read(main=denied, sub=OneGateway([event()]))
    assert (found.status, found.unread, len(found.events)) == ("denied", ("main",), 1)
    assert [each.code for each in found.problems] == ["events_unreadable"]

    without_secret = OneGateway(ReconcilerError(problem("secret_not_found")))
    assert read(main=without_secret).status == "unavailable"
    with pytest.raises(RemoteError):
        read(main=OneGateway(RemoteError(problem("timed_out"))))


def test_a_log_that_is_longer_than_what_is_read_is_named() -> None:
    assert read(main=OneGateway([event()] * MOST_EVENTS)).cut == ("main",)
    assert read(main=OneGateway([event()])).cut == ()
