"""Imitate Dasha's routes for phone numbers with their links to agents, for SIP credentials and for
agents.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms import dasha_rows as rows
from reconciler.sandbox.platforms.dasha import (
    PLATFORM,
    fetch_own,
    find_agents_using,
    forget_number,
    page_reply,
    problem,
    refuse_while_used,
    require_text,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import visible_rows
from reconciler.sandbox.platforms.twilio_client import E164

_INBOUND, _OUTBOUND = "inbound", "replaceOutbound"
_FILTERS = {
    "phoneNumber": "phone_number",
    "linkedAgentId": "incoming_calls_agent_id",
    "providerId": "provider_id",
}


def _view(row: rows.DashaNumber) -> dict[str, object]:
    return {
        "id": row.sid,
        "orgId": row.organization,
        "phoneNumber": row.phone_number,
        "credentialsId": row.credentials_id,
        "displayName": row.display_name,
        "description": row.description,
        "registration": row.registration,
        "providerId": row.provider_id,
        "incomingCallsAgentId": row.incoming_calls_agent_id,
        "registrationStatus": None,
    }


def _list(call: PlatformCall) -> Reply:
    query = call.request.query
    found = visible_rows(call.store, rows.NUMBERS, call.organization)

    for name, field in _FILTERS.items():
        if query.get(name):
            found = [row for row in found if getattr(row, field) == query[name]]
    if query.get("unlinkedOnly", "").lower() == "true":
        found = [row for row in found if not row.incoming_calls_agent_id]

    return page_reply(call, map(_view, found))


def _number(call: PlatformCall) -> rows.DashaNumber:
    return fetch_own(call, rows.NUMBERS, call.path["id"])


def _fetch(call: PlatformCall) -> Reply:
    return json_reply(200, _view(_number(call)))


def _create(call: PlatformCall) -> Reply:
    """Create or update a number: one record for each pair of number and credentials."""
    phone_number = require_text(call, "phoneNumber")
    credentials = require_text(call, "credentialsId")
    if not E164.fullmatch(phone_number):
        raise problem(400, "phoneNumber must be in E.164 format.", call.request.path)
    fetch_own(call, rows.CREDENTIALS, credentials)

    row = _find_number(call, phone_number, credentials)
    if row is None:
        row = rows.DashaNumber(
            phone_number=phone_number, credentials_id=credentials, organization=call.organization
        )
        rows.NUMBERS.add(call.store, row)

    row.display_name = call.text("displayName") or row.display_name
    row.description = call.text("description") or row.description
    row.registration = call.body.get("registration", row.registration) is True
    return json_reply(200, _view(row))


def _find_number(call: PlatformCall, number: str, credentials: str) -> rows.DashaNumber | None:
    key = (number, credentials, call.organization)
    for row in call.store.table(rows.NUMBERS):
        if (row.phone_number, row.credentials_id, row.organization) == key:
            return row
    return None


def _delete(call: PlatformCall) -> Reply:
    row = _number(call)
    refuse_while_used(call, row)
    forget_number(call, row)
    return Reply(204)


def _list_agents_of(call: PlatformCall) -> Reply:
    return json_reply(200, find_agents_using(call, _number(call)))


def _mode(call: PlatformCall) -> str:
    mode = call.request.query.get("mode", _INBOUND)
    if mode not in (_INBOUND, _OUTBOUND):
        raise problem(400, f"mode must be {_INBOUND} or {_OUTBOUND}.", call.request.path)
    return mode


def _agent(call: PlatformCall) -> rows.DashaAgent:
    agent_id = call.request.query.get("agentId", "")
    if not agent_id:
        raise problem(400, "agentId is required.", call.request.path)
    return fetch_own(call, rows.AGENTS, agent_id)


def _link(call: PlatformCall) -> Reply:
    """Link a number to an agent, in place of an earlier link.

    All organisations together have one agent for the calls to a number (409).
    """
    row, mode, agent = _number(call), _mode(call), _agent(call)
    if mode == _OUTBOUND:
        agent.outbound_number_id = row.sid
        return Reply(204)

    for other in call.store.table(rows.NUMBERS):
        if other is row or other.phone_number != row.phone_number:
            continue
        if other.incoming_calls_agent_id:
            message = f"{row.phone_number} is linked to an agent already."
            raise problem(409, message, call.request.path)

    row.incoming_calls_agent_id = agent.sid
    return Reply(204)


def _unlink(call: PlatformCall) -> Reply:
    row = _number(call)
    if _mode(call) == _INBOUND:
        row.incoming_calls_agent_id = None
        return Reply(204)

    agent = _agent(call)
    if agent.outbound_number_id == row.sid:
        agent.outbound_number_id = ""
    return Reply(204)


def _credential_view(row: rows.DashaCredential) -> dict[str, object]:
    """Return SIP credentials with their password, as Dasha's documents show it."""
    return {
        "id": row.sid,
        "server": row.server,
        "domain": row.domain,
        "authUser": row.auth_user,
        "authPassword": row.auth_password,
        "transport": row.transport,
        "description": row.description,
        "cpsLimit": row.cps_limit,
        "cpsKey": row.cps_key,
        "source": row.source,
    }


