"""Read Twilio's event log and add to each field of drift who changed it; a log that cannot be read
gives a warning.

What the log does not show stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import is_same_value
from reconciler.kinds.number import SID_FIELDS
from reconciler.model.actor import Actor
from reconciler.planning.decide.drift import Drifted, DriftedField, EventLog
from reconciler.remote.gateway import Event, Gateway

RETENTION = timedelta(days=30)
"""Time for which Twilio keeps events without a paid edition (Monitor Events documentation)."""
_ONE_BY_ONE = 5
"""Resources whose events are read by SID; for more, one reading of all events is cheaper."""
EVENT_TYPES = {"PN": "phone-number", "AP": "application"}
"""The type of the events of each kind of SID; trunks have none."""
_VIA = {"web": "console"}
_DENIED = frozenset({401, 403})


class AttributedDrift(msgspec.Struct, frozen=True):
    """Drift with its actors, whether the event log could be read, and why not."""

    drifted: list[Drifted]
    events: EventLog = "read"
    problems: tuple[Diagnostic, ...] = ()


def attribute_drift(
    drifted: Sequence[Drifted],
    gateways: Mapping[str, Gateway],
    now: datetime,
    names: Mapping[str, str] = MappingProxyType({}),
) -> AttributedDrift:
    """Return the same drift with the actor of each field.

    `names` are those of trunks and applications by SID: drift has the name, the event the SID.
    Events that cannot be read leave the actors unknown; this is reported.
    """
    by_account: dict[str, list[Drifted]] = {}
    for item in drifted:
        if item.account in gateways and item.sid[:2] in EVENT_TYPES:
            by_account.setdefault(item.account, []).append(item)

    events: dict[str, list[Event]] = {}
    errors: dict[str, RemoteError] = {}
    for account, items in by_account.items():
        try:
            for event in _read_events(gateways[account], items, now - RETENTION):
                events.setdefault(event.resource_sid, []).append(event)
        except RemoteError as error:
            errors[account] = error

    return AttributedDrift(
        [_with_actors(item, events.get(item.sid, ()), names) for item in drifted],
        log_status(errors.values()),
        tuple([_unreadable_warning(account, error) for account, error in errors.items()]),
    )


def _with_actors(drifted: Drifted, events: Iterable[Event], names: Mapping[str, str]) -> Drifted:
    newest_first = sorted(events, key=lambda event: event.when, reverse=True)
    fields = []
    for field in drifted.fields:
        actor = _find_actor(field, newest_first, names)
        fields.append(msgspec.structs.replace(field, actor=actor))
    return msgspec.structs.replace(drifted, fields=tuple(fields))


def _find_actor(
    field: DriftedField, newest_first: Sequence[Event], names: Mapping[str, str]
) -> Actor | None:
    """Return who made the newest change of this field; None unless it led to the live value."""
    name = SID_FIELDS.get(field.field, field.field)
    is_gone = name == "sid" and field.live is None
    newest: datetime | None = None
    for event in newest_first:
        if is_gone and event.event_type.endswith(".deleted"):
            return actor_of(event)
        if name not in event.changes:
            continue

        # The log has whole seconds: the order of changes within one is not known.
        if newest is not None and event.when < newest:
            return None
        newest = event.when
        updated = event.changes[name][1]
        if isinstance(updated, list | dict | float):
            continue
        named = names.get(updated, updated) if isinstance(updated, str) else updated
        if is_same_value(updated, field.live) or is_same_value(named, field.live):
            return actor_of(event)
    return None


def actor_of(event: Event) -> Actor:
    """Return who made a change."""
    return Actor(
        sid=event.actor_sid or None,
        type=event.actor_type,
        via=_VIA.get(event.source, event.source),
        ip=event.ip or None,
        time=f"{event.when:%Y-%m-%dT%H:%M:%SZ}",
    )


def _read_events(gateway: Gateway, items: Sequence[Drifted], since: datetime) -> list[Event]:
    events: list[Event] = []
    if len(items) <= _ONE_BY_ONE:
        for item in items:
            events += gateway.events(resource_sid=item.sid, since=since)
        return events

    # Twilio does not combine types in one reading.
    types: set[str] = set()
    for item in items:
        kind = EVENT_TYPES[item.sid[:2]]
        is_gone = any(field.field == "sid" and field.live is None for field in item.fields)
        types.add(f"{kind}.deleted" if is_gone else f"{kind}.updated")
    for event_type in sorted(types):
        events += gateway.events(event_type=event_type, since=since, limit=10_000)
    return events


def log_status(errors: Iterable[RemoteError]) -> EventLog:
    """Return the status of all accounts together: a missing permission comes first."""
    statuses = [error.status for error in errors]
    if not statuses:
        return "read"
    return "denied" if _DENIED.intersection(statuses) else "unavailable"


def _unreadable_warning(account: str, error: RemoteError) -> Diagnostic:
    cause = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="events_unreadable",
        summary="Twilio's event log cannot be read",
        detail=f"Who has changed the drifted resources of account `{account}` is not known. "
        f"{cause.detail or cause.summary}",
    )
