"""Imitate Butter AI: import numbers from a Twilio integration or over SIP, assign them to agents,
list them, and manage integrations.

Webhooks are set when an agent is assigned. Paths begin with ``/butter``. A SIP number stores its
user and its encryption; password and PIN are not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    is_visible_to,
    new_id,
    set_dates,
    visible_rows,
)
from reconciler.sandbox.platforms.twilio_client import (
    E164,
    TwilioRefused,
    find_account,
    find_number,
    sign_in,
    write_number,
)
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.dates import iso8601

HOST = "https://api.getbutter.ai"
PAGE_SIZE = 1000
"""Numbers on a page; the documents do not say how many the real one shows."""
_ENCRYPTIONS = ("disable", "allow", "require")


class ButterIntegration(PlatformRow, kw_only=True):
    """A Twilio account; the auth token is not stored."""

    sid: str = msgspec.field(name="integration_id", default="")
    name: str = "Twilio"
    provider: str = "twilio"
    status: str = "active"


class ButterAgent(PlatformRow, kw_only=True):
    """An agent."""

    sid: str = msgspec.field(name="agent_id", default="")
    agent_name: str = ""


class ButterNumber(PlatformRow, kw_only=True):
    """An imported number, free or assigned to an agent."""

    sid: str = msgspec.field(name="phone_number_id", default="")
    phone_number: str = ""
    provider: str = "twilio"
    supports_inbound: bool = False
    supports_outbound: bool = False
    integration_id: str | None = None
    assigned_agent_id: str | None = None
    sip_trunk_name: str | None = None
    sip_username: str | None = None
    sip_server_address: str | None = None
    inbound_room_name: str | None = None
    media_encryption: str | None = None


Row = TypeVar("Row", ButterIntegration, ButterAgent, ButterNumber)


def _completer(prefix: str) -> Callable[[Store, PlatformRow], None]:
    def complete(store: Store, row: PlatformRow) -> None:
        row.sid = row.sid or new_id(store, prefix, 12)
        set_dates(store, row)

    return complete


def _complete_integration(store: Store, row: ButterIntegration) -> None:
    if row.provider == "twilio":
        row.account_sid = find_account(store, row.account_sid)
    _completer("intg_")(store, row)


INTEGRATIONS = PlatformShelf(
    "butter_integrations", ButterIntegration, "intg_", _complete_integration, platform="butter"
)
AGENTS = PlatformShelf(
    "butter_agents", ButterAgent, "agent_", _completer("agent_"), platform="butter"
)
NUMBERS = PlatformShelf(
    "butter_numbers",
    ButterNumber,
    "phon_",
    _completer("phon_"),
    unique="phone_number",
    platform="butter",
)
SHELVES = (INTEGRATIONS, AGENTS, NUMBERS)


def refusal(status: int, message: str) -> Refused:
    """Return the exception that ends a call with one of Butter's errors."""
    return Refused(_error(status, message))


def _error(status: int, message: str) -> Reply:
    # Butter reports some failures with a success status, and `success` false in the body.
    if status < 400:
        return json_reply(status, {"success": False, "message": message, "data": None})
    return json_reply(status, {"detail": message})


def _authenticate(call: Call) -> str:
    """Return the organisation of the header.

    A key that a seed gives to one organisation may not be used for another one.
    """
    headers = call.request.headers
    key = find_key(call.store, "butter", headers.get("x-api-key", ""))
    organization = headers.get("x-organization-id")

    if key is None:
        raise refusal(401, "Invalid API key")
    if not organization:
        raise refusal(400, "X-Organization-Id is required")
    if not is_visible_to(key, organization):
        raise refusal(403, "The API key belongs to a different organization")
    return organization


PLATFORM = Platform("butter", _authenticate, _error)


def _fetch_own(call: PlatformCall, shelf: PlatformShelf[Row], sid: str, name: str) -> Row:
    """Return the row with this id.

    Refuses with 404 when there is none, with 403 when it is another organisation's.
    """
    row = call.store.table(shelf).get(sid)
    if row is None:
        raise refusal(404, f"{name} not found")
    if not is_visible_to(row, call.organization):
        raise refusal(403, f"{name} belongs to different organization")
    return row


