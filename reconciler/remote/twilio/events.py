"""Build the filter of Twilio's Monitor events, and convert the returned rows to `Event`: who
changed which fields, when and from where; sends nothing.

Raw events become `reconciler.remote.gateway.Event`. Twilio keeps events for 30 days (longer in some
editions). No HTTP here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.kinds.kind import Endpoint
from reconciler.model.route import Json
from reconciler.remote.gateway import Event

EVENTS = Endpoint("GET", "monitor", "/v1/Events", items="events")


def event_query(
    *, event_type: str | None, since: datetime | None, resource_sid: str | None
) -> dict[str, str]:
    """Return the filters that Twilio accepts; `since` without a time zone is UTC.

    Twilio combines a resource with dates only, so with `resource_sid` the type is left to
    `is_wanted`.
    """
    params = {}

    if resource_sid:
        params["ResourceSid"] = resource_sid
    elif event_type:
        params["EventType"] = event_type

    if since:
        moment = since.astimezone(UTC) if since.tzinfo else since
        params["StartDate"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    return params


def is_wanted(event: Event, *, event_type: str | None, resource_sid: str | None) -> bool:
    """Return whether an event has the requested type and resource."""
    return event_type in (None, event.event_type) and resource_sid in (None, event.resource_sid)


def read_event(row: Mapping[str, Any]) -> Event | None:
    """Return one event; None for one without a date, which cannot be placed in time."""
    when = _moment(row.get("event_date"))
    if when is None:
        return None

    return Event(
        sid=_text(row, "sid"),
        event_type=_text(row, "event_type"),
        when=when,
        actor_type=_text(row, "actor_type"),
        actor_sid=_text(row, "actor_sid"),
        source=_text(row, "source"),
        ip=_text(row, "source_ip_address"),
        resource_sid=_text(row, "resource_sid"),
        changes=read_changes(row.get("event_data")),
    )


def read_changes(data: Json) -> dict[str, tuple[Json, Json]]:
    """Return for each field what it was and what it became.

    Twilio documents two shapes: the fields themselves, and the fields under
    ``resource_properties``. A created resource has no previous values, a deleted one no data at
    all.
    """
    if not isinstance(data, dict):
        return {}
    fields = data.get("resource_properties", data)
    if not isinstance(fields, dict):
        return {}

    changes: dict[str, tuple[Json, Json]] = {}
    for name, change in fields.items():
        if isinstance(change, dict) and ("updated" in change or "previous" in change):
            changes[name] = (change.get("previous"), change.get("updated"))
    return changes


def _moment(date: object) -> datetime | None:
    if not isinstance(date, str):
        return None
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""
