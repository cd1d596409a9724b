"""Read the event logs of accounts for `log`, in the words of plans: what each event changed, of which
address, by whom. An account whose log cannot be read gives a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.kinds.number import SID_FIELDS
from reconciler.model.actor import Actor
from reconciler.model.address import Address
from reconciler.model.route import Json, WireValue
from reconciler.planning.checks.secrecy import mask_all
from reconciler.planning.decide.drift import EventLog
from reconciler.planning.log.entries import LoggedEvent
from reconciler.remote.gateway import Event, Gateway
from reconciler.remote.queries.attribution import EVENT_TYPES, actor_of, log_status

MOST_EVENTS = 10_000
"""Events of one account that one `log` reads."""
_KINDS = {"PN": "number", "AP": "application"}
_FIELDS = {wire: field for field, wire in SID_FIELDS.items()}
_HIDDEN = frozenset({"auth_token", "password", "secret"})
"""Fields that are never shown, whatever server answers."""
_LONGEST = 1_000
_VERBS: Mapping[str, Literal["created", "updated", "deleted"]] = {
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
}


class EventHistory(msgspec.Struct, frozen=True):
    """The events of all accounts, oldest first, and whether they could be read.

    `unread` are accounts whose log could not be read, `cut` those that have more events.
    """

    events: list[LoggedEvent]
    status: EventLog
    unread: tuple[str, ...]
    cut: tuple[str, ...]
    problems: tuple[Diagnostic, ...]


class Known(msgspec.Struct, frozen=True):
    """What the project knows: addresses and names by SID, and its own credentials by account."""

    addresses: Mapping[str, str]
    names: Mapping[str, str]
    credentials: Mapping[str, frozenset[str]]


def read_event_log(
    connect: Callable[[str], Gateway],
    accounts: Iterable[str],
    known: Known,
    since: datetime,
    sids: Collection[str] | None,
) -> EventHistory:
    """Return the events of these resources since that time; of all when `sids` is None.

    A number may have been in another account before, so each is looked for in all.
    """
    found: list[tuple[str, Event]] = []
    errors: dict[str, ReconcilerError] = {}
    cut: list[str] = []
    for account in accounts:
        try:
            events = _read(connect(account), since, sids)
        except ReconcilerError as error:
            # The end of the whole run is not a failure of the account.
            if isinstance(error, RemoteError) and error.code in ("timed_out", "interrupted"):
                raise
            errors[account] = error
            continue
        if len(events) >= MOST_EVENTS:
            cut.append(account)
        found += [(account, event) for event in events]

    # Twilio lists the newest first; within a second its order is the only one there is.
    found.reverse()
    found.sort(key=lambda each: each[1].when)
    logged: list[LoggedEvent] = []
    for order, (account, event) in enumerate(found):
        entry = _to_logged(event, order, known, known.credentials.get(account, frozenset()))
        if entry is not None:
            logged.append(entry)
    problems = [_unreadable_warning(account, error) for account, error in errors.items()]
    status = log_status([error for error in errors.values() if isinstance(error, RemoteError)])
    if errors and status == "read":
        status = "unavailable"  # a secret of the account is missing
    return EventHistory(logged, status, tuple(errors), tuple(cut), tuple(problems))


def _read(gateway: Gateway, since: datetime, sids: Collection[str] | None) -> list[Event]:
    if sids is None:
        return gateway.events(since=since, limit=MOST_EVENTS)

    events: list[Event] = []
    for sid in sorted(sids):
        if sid[:2] in EVENT_TYPES:
            events += gateway.events(resource_sid=sid, since=since, limit=MOST_EVENTS)
    return events


def _to_logged(
    event: Event, order: int, known: Known, credentials: frozenset[str]
) -> LoggedEvent | None:
    """Return an event of a number or an application; None for any other."""
    kind = _KINDS.get(event.resource_sid[:2])
    verb = _VERBS.get(event.event_type.rpartition(".")[2])
    if kind is None or verb is None:
        return None

    address = known.addresses.get(event.resource_sid)
    changes: dict[str, tuple[WireValue, WireValue]] = {}
    for wire, (before, after) in event.changes.items():
        field = _FIELDS.get(wire, wire)
        if wire in _HIDDEN:
            changes[field] = ("(secret)", "(new secret)")
        else:
            changes[field] = (_plain(before, known), _plain(after, known))
    actor = actor_of(event)
    return LoggedEvent(
        order=order,
        sid=event.resource_sid,
        address=address or str(Address.of(kind, event.resource_sid)),
        verb=verb,
        actor=actor,
        is_own=_is_own(actor, credentials),
        changes=changes,
    )


def _is_own(actor: Actor, credentials: frozenset[str]) -> bool:
    """Return whether the credentials of this project made the change through the API."""
    return actor.via == "api" and actor.sid in credentials


def _plain(value: Json, known: Known) -> WireValue:
    """Return a value without credentials, with the name of a resource in place of its SID."""
    if isinstance(value, str):
        return mask_all(known.names.get(value, value)[:_LONGEST])  # type: ignore[no-any-return]
    if isinstance(value, bool | int) or value is None:
        return value
    return msgspec.json.encode(mask_all(value)).decode()[:_LONGEST]


def _unreadable_warning(account: str, error: ReconcilerError) -> Diagnostic:
    cause = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="events_unreadable",
        summary="Twilio's event log cannot be read",
        detail=f"Changes that others made in account `{account}` are missing here. "
        f"{cause.detail or cause.summary}",
    )
