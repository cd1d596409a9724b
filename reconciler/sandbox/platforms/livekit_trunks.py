"""Imitate LiveKit's calls for inbound and outbound SIP trunks (create, update, list, delete). A
password is accepted but not stored.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from reconciler.sandbox.platforms.livekit import (
    convert_value,
    fetch_own,
    list_own,
    method_route,
    numbers_overlap,
    object_field,
    pick_fields,
    refusal,
    update_list,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, new_id, set_dates
from reconciler.sandbox.store import Store

Encryption = Literal[
    "SIP_MEDIA_ENCRYPT_DISABLE", "SIP_MEDIA_ENCRYPT_ALLOW", "SIP_MEDIA_ENCRYPT_REQUIRE"
]
Transport = Literal[
    "SIP_TRANSPORT_AUTO", "SIP_TRANSPORT_UDP", "SIP_TRANSPORT_TCP", "SIP_TRANSPORT_TLS"
]


class Media(msgspec.Struct, frozen=True):
    """The treatment of a call's media."""

    encryption: Encryption = "SIP_MEDIA_ENCRYPT_DISABLE"


class LiveKitTrunk(PlatformRow, kw_only=True):
    """The common fields of both kinds of trunk."""

    sid: str = msgspec.field(name="sip_trunk_id", default="")
    name: str = ""
    metadata: str = ""
    numbers: list[str] = msgspec.field(default_factory=list)
    auth_username: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    media: Media = Media()


class LiveKitInboundTrunk(LiveKitTrunk, kw_only=True):
    """Takes calls from a SIP provider."""

    allowed_addresses: list[str] = msgspec.field(default_factory=list)
    allowed_numbers: list[str] = msgspec.field(default_factory=list)
    krisp_enabled: bool = False


class LiveKitOutboundTrunk(LiveKitTrunk, kw_only=True):
    """Places calls through a SIP provider."""

    address: str = ""
    transport: Transport = "SIP_TRANSPORT_AUTO"
    destination_country: str = ""
    from_host: str = ""


def _complete(store: Store, row: LiveKitTrunk) -> None:
    row.sid = row.sid or new_id(store, "ST_", 12)
    set_dates(store, row)


INBOUND = PlatformShelf(
    "livekit_inbound_trunks",
    LiveKitInboundTrunk,
    "ST_",
    _complete,
    platform="livekit",
    secrets=("headers",),
)
OUTBOUND = PlatformShelf(
    "livekit_outbound_trunks",
    LiveKitOutboundTrunk,
    "ST_",
    _complete,
    platform="livekit",
    secrets=("headers",),
)
SHELVES = (INBOUND, OUTBOUND)
R = TypeVar("R", LiveKitInboundTrunk, LiveKitOutboundTrunk)
_COMMON = ("name", "metadata", "numbers", "auth_username", "headers", "media")
_NAMES = {
    INBOUND.name: (*_COMMON, "allowed_addresses", "allowed_numbers", "krisp_enabled"),
    OUTBOUND.name: (*_COMMON, "address", "transport", "destination_country", "from_host"),
}
_LISTS = ("numbers", "allowed_addresses", "allowed_numbers")
_UNKEPT: dict[str, object] = {
    "auth_password": "",
    "headers_to_attributes": {},
    "attributes_to_headers": {},
    "include_headers": "SIP_NO_HEADERS",
}
_UNKEPT_INBOUND: dict[str, object] = {
    "auth_realm": "",
    "ringing_timeout": None,
    "ringing_timeout_status": "SIP_STATUS_UNKNOWN",
    "max_call_duration": None,
}
"""Fields of LiveKit's messages that are not stored here: an answer has them with their default."""


def _view(shelf: PlatformShelf[R], row: R) -> dict[str, object]:
    """Return a trunk; its encryption is under both names, as LiveKit shows it."""
    view: dict[str, object] = {"sip_trunk_id": row.sid, **_UNKEPT}
    if shelf.name == INBOUND.name:
        view |= _UNKEPT_INBOUND
    for name in (*_NAMES[shelf.name], "created_at", "updated_at"):
        view[name] = getattr(row, name)
    view["media_encryption"] = row.media.encryption
    return view


