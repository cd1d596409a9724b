"""Imitate Ravan AI (Agni): add a number by the pair of E.164 and SID, and list and fetch agents.
Paths begin with ``/ravan``.

Its documents name no errors: a failure is 200 with `success` false, the only documented sign of
success or failure. The Twilio account is connected in a browser, so it comes from a seed
(`ravan_connections`). Nothing is written to Twilio, because the documents describe no write.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, clamp_number
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    complete_uuid,
    find_visible,
    is_visible_to,
    visible_rows,
)
from reconciler.sandbox.platforms.twilio_client import E164, find_account, find_number
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.numbers import Number


class RavanConnection(PlatformRow, kw_only=True):
    """A connected Twilio account."""

    friendly_name: str = ""


class RavanAgent(PlatformRow, kw_only=True):
    """An agent."""

    agent_name: str = ""
    status: str = "active"


class RavanNumber(PlatformRow, kw_only=True):
    """An added number, with the trunks that Ravan has for it."""

    telephony_id: str = ""
    subscription_id: str = ""
    inbound_trunk_id: str = ""
    outbound_trunk_id: str = ""
    number: str = ""
    friendly_name: str = ""
    per_minute_price_inbound: int = 0
    per_minute_price_outbound: int = 0
    price: int = 0
    region: str = ""
    iso_country: str = ""
    is_active: bool = True


def _complete_connection(store: Store, row: RavanConnection) -> None:
    row.account_sid = find_account(store, row.account_sid)
    complete_uuid(store, row)


def _complete_number(store: Store, row: RavanNumber) -> None:
    if not E164.fullmatch(row.number):
        raise ValueError(f"number must be E.164 such as +15552000001, not {row.number!r}")
    row.inbound_trunk_id = row.inbound_trunk_id or store.new_sid("ST_")[:15]
    row.outbound_trunk_id = row.outbound_trunk_id or store.new_sid("ST_")[:15]
    complete_uuid(store, row)


CONNECTIONS = PlatformShelf(
    "ravan_connections", RavanConnection, "", _complete_connection, platform="ravan"
)
AGENTS = PlatformShelf("ravan_agents", RavanAgent, "", complete_uuid, platform="ravan")
NUMBERS = PlatformShelf(
    "ravan_numbers", RavanNumber, "", _complete_number, unique="number", platform="ravan"
)
SHELVES = (CONNECTIONS, AGENTS, NUMBERS)


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"success": False, "message": message, "data": None})


def _failure(message: str) -> Refused:
    return Refused(_error(200, message))


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "ravan", call.request.headers.get("x-api-key", ""))
    if key is None:
        raise Refused(_error(401, "The API key is missing or not valid"))
    return key.organization


PLATFORM = Platform("ravan", _authenticate, _error)


def _view(row: RavanNumber) -> dict[str, object]:
    own = ("sid", "account_sid", "organization", "created_at", "updated_at")
    fields = {name: getattr(row, name) for name in row.__struct_fields__ if name not in own}
    return {"id": row.sid, **fields, "created_at": row.created_at, "updated_at": row.updated_at}


def _add_number(call: PlatformCall) -> Reply:
    phone_number, sid = call.text("phone_number"), call.text("number_sid")
    price = call.body.get("price", 0)
    if not phone_number or not sid:
        raise _failure("phone_number and number_sid are required")
    if not E164.fullmatch(phone_number):
        raise _failure("phone_number must be in E.164 format")
    if isinstance(price, bool) or not isinstance(price, int | float):
        raise _failure("price must be a number")

    number = _find_pair(call, phone_number, sid)
    if call.store.table(NUMBERS).get_by_key(phone_number):
        raise Refused(_error(409, "The phone number has been added already"))

    row = RavanNumber(
        account_sid=number.account_sid,
        organization=call.organization,
        number=phone_number,
        friendly_name=call.text("friendly_name") or phone_number,
        price=int(price),
    )

    NUMBERS.add(call.store, row)
    return json_reply(
        200, {"success": True, "message": "Twilio number added successfully", "data": _view(row)}
    )


def _find_pair(call: PlatformCall, phone_number: str, sid: str) -> Number:
    """Return the number in a connected account that has this E.164 and this SID."""
    for connection in call.store.table(CONNECTIONS):
        number = None
        if sid.startswith("PN"):
            number = find_number(call.store, connection.account_sid, sid)
        if number is not None and is_visible_to(connection, call.organization):
            if number.phone_number != phone_number:
                raise _failure("number_sid is the SID of another phone number")
            return number
    raise _failure("The phone number is not in a connected Twilio account")


def _agent_view(row: RavanAgent) -> dict[str, object]:
    return {"id": row.sid, "agentName": row.agent_name, "status": row.status}


def _list_agents(call: PlatformCall) -> Reply:
    rows = visible_rows(call.store, AGENTS, call.organization)
    limit = clamp_number(
        call.request.query.get("limit", ""), max(len(rows), 1), least=1, most=10**6
    )
    offset = clamp_number(call.request.query.get("offset", ""), 0, least=0, most=10**9)

    meta = {"total": len(rows), "limit": limit, "offset": offset}
    data = [*map(_agent_view, rows[offset : offset + limit])]
    return json_reply(200, {"success": True, "message": "", "data": data, "meta": meta})


def _fetch_agent(call: PlatformCall) -> Reply:
    row = find_visible(call.store, AGENTS, call.path["id"], call.organization)
    if row is None:
        raise Refused(_error(404, "There is no agent with this id"))
    return json_reply(200, {"success": True, "message": "", "data": _agent_view(row)})


ROUTES = (
    PLATFORM.route("POST", "/api/v1/phone-numbers/add-twilio", _add_number),
    PLATFORM.route("POST", "/api/v1/phone-numbers/add-twilio/", _add_number),
    PLATFORM.route("GET", "/api/v1/agents/", _list_agents),
    PLATFORM.route("GET", "/api/v1/agents/{id}/", _fetch_agent),
)
