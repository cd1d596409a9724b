"""Imitate Feather's routes for the bridge numbers of warm transfers: import, list, delete, write
the webhooks again.

Importing one points its voice webhook at the organisation's bridge; deleting it clears the
webhook.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms.feather import (
    CONNECTIONS,
    PLATFORM,
    fetch_own,
    find_twilio_connection,
    invalid_field,
    list_own,
    organization_id,
    refuse_extra_fields,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.platforms.twilio_client import (
    E164,
    NUMBER_SID,
    TwilioRefused,
    find_number,
    write_number,
)
from reconciler.sandbox.store import Store

HOST = "https://api-sandbox.featherhq.com"
_FIELD = "twilio_number_sid"
_LONGEST = 64


class FeatherBridgeNumber(PlatformRow, kw_only=True):
    """A number for warm transfers."""

    phone_e164: str = ""
    twilio_sid: str = ""
    integration_connection_id: str | None = None
    status: str = "active"


def _complete(store: Store, row: FeatherBridgeNumber) -> None:
    if not E164.fullmatch(row.phone_e164):
        raise ValueError(f"phone_e164 must be E.164 such as +15552000001, not {row.phone_e164!r}")
    complete_uuid(store, row)


BRIDGES = PlatformShelf(
    "feather_bridge_numbers", FeatherBridgeNumber, "", _complete, platform="feather"
)
SHELVES = (BRIDGES,)


def bridge_url(call: PlatformCall) -> str:
    """Return the voice webhook of every bridge number of the organisation."""
    return f"{HOST}/twilio/{organization_id(call)}/bridge"


def _view(row: FeatherBridgeNumber) -> dict[str, object]:
    return {
        "id": row.sid,
        "phone_e164": row.phone_e164,
        "twilio_sid": row.twilio_sid,
        "integration_connection_id": row.integration_connection_id,
        "status": row.status,
        "created_at": row.created_at,
    }


def _read_number_sid(call: PlatformCall) -> str:
    """Return the number that an import names; refuses with 422."""
    refuse_extra_fields(call, _FIELD, "integration_connection_id")
    if _FIELD not in call.body:
        raise invalid_field(_FIELD, "Field required", "missing")

    value = call.body[_FIELD]
    if not isinstance(value, str):
        raise invalid_field(_FIELD, "Input should be a valid string", "string_type")
    if not value:
        raise invalid_field(_FIELD, "String should have at least 1 character", "string_too_short")
    if len(value) > _LONGEST:
        raise invalid_field(
            _FIELD, f"String should have at most {_LONGEST} characters", "string_too_long"
        )
    return value


def _import(call: PlatformCall) -> Reply:
    name, connection = _read_number_sid(call), find_twilio_connection(call)
    number = None
    if E164.fullmatch(name) or NUMBER_SID.fullmatch(name):
        number = find_number(call.store, connection.account_sid, name)
    if number is None:
        raise invalid_field(_FIELD, "The number is not in the connected Twilio account")

    try:
        write_number(call.store, number, {"VoiceUrl": bridge_url(call), "VoiceMethod": "POST"})
    except TwilioRefused as error:
        raise invalid_field(_FIELD, f"Twilio has refused the webhook ({error.code})") from None

    # Importing a number again answers the existing row.
    row = next((row for row in list_own(call, BRIDGES) if row.twilio_sid == number.sid), None)
    if row is None:
        row = FeatherBridgeNumber(
            account_sid=connection.account_sid,
            organization=call.organization,
            phone_e164=number.phone_number,
            twilio_sid=number.sid,
            integration_connection_id=connection.sid,
        )
        BRIDGES.add(call.store, row)
    return json_reply(200, _view(row))


def _list(call: PlatformCall) -> Reply:
    return json_reply(200, [*map(_view, list_own(call, BRIDGES))])


def _write_voice_url(call: PlatformCall, row: FeatherBridgeNumber, url: str) -> str:
    """Write the webhook of a number and return "", or return the error message."""
    number = find_number(call.store, row.account_sid, row.twilio_sid or row.phone_e164)
    if number is None:
        return "The number is not in the Twilio account"

    try:
        write_number(call.store, number, {"VoiceUrl": url, "VoiceMethod": "POST"})
    except TwilioRefused as error:
        return f"Twilio has refused the webhook ({error.code})"
    return ""


def _delete(call: PlatformCall) -> Reply:
    row = fetch_own(call, BRIDGES, call.path["id"])
    _write_voice_url(call, row, "")
    call.store.table(BRIDGES).remove(row)
    return json_reply(200, None)


def _reprovision(call: PlatformCall) -> Reply:
    results: list[dict[str, object]] = []
    for row in list_own(call, BRIDGES):
        detail = _write_voice_url(call, row, bridge_url(call))
        results.append(
            {"phone_e164": row.phone_e164, "configured": not detail, "detail": detail or None}
        )
    return json_reply(200, results)


def _warm_transfer(call: PlatformCall) -> Reply:
    connected = any(row.integration_key == "twilio" for row in list_own(call, CONNECTIONS))
    return json_reply(200, {"bridge_webhook_url": bridge_url(call) if connected else None})


_ALL = "/v1/identity/org/bridge-numbers"
ROUTES = (
    PLATFORM.route("GET", _ALL, _list),
    PLATFORM.route("POST", _ALL, _import),
    PLATFORM.route("POST", _ALL + "/reprovision", _reprovision),
    PLATFORM.route("DELETE", _ALL + "/{id}", _delete),
    PLATFORM.route("GET", "/v1/identity/org/warm-transfer", _warm_transfer),
)
