"""Imitate Feather's routes for phone numbers, and for the channels that bind agents or teams to
them.

Deleting a number sets its status to `retired`; nothing is written to Twilio.
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms.feather import (
    ASSISTANTS,
    PLATFORM,
    fetch_own,
    find_twilio_connection,
    invalid_field,
    list_own,
    organization_uuid,
    refusal,
    refuse_extra_fields,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.platforms.twilio_client import E164, find_number
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.dates import iso8601

_CAPABILITIES = ("sms", "voice")
_STATUSES = ("active", "paused", "retired")
_CHANNELS = ("sms", "inbound_call", "outbound_call")
_CREATE_FIELDS = (
    "phone_e164",
    "vendor",
    "vendor_mode",
    "capabilities",
    "vendor_metadata",
    "integration_connection_id",
)
_BINDING = ("agent_id", "agent_revision_id", "team_id", "team_revision_id")


class FeatherPhoneNumber(PlatformRow, kw_only=True):
    """A number of the platform or of the customer."""

    phone_e164: str = ""
    vendor: str = "twilio"
    vendor_mode: str = "byo"
    capabilities: list[str] = msgspec.field(default_factory=list)
    vendor_metadata: dict[str, object] = msgspec.field(default_factory=dict)
    integration_connection_id: str | None = None
    status: str = "active"


class FeatherChannel(PlatformRow, kw_only=True):
    """An agent or a team that answers on one channel of a number."""

    phone_number_id: str = ""
    channel_type: str = ""
    agent_id: str | None = None
    agent_revision_id: str | None = None
    team_id: str | None = None
    team_revision_id: str | None = None


def _complete(store: Store, row: FeatherPhoneNumber) -> None:
    if not E164.fullmatch(row.phone_e164):
        raise ValueError(f"phone_e164 must be E.164 such as +15552000001, not {row.phone_e164!r}")
    complete_uuid(store, row)


NUMBERS = PlatformShelf(
    "feather_phone_numbers", FeatherPhoneNumber, "", _complete, platform="feather"
)
CHANNELS = PlatformShelf("feather_channels", FeatherChannel, "", complete_uuid, platform="feather")
SHELVES = (NUMBERS, CHANNELS)


def _view(call: PlatformCall, row: FeatherPhoneNumber) -> dict[str, object]:
    fields = msgspec.structs.asdict(row)
    for name in ("sid", "account_sid", "organization", "integration_connection_id"):
        del fields[name]
    return {"id": row.sid, "organization_id": organization_uuid(call), **fields}


def _list(call: PlatformCall) -> Reply:
    query, rows = call.request.query, list_own(call, NUMBERS)
    if query.get("capability"):
        rows = [row for row in rows if query["capability"] in row.capabilities]
    if query.get("status"):
        rows = [row for row in rows if query["status"] == row.status]
    return json_reply(200, [_view(call, row) for row in rows])


def _one_of(call: PlatformCall, name: str, *values: str) -> str:
    if call.body.get(name) not in values:
        kind = "literal_error" if name in call.body else "missing"
        raise invalid_field(name, f"Input should be {' or '.join(map(repr, values))}", kind)
    return call.text(name)


def _capabilities(call: PlatformCall) -> list[str]:
    value = call.body.get("capabilities", [])
    if not isinstance(value, list) or not all(item in _CAPABILITIES for item in value):
        raise invalid_field(
            "capabilities", "Input should be a list of 'sms' and 'voice'", "literal_error"
        )
    return value


def _metadata(call: PlatformCall) -> dict[str, object]:
    value = call.body.get("vendor_metadata", {})
    if not isinstance(value, dict):
        raise invalid_field("vendor_metadata", "Input should be a valid dictionary", "dict_type")
    return value


def _create(call: PlatformCall) -> Reply:
    refuse_extra_fields(call, *_CREATE_FIELDS)
    phone = call.text("phone_e164")
    if not 2 <= len(phone) <= 20:
        raise invalid_field("phone_e164", "String should have 2 to 20 characters", "string_type")

    row = FeatherPhoneNumber(
        organization=call.organization,
        phone_e164=phone,
        vendor=_one_of(call, "vendor", "twilio"),
        vendor_mode=_one_of(call, "vendor_mode", "platform", "byo"),
        capabilities=_capabilities(call),
        vendor_metadata=_metadata(call),
    )

    for other in call.store.table(NUMBERS):
        if other.phone_e164 == phone:
            raise refusal(400, f"{phone} is there already")

    # A customer's own number must be in the connected account; a platform number need not.
    if row.vendor_mode == "byo":
        connection = find_twilio_connection(call)
        if find_number(call.store, connection.account_sid, phone) is None:
            raise refusal(400, f"{phone} is not in the connected Twilio account")
        row.account_sid, row.integration_connection_id = connection.account_sid, connection.sid

    complete_uuid(call.store, row)
    call.store.table(NUMBERS).add(row)
    return json_reply(201, _view(call, row))


def _number(call: PlatformCall) -> FeatherPhoneNumber:
    return fetch_own(call, NUMBERS, call.path["id"])


def _fetch(call: PlatformCall) -> Reply:
    return json_reply(200, _view(call, _number(call)))


def _change(call: PlatformCall) -> Reply:
    row = _number(call)
    refuse_extra_fields(call, "status", "capabilities", "vendor_metadata")
    if "status" in call.body:
        row.status = _one_of(call, "status", *_STATUSES)
    if "capabilities" in call.body:
        row.capabilities = _capabilities(call)
    if "vendor_metadata" in call.body:
        row.vendor_metadata = _metadata(call)
    return _reply_after_update(call, row)


def _reply_after_update(call: PlatformCall, row: FeatherPhoneNumber) -> Reply:
    row.updated_at = iso8601(call.store.now())
    return json_reply(200, _view(call, row))


def _retire(call: PlatformCall) -> Reply:
    if call.request.query.get("force", "").lower() == "true":
        raise refusal(403, "force is internal only")
    _number(call).status = "retired"
    return Reply(204)


def _restore(call: PlatformCall) -> Reply:
    row = _number(call)
    row.status = "active"
    return _reply_after_update(call, row)


def _channel_view(row: FeatherChannel) -> dict[str, object]:
    pinned = row.agent_revision_id or row.team_revision_id
    return {
        "id": row.sid,
        "phone_number_id": row.phone_number_id,
        "channel_type": row.channel_type,
        **{name: getattr(row, name) for name in _BINDING},
        "created_at": row.created_at,
        "revision_state": "pinned_current" if pinned else "legacy_unpinned",
    }


def _channels(call: PlatformCall, channel_type: str = "") -> list[FeatherChannel]:
    number = _number(call)
    rows: list[FeatherChannel] = []
    for row in call.store.table(CHANNELS):
        if row.phone_number_id == number.sid and channel_type in ("", row.channel_type):
            rows.append(row)
    return rows


def _list_channels(call: PlatformCall) -> Reply:
    return json_reply(200, [*map(_channel_view, _channels(call))])


def _new_channel(call: PlatformCall, channel_type: str, binding: object) -> FeatherChannel:
    """Return a channel that is not on its shelf yet.

    Refuses a binding without agent and team, and an agent that does not exist.
    """
    if not isinstance(binding, dict) or not (binding.get("agent_id") or binding.get("team_id")):
        raise invalid_field("agent_id", "Either agent_id or team_id is required")
    if binding.get("agent_id"):
        fetch_own(call, ASSISTANTS, str(binding["agent_id"]))

    values: dict[str, str] = {}
    for name in _BINDING:
        if binding.get(name):
            values[name] = str(binding[name])
    return FeatherChannel(
        organization=call.organization,
        phone_number_id=_number(call).sid,
        channel_type=channel_type,
        **values,
    )


def _add_to_shelf(call: PlatformCall, row: FeatherChannel) -> FeatherChannel:
    complete_uuid(call.store, row)
    return call.store.table(CHANNELS).add(row)


def _add_channel(call: PlatformCall) -> Reply:
    _number(call)
    refuse_extra_fields(call, "channel_type", *_BINDING)
    row = _new_channel(call, _one_of(call, "channel_type", *_CHANNELS), call.body)
    return json_reply(201, _channel_view(_add_to_shelf(call, row)))


def _replace_channels(call: PlatformCall) -> Reply:
    """Replace all bindings of one channel; an empty list removes them."""
    _number(call)
    refuse_extra_fields(call, "bindings")
    channel_type, bindings = call.path["channel"], call.body.get("bindings")
    if channel_type not in _CHANNELS or not isinstance(bindings, list):
        raise invalid_field(
            "bindings", "A list of bindings for sms, inbound_call or outbound_call is required"
        )

    # All bindings are checked before the first old one is removed.
    rows = [_new_channel(call, channel_type, binding) for binding in bindings]
    for old in _channels(call, channel_type):
        call.store.table(CHANNELS).remove(old)
    return json_reply(200, [_channel_view(_add_to_shelf(call, row)) for row in rows])


def _delete_channel(call: PlatformCall) -> Reply:
    for row in _channels(call):
        if row.sid == call.path["channel"]:
            call.store.table(CHANNELS).remove(row)
            return Reply(204)
    raise refusal(404, f"{call.path['channel']} was not found")


_ALL = "/v1/communication/phone-numbers"
_ONE = _ALL + "/{id}"
ROUTES = (
    PLATFORM.route("GET", _ALL, _list),
    PLATFORM.route("POST", _ALL, _create),
    PLATFORM.route("GET", _ONE, _fetch),
    PLATFORM.route("PATCH", _ONE, _change),
    PLATFORM.route("DELETE", _ONE, _retire),
    PLATFORM.route("POST", _ONE + "/restore", _restore),
    PLATFORM.route("GET", _ONE + "/channels", _list_channels),
    PLATFORM.route("POST", _ONE + "/channels", _add_channel),
    PLATFORM.route("PUT", _ONE + "/channels/{channel}", _replace_channels),
    PLATFORM.route("DELETE", _ONE + "/channels/{channel}", _delete_channel),
)
