"""Record a Monitor event for each change of a number, an application, a SIP list or an account, and
imitate the routes that list and fetch events.

An event names the author. Twilio is not known to have events for trunks, so there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Changes, Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import Actor, TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601, iso_from_filter
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, v1_page
from reconciler.sandbox.twilio.refusals import refusal


class Event(Row, kw_only=True):
    """A change of a resource."""

    actor_sid: str = ""
    actor_type: str = "account"
    description: str | None = None
    event_data: dict[str, object] | None = None
    event_date: str = ""
    event_type: str = ""
    resource_sid: str = ""
    resource_type: str = ""
    source: str = "api"
    source_ip_address: str = ""


def _complete(store: Store, event: Event) -> None:
    owner_of(store, event)
    event.sid = event.sid or store.new_sid("AE")
    event.event_date = event.event_date or iso8601(store.now())


EVENTS = Shelf("events", Event, "AE", _complete)

NOT_IN_EVENTS = frozenset(
    {"sid", "account_sid", "auth_token", "date_created", "date_updated", "password", "uri"}
)
"""Fields that events omit: those of every row, and secrets."""


def record_created(store: Store, actor: Actor, *, kind: str, row: Row) -> None:
    """Record that a resource was created, with its values."""
    properties: dict[str, object] = {}
    for name, value in plain_fields(row).items():
        if _is_reported(name, value):
            properties[name] = {"updated": value}
    _record(store, actor, event_type=f"{kind}.created", row=row, properties=properties)


def record_updated(store: Store, actor: Actor, *, kind: str, row: Row, changes: Changes) -> None:
    """Record which fields changed; records nothing when none did."""
    properties = {}
    for name, change in changes.items():
        if name not in NOT_IN_EVENTS:
            properties[name] = dict(change)
    if properties:
        _record(store, actor, event_type=f"{kind}.updated", row=row, properties=properties)


def record_deleted(store: Store, actor: Actor, *, kind: str, row: Row) -> None:
    """Record that a resource was deleted."""
    _record(store, actor, event_type=f"{kind}.deleted", row=row, properties=None)


def _record(
    store: Store,
    actor: Actor,
    *,
    event_type: str,
    row: Row,
    properties: Mapping[str, object] | None,
) -> None:
    # The event of a deletion has no data: `event_data` is null.
    data: dict[str, object] | None = None
    if properties is not None:
        data = {"resource_properties": properties}

    store.table(EVENTS).add(
        Event(
            sid=store.new_sid("AE"),
            account_sid=row.account_sid,
            actor_sid=actor.sid,
            actor_type=actor.type,
            event_data=data,
            event_date=iso8601(store.now()),
            event_type=event_type,
            resource_sid=row.sid,
            resource_type=event_type.partition(".")[0],
            source=actor.source,
            source_ip_address=actor.ip,
        )
    )


def _is_reported(name: str, value: object) -> bool:
    return name not in NOT_IN_EVENTS and value not in (None, "") and not isinstance(value, Row)


_FILTERS = {
    "ActorSid": "actor_sid",
    "EventType": "event_type",
    "ResourceSid": "resource_sid",
    "ResourceType": "resource_type",
    "SourceIpAddress": "source_ip_address",
}
_ONE_OF = ("ResourceSid", "SourceIpAddress", "ActorSid", "ResourceType")


def _list(call: TwilioCall) -> Reply:
    query = call.request.query
    if sum(name in query for name in _ONE_OF) > 1:
        raise refusal(20001, f"No combinations of {', '.join(_ONE_OF)} are supported")
    return v1_page(call, call.store.table(EVENTS), view=_view, wanted=_filter(query))


def _filter(query: Mapping[str, str]) -> Callable[[Event], bool]:
    equal = [(field, query[name]) for name, field in _FILTERS.items() if name in query]
    start, end = _date(query, "StartDate", ""), _date(query, "EndDate", "9999")

    def matches(event: Event) -> bool:
        return start <= event.event_date <= end and all(
            getattr(event, field) == value for field, value in equal
        )

    return matches


def _date(query: Mapping[str, str], name: str, default: str) -> str:
    try:
        return iso_from_filter(query[name]) if name in query else default
    except ValueError:
        raise refusal(20001, f"Invalid parameter: {name} must be a date in ISO 8601") from None


def _fetch(call: TwilioCall) -> Reply:
    event = fetch_row(call, call.store.table(EVENTS), call.path["sid"])
    return json_reply(200, _view(event, call.request.base_url))


def _view(event: Event, base_url: str) -> dict[str, object]:
    return {**plain_fields(event), "url": f"{base_url}/v1/Events/{event.sid}", "links": {}}


ROUTES = (
    Route("GET", "/v1/Events", on_own_account(_list)),
    Route("GET", "/v1/Events/{sid}", on_own_account(_fetch)),
)
