"""Who changed it: drifted fields × Twilio's own event log.

What the log does not tell stays unknown.
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
"""How long Twilio keeps events without a paid edition (Monitor Events documentation)."""
_ONE_BY_ONE = 5
_WIRE = {
    "trunk": "trunk_sid",
    "voice_application": "voice_application_sid",
    "sms_application": "sms_application_sid",
}


def attribute_drift(
    drifted: Sequence[Drifted], gateways: Mapping[str, Gateway], now: datetime
) -> list[Drifted]:
    """The same drift with its actors.

    Events that cannot be read (permissions, age, no such product) change nothing.
    """
    events: dict[str, list[Event]] = {}
    for account in {d.account for d in drifted} & gateways.keys():
        sids = [d.sid for d in drifted if d.account == account and d.sid.startswith("PN")]
        for event in _read_events(gateways[account], sids, now - RETENTION):
            events.setdefault(event.resource_sid, []).append(event)
    return [msgspec.structs.replace(d, actor=actor_of(d, events.get(d.sid, ()))) for d in drifted]


def actor_of(drifted: Drifted, events: Iterable[Event]) -> str | None:
    """Who made the newest recorded change that explains a drifted field, in words; None when
    nothing does.
    """
    for event in sorted(events, key=lambda event: event.when, reverse=True):
        if any(_explains(event, _WIRE.get(f.field, f.field), f.live) for f in drifted.fields):
            source = {"web": "in the console", "api": "through the API"}.get(
                event.source, f"by {event.source}"
            )
            place = f" from {event.ip}" if event.ip else ""
            return f"{event.actor_type} {event.actor_sid} {source}{place} at {event.when:%Y-%m-%dT%H:%M:%SZ}"
    return None


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
        return [event for sid in sids for event in gateway.events(resource_sid=sid, since=since)]
    except RemoteError:
        return []
