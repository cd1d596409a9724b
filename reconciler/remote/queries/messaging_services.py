"""Read the messaging services of an account and the numbers in them.

A number does not show that it is in a service; only the service shows its numbers. One call for each
service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint, Row
from reconciler.kinds.membership import MEMBERS, MEMBERSHIP
from reconciler.kinds.messaging_service import CAMPAIGN
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Membership, Wire
from reconciler.planning.identity.observed import Service
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

SERVICES = Endpoint("GET", "messaging", "/v1/Services", items="services", optional=True)
"""The listing, where nothing that is declared needs it."""
_WORKERS = 8
_BASE = "/v1/Services/{service_sid}"


def _senders(path: str, items: str) -> Endpoint:
    return Endpoint("GET", "messaging", f"{_BASE}/{path}", items=items, optional=True)


_OTHER_SENDERS = (
    ("short code", _senders("ShortCodes", "short_codes")),
    ("alpha sender", _senders("AlphaSenders", "alpha_senders")),
    ("channel sender", _senders("ChannelSenders", "senders")),
)
"""The lists of senders that are no numbers. Source:
https://www.twilio.com/docs/messaging/api/service-resource
"""

_LABELS = ("short_code", "alpha_sender", "sender")


def read_members(gateway: Gateway, services: Sequence[Service]) -> dict[str, Service]:
    """Return the service of each number that is in one of these, by the SID of the number.

    Raises RemoteError.
    """
    members = map_each(
        lambda service: _read_member_sids(gateway, service.sid),
        services,
        workers=_WORKERS,
        name="members",
    )

    service_of: dict[str, Service] = {}
    for service, sids in zip(services, members, strict=True):
        service_of.update(dict.fromkeys(sids, service))
    return service_of


def _read_member_sids(gateway: Gateway, service_sid: str) -> list[str]:
    try:
        rows = gateway.rows(MEMBERS, service_sid=service_sid)
    except RemoteError as error:
        if error.status == 404:  # deleted since it was listed
            return []
        raise
    return [str(row["sid"]) for row in rows if "sid" in row]


def to_service(row: Row) -> Service:
    """Return a service from its row."""
    url, method = row.get("inbound_request_url"), row.get("inbound_method")
    return Service(
        str(row.get("sid")),
        str(row.get("friendly_name") or ""),
        str(url or ""),
        str(method or "POST"),
        bool(row.get("use_inbound_webhook_on_number")),
    )


def with_other_senders(gateway: Gateway, service: Service, row: Row) -> Service:
    """Return the service with its senders that are no numbers; unknown where a list cannot be read.

    They are read only before a service may be deleted.
    """
    found: list[str] = []
    if row.get(CAMPAIGN):
        found.append("an A2P 10DLC campaign")

    for kind, listing in _OTHER_SENDERS:
        try:
            senders = gateway.rows(listing, service_sid=service.sid)
        except RemoteError as error:
            if error.code in ("timed_out", "interrupted"):
                raise
            if error.status != 404:
                return service
            senders = []  # a server that stands in for Twilio has no such list
        found += [f"{kind} {_label(sender)}" for sender in senders]
    return msgspec.structs.replace(service, other_senders=tuple(found))


def _label(sender: Mapping[str, object]) -> str:
    for name in _LABELS:
        if isinstance(sender.get(name), str):
            return str(sender[name])
    return str(sender.get("sid"))


def add_memberships(
    numbers: Mapping[str, Live],
    members: Mapping[str, Service],
    names: Mapping[str, str],
    managed: Iterable[str],
) -> dict[str, Live]:
    """Return the numbers whose membership is managed, with their service.

    `managed` are the E.164s or SIDs of these numbers, `names` maps SIDs of services to their names.
    Numbers with equal configuration in one service share one value of it.
    """
    by_sid: dict[str, Live] = {}
    shared: IdentityMap[tuple[Attrs, Wire]] = IdentityMap()
    changed: dict[str, Live] = {}
    for key in managed:
        live = numbers.get(key)
        if live is None:
            by_sid = by_sid or {each.sid: each for each in numbers.values()}
            live = by_sid.get(key)
        service = members.get(live.sid) if live is not None else None
        if live is None or service is None:
            continue

        values = shared.get(live.attrs, live.wire, service)
        if values is None:
            membership = Membership(names.get(service.sid, service.sid))
            values = (
                {**live.attrs, MEMBERSHIP: membership},
                {**live.wire, MEMBERSHIP: service.sid},
            )
            shared.put(values, live.attrs, live.wire, service)
        attrs, wire = values
        changed[live.key] = msgspec.structs.replace(live, attrs=attrs, wire=wire)
    return changed