def _pick(shelf: PlatformShelf[R], body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a trunk that a body sets.

    `media_encryption` is the former name of `media.encryption`, which counts where both are set.
    """
    values = pick_fields(body, _NAMES[shelf.name])
    former = body.get("media_encryption")
    if former is not None and "media" not in values:
        values["media"] = {"encryption": former}
    return values


def _check_inbound(call: PlatformCall, row: LiveKitInboundTrunk, password: str) -> None:
    """Refuse an inbound trunk that anybody could use, or that conflicts with another one."""
    if not (row.numbers or row.allowed_addresses or (row.auth_username and password)):
        raise refusal(
            "invalid_argument",
            "for security, one of the fields must be set: "
            "auth_username+auth_password, allowed_addresses or numbers",
        )

    for other in list_own(call, INBOUND, ""):
        if other.sid == row.sid or not numbers_overlap(row.numbers, other.numbers):
            continue
        if numbers_overlap(row.allowed_numbers, other.allowed_numbers):
            raise refusal(
                "invalid_argument",
                f"Conflicting inbound SIP Trunks: {row.sid or '<new>'} and {other.sid}",
            )


def _check_outbound(row: LiveKitOutboundTrunk) -> None:
    if not row.address:
        raise refusal("invalid_argument", "no outbound address specified")
    if "sip:" in row.address:
        raise refusal("invalid_argument", "trunk address should be a hostname or IP, not SIP URI")
    if not row.numbers:
        raise refusal("invalid_argument", "no numbers specified")


def _check(call: PlatformCall, row: LiveKitTrunk, password: str) -> None:
    if isinstance(row, LiveKitInboundTrunk):
        _check_inbound(call, row, password)
    elif isinstance(row, LiveKitOutboundTrunk):
        _check_outbound(row)


def _create(call: PlatformCall, shelf: PlatformShelf[R]) -> dict[str, object]:
    trunk = object_field(call, "trunk")
    if trunk is None:
        raise refusal("invalid_argument", "missing trunk")
    if trunk.get("sip_trunk_id"):
        raise refusal("invalid_argument", "trunk id must not be set")

    row = convert_value(_pick(shelf, trunk), shelf.row)
    row.organization = call.organization
    _check(call, row, str(trunk.get("auth_password") or ""))

    shelf.add(call.store, row)
    return _view(shelf, row)


def _update(call: PlatformCall, shelf: PlatformShelf[R]) -> dict[str, object]:
    """Update a trunk: `replace` gives all fields, `update` only those that change."""
    row, names = fetch_own(call, shelf, "sip_trunk_id"), _NAMES[shelf.name]
    replace, update = object_field(call, "replace"), object_field(call, "update")
    if (replace is None) == (update is None):
        raise refusal("invalid_argument", "missing or unsupported action")

    values = _pick(shelf, replace or update or {})

    # The password is not stored: an update counts as one with a password, as it keeps the old one.
    password = (replace or {}).get("auth_password") or ("" if update is None else "unchanged")

    if update is not None:
        for name in set(_LISTS) & set(values):
            values[name] = update_list(getattr(row, name), values[name])
        values = msgspec.to_builtins({name: getattr(row, name) for name in names}) | values

    after = convert_value({**values, "sip_trunk_id": row.sid}, shelf.row)
    _check(call, after, str(password))
    call.store.table(shelf).change(row, {name: getattr(after, name) for name in names})
    return _view(shelf, row)


def _list(call: PlatformCall, shelf: PlatformShelf[R]) -> dict[str, object]:
    """List trunks; those for any number match every filter of numbers."""
    rows = list_own(call, shelf, "trunk_ids")
    numbers = convert_value(call.body.get("numbers") or [], list[str])

    if numbers:
        rows = [row for row in rows if not row.numbers or numbers_overlap(row.numbers, numbers)]
    return {"items": [_view(shelf, row) for row in rows]}


def _delete(call: PlatformCall) -> dict[str, object]:
    if call.store.table(OUTBOUND).get(call.text("sip_trunk_id")) is not None:
        return _remove(call, OUTBOUND)
    return _remove(call, INBOUND)


def _remove(call: PlatformCall, shelf: PlatformShelf[R]) -> dict[str, object]:
    row = fetch_own(call, shelf, "sip_trunk_id")
    call.store.table(shelf).remove(row)
    return _view(shelf, row)


ROUTES = (
    method_route("CreateSIPInboundTrunk", lambda call: _create(call, INBOUND)),
    method_route("CreateSIPOutboundTrunk", lambda call: _create(call, OUTBOUND)),
    method_route("UpdateSIPInboundTrunk", lambda call: _update(call, INBOUND)),
    method_route("UpdateSIPOutboundTrunk", lambda call: _update(call, OUTBOUND)),
    method_route("ListSIPInboundTrunk", lambda call: _list(call, INBOUND)),
    method_route("ListSIPOutboundTrunk", lambda call: _list(call, OUTBOUND)),
    method_route("DeleteSIPTrunk", _delete),
)