def _list_credentials(call: PlatformCall) -> Reply:
    found = visible_rows(call.store, rows.CREDENTIALS, call.organization)
    return page_reply(call, map(_credential_view, found))


def _credential(call: PlatformCall) -> rows.DashaCredential:
    return fetch_own(call, rows.CREDENTIALS, call.path["id"])


def _fetch_credential(call: PlatformCall) -> Reply:
    return json_reply(200, _credential_view(_credential(call)))


def _create_credential(call: PlatformCall) -> Reply:
    transport = call.text("transport") or "udp"
    if transport not in ("udp", "tcp", "tls"):
        raise problem(400, "transport must be udp, tcp or tls.", call.request.path)

    limit = call.body.get("cpsLimit")
    row = rows.DashaCredential(
        organization=call.organization,
        server=require_text(call, "server"),
        domain=call.text("domain") or None,
        auth_user=call.text("authUser") or None,
        auth_password=call.text("authPassword"),
        transport=transport,
        description=call.text("description") or None,
        cps_limit=limit if isinstance(limit, int) else None,
        cps_key=call.text("cpsKey") or None,
    )

    rows.CREDENTIALS.add(call.store, row)
    return json_reply(200, _credential_view(row))


def _delete_credential(call: PlatformCall) -> Reply:
    row = _credential(call)
    if row.source == "provider":
        raise problem(409, "The credentials of a provider are read only.", call.request.path)

    # The numbers of the credentials are deleted with them, but only with `force`.
    users = [
        number for number in call.store.table(rows.NUMBERS) if number.credentials_id == row.sid
    ]
    if users and call.request.query.get("force", "").lower() != "true":
        raise problem(409, "Phone numbers use these credentials.", call.request.path)

    for number in users:
        forget_number(call, number)
    call.store.table(rows.CREDENTIALS).remove(row)
    return Reply(204)


def _agent_view(row: rows.DashaAgent) -> dict[str, object]:
    return {"id": row.sid, "name": row.name, "isEnabled": row.is_enabled}


def _list_agents(call: PlatformCall) -> Reply:
    found = visible_rows(call.store, rows.AGENTS, call.organization)
    return json_reply(200, [*map(_agent_view, found)])


def _enable_agent(call: PlatformCall) -> Reply:
    row = fetch_own(call, rows.AGENTS, call.path["id"])
    if not isinstance(call.body.get("isEnabled"), bool):
        raise problem(400, "isEnabled must be true or false.", call.request.path)
    row.is_enabled = call.body["isEnabled"] is True
    return json_reply(200, _agent_view(row))


_NUMBERS = "/api/v1/sip-phone-numbers"
_CREDENTIALS = "/api/v1/sip-credentials"
ROUTES = (
    PLATFORM.route("GET", _NUMBERS, _list),
    PLATFORM.route("POST", _NUMBERS, _create),
    PLATFORM.route("GET", _NUMBERS + "/{id}", _fetch),
    PLATFORM.route("DELETE", _NUMBERS + "/{id}", _delete),
    PLATFORM.route("GET", _NUMBERS + "/{id}/affected-agents", _list_agents_of),
    PLATFORM.route("PUT", _NUMBERS + "/{id}/agent-link", _link),
    PLATFORM.route("DELETE", _NUMBERS + "/{id}/agent-link", _unlink),
    PLATFORM.route("GET", _CREDENTIALS, _list_credentials),
    PLATFORM.route("POST", _CREDENTIALS, _create_credential),
    PLATFORM.route("GET", _CREDENTIALS + "/{id}", _fetch_credential),
    PLATFORM.route("DELETE", _CREDENTIALS + "/{id}", _delete_credential),
    PLATFORM.route("GET", "/api/v1/agents", _list_agents),
    PLATFORM.route("PUT", "/api/v1/agents/{id}", _enable_agent),
)