def _success(message: str, data: Mapping[str, object], status: int = 200) -> Reply:
    return json_reply(status, {"success": True, "message": message, "data": data})


def _view(row: ButterNumber) -> dict[str, object]:
    """Return a number as an import or an assignment answers it."""
    # Butter has no other status: a number is free until an agent has it.
    status = "assigned" if row.assigned_agent_id else "free"
    return {
        "phone_number_id": row.sid,
        "phone_number": row.phone_number,
        "provider": row.provider,
        "status": status,
        "supports_inbound": row.supports_inbound,
        "supports_outbound": row.supports_outbound,
        "integration_id": row.integration_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _summary(row: ButterNumber) -> dict[str, object]:
    view = _view(row)
    del view["integration_id"], view["updated_at"]
    return {**view, "assigned_agent_id": row.assigned_agent_id}


def _list(call: PlatformCall) -> Reply:
    """Answer the first page: the parameter for a second page is not documented."""
    status = call.request.query.get("status", "")
    rows = visible_rows(call.store, NUMBERS, call.organization)
    views = [view for view in map(_summary, rows) if status in ("", view["status"])]

    page = views[:PAGE_SIZE]
    has_more = len(page) < len(views)
    pagination = {
        "next_cursor": page[-1]["phone_number_id"] if has_more else None,
        "has_more": has_more,
        "page_size": len(page),
        "total_count": len(views),
    }
    return json_reply(200, {"success": True, "data": page, "pagination": pagination})


def _import(call: PlatformCall) -> Reply:
    phone_number, provider = call.text("phone_number"), call.text("provider")
    if not E164.fullmatch(phone_number):
        raise refusal(400, "phone_number is required, in E.164 format")
    if provider not in ("twilio", "sip"):
        raise refusal(400, "provider must be twilio or sip")

    row = ButterNumber(
        organization=call.organization,
        phone_number=phone_number,
        provider=provider,
        supports_inbound=call.body.get("supports_inbound") is True,
        supports_outbound=call.body.get("supports_outbound") is True,
    )

    if provider == "twilio":
        _set_integration(call, row)
    else:
        _set_sip_fields(call, row)

    if call.store.table(NUMBERS).get_by_key(phone_number):
        raise refusal(409, "Phone number already exists in the system")

    NUMBERS.add(call.store, row)
    return _success(f"Phone number imported successfully with {provider}", _view(row))


def _set_integration(call: PlatformCall, row: ButterNumber) -> None:
    if not call.text("integration_id"):
        raise refusal(400, "integration_id is required for Twilio numbers")
    integration = _fetch_own(call, INTEGRATIONS, call.text("integration_id"), "Integration")
    if integration.provider != "twilio":
        raise refusal(400, "The integration is not a Twilio integration")
    row.integration_id, row.account_sid = integration.sid, integration.account_sid


def _set_sip_fields(call: PlatformCall, row: ButterNumber) -> None:
    row.media_encryption = call.text("media_encryption") or "allow"
    if row.media_encryption not in _ENCRYPTIONS:
        raise refusal(400, "media_encryption must be disable, allow or require")
    if row.supports_outbound and not call.text("sip_server_address"):
        raise refusal(400, "sip_server_address is required for outbound")
    if call.text("inbound_pin") and not 4 <= len(call.text("inbound_pin")) <= 10:
        raise refusal(400, "inbound_pin must have 4-10 characters")
    for name in ("sip_trunk_name", "sip_username", "sip_server_address", "inbound_room_name"):
        setattr(row, name, call.text(name) or None)


def _assign(call: PlatformCall) -> Reply:
    agent = _fetch_own(call, AGENTS, call.path["agent"], "Agent")
    row = _fetch_own(call, NUMBERS, call.text("phone_number_id"), "Phone number")
    if row.assigned_agent_id:
        owner = "this" if row.assigned_agent_id == agent.sid else "another"
        raise refusal(409, f"Phone number is already assigned to {owner} agent")

    # Only Twilio numbers have webhooks; a SIP number is reached through its trunk.
    if row.provider == "twilio":
        if call.store.table(INTEGRATIONS).get(row.integration_id or "") is None:
            raise refusal(400, "Phone number has no integration")
        _write_webhooks(call, row, f"{HOST}/twilio/voice", f"{HOST}/twilio/status")

    _set_agent(call, row, agent.sid)
    return _success("Phone number assigned successfully", _view(row))


def _unassign(call: PlatformCall) -> Reply:
    agent = _fetch_own(call, AGENTS, call.path["agent"], "Agent")
    row = _fetch_own(call, NUMBERS, call.path["number"], "Phone number")
    if row.assigned_agent_id != agent.sid:
        raise refusal(400, "Phone number is not assigned to this agent")
    _set_agent(call, row, None)
    return _success("Phone number unassigned successfully", _view(row))


def _set_agent(call: PlatformCall, row: ButterNumber, agent_id: str | None) -> None:
    row.assigned_agent_id, row.updated_at = agent_id, iso8601(call.store.now())


def _write_webhooks(call: PlatformCall, row: ButterNumber, voice: str, status: str) -> None:
    number = find_number(call.store, row.account_sid, row.phone_number)
    if number is None:
        raise refusal(400, "Phone number is not in the Twilio account of its integration")

    form = {
        "VoiceUrl": voice,
        "VoiceMethod": "POST",
        "StatusCallback": status,
        "StatusCallbackMethod": "POST",
    }

    try:
        write_number(call.store, number, form)
    except TwilioRefused as error:
        raise refusal(400, f"Twilio has refused the webhooks ({error.code})") from None


def _create_integration(call: PlatformCall) -> Reply:
    name, credentials = call.text("name"), call.body.get("credentials")
    if not 1 <= len(name) <= 100 or not isinstance(credentials, dict):
        raise refusal(400, "name (1 to 100 characters) and credentials are required")
    if credentials.get("provider") != "twilio":
        raise refusal(400, "credentials.provider must be twilio")

    account_sid = str(credentials.get("account_sid", ""))
    try:
        sign_in(call.store, account_sid, str(credentials.get("auth_token", "")))
    except TwilioRefused as error:
        raise refusal(400, f"Twilio has rejected the credentials ({error.code})") from None

    row = ButterIntegration(account_sid=account_sid, organization=call.organization, name=name)
    INTEGRATIONS.add(call.store, row)

    data = {
        "integration_id": row.sid,
        "client_id": call.organization,
        "name": name,
        "provider": "twilio",
        "category": "telephony",
        "status": row.status,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    return json_reply(200, {"success": True, "data": data})


def _delete_integration(call: PlatformCall) -> Reply:
    row = _fetch_own(call, INTEGRATIONS, call.path["id"], "Integration")
    users = [
        number.phone_number
        for number in call.store.table(NUMBERS)
        if number.integration_id == row.sid
    ]
    if users:
        raise refusal(
            400,
            f"Integration is still referenced by phone numbers: {users}. "
            "Remove or reassign them first.",
        )

    call.store.table(INTEGRATIONS).remove(row)
    return json_reply(
        200, {"success": True, "message": "Integration deleted successfully", "data": {}}
    )


ROUTES = (
    PLATFORM.route("GET", "/api/phone-numbers", _list),
    PLATFORM.route("POST", "/api/phone-numbers", _import),
    PLATFORM.route("POST", "/api/agents/{agent}/assign-phone-number", _assign),
    PLATFORM.route("POST", "/api/agents/{agent}/unassign-phone-number/{number}", _unassign),
    PLATFORM.route("POST", "/api/integrations", _create_integration),
    PLATFORM.route("DELETE", "/api/integrations/{id}", _delete_integration),
)
