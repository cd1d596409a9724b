"""Attribute drift to its author, from Twilio's own event log.

What the log does not show stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.kind import is_same_value
from reconciler.model.route import WireValue
from reconciler.planning.decide.drift import Drifted
from reconciler.remote.gateway import Event, Gateway

RETENTION = timedelta(days=30)
"""Time for which Twilio keeps events without a paid edition (Monitor Events documentation)."""
_ONE_BY_ONE = 5
"""Numbers whose events are read by SID; for more, one reading of all events is cheaper."""
_WIRE = {
    "trunk": "trunk_sid",
    "voice_application": "voice_application_sid",
    "sms_application": "sms_application_sid",
}


def attribute_drift(
    drifted: Sequence[Drifted], gateways: Mapping[str, Gateway], now: datetime
) -> list[Drifted]:
    """Return the same drift with its actors.

    Events that cannot be read (permissions, age, no such product) change nothing.
    """
    sids_by_account: dict[str, list[str]] = {}
    for item in drifted:
        if item.account in gateways and item.sid.startswith("PN"):
            sids_by_account.setdefault(item.account, []).append(item.sid)

    events: dict[str, list[Event]] = {}
    for account, sids in sids_by_account.items():
        for event in _read_events(gateways[account], sids, now - RETENTION):
            events.setdefault(event.resource_sid, []).append(event)

    return [msgspec.structs.replace(d, actor=actor_of(d, events.get(d.sid, ()))) for d in drifted]


def actor_of(drifted: Drifted, events: Iterable[Event]) -> str | None:
    """Return a description of who made the newest recorded change that explains a drifted field.

    None when no event does.
    """
    for event in sorted(events, key=lambda event: event.when, reverse=True):
        for field in drifted.fields:
            if _explains(event, _WIRE.get(field.field, field.field), field.live):
                return _describe_actor(event)
    return None


def _describe_actor(event: Event) -> str:
    sources = {"web": "in the console", "api": "through the API"}
    source = sources.get(event.source, f"by {event.source}")
    place = f" from {event.ip}" if event.ip else ""
    moment = f"{event.when:%Y-%m-%dT%H:%M:%SZ}"
    return f"{event.actor_type} {event.actor_sid} {source}{place} at {moment}"


def _explains(event: Event, field: str, live: WireValue) -> bool:
    updated = event.changes.get(field, (None, _ABSENT))[1]
    return (
        updated is not _ABSENT
        and not isinstance(updated, list | dict | float)
        and is_same_value(updated, live)
    )


_ABSENT: list[object] = []


def _read_events(gateway: Gateway, sids: Sequence[str], since: datetime) -> list[Event]:
    try:
        if len(sids) > _ONE_BY_ONE:
            return gateway.events(event_type="phone-number.updated", since=since, limit=10_000)

        events: list[Event] = []
        for sid in sids:
            events += gateway.events(resource_sid=sid, since=since)
        return events
    except RemoteError:
        return []
