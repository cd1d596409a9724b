"""Imitate what Feather's routes share (authentication, errors, look-ups), and its routes for the
organisation, integrations and assistants.

Paths begin with ``/feather``. Twilio integrations are connected in a browser, so they come from
a seed (`feather_connections`).
"""

from __future__ import annotations

from typing import TypeVar
from uuid import NAMESPACE_DNS, UUID, uuid5

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, clamp_number
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    complete_uuid,
    find_visible,
    visible_rows,
)
from reconciler.sandbox.platforms.twilio_client import find_account
from reconciler.sandbox.store import Store

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limited",
}


class FeatherConnection(PlatformRow, kw_only=True):
    """An integration; one with Twilio represents an account. Only `connected` ones are usable."""

    integration_key: str = "twilio"
    nickname: str = "Twilio"
    nickname_slug: str = ""
    status: str = "connected"


class FeatherAssistant(PlatformRow, kw_only=True):
    """An agent."""

    name: str = ""
    archived: bool = False


def _complete_connection(store: Store, row: FeatherConnection) -> None:
    if row.integration_key == "twilio":
        row.account_sid = find_account(store, row.account_sid)
    row.nickname_slug = row.nickname_slug or row.nickname.lower().replace(" ", "-")
    complete_uuid(store, row)


CONNECTIONS = PlatformShelf(
    "feather_connections", FeatherConnection, "", _complete_connection, platform="feather"
)
ASSISTANTS = PlatformShelf(
    "feather_assistants", FeatherAssistant, "", complete_uuid, platform="feather"
)
SHELVES = (CONNECTIONS, ASSISTANTS)
R = TypeVar("R", bound=PlatformRow)


def refusal(status: int, message: str) -> Refused:
    """Return the exception that ends a call with an `ErrorResponse`."""
    return Refused(_error(status, message))


def invalid_field(field: str, message: str, kind: str = "value_error") -> Refused:
    """Return the exception that ends a call with 422 and an error of one body field."""
    return Refused(
        json_reply(422, {"detail": [{"loc": ["body", field], "msg": message, "type": kind}]})
    )


def _error(status: int, message: str) -> Reply:
    if status == 422:
        return invalid_field("", message, "json_invalid").reply
    return json_reply(status, {"error": _CODES.get(status, "internal_error"), "message": message})


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "feather", call.request.headers.get("x-api-key", ""))
    if key is None:
        raise refusal(401, "The API key is missing or not valid")
    return key.organization


PLATFORM = Platform("feather", _authenticate, _error, malformed=422)


def organization_id(call: PlatformCall) -> str:
    """Return the organisation as Feather shows it."""
    return call.organization or "sandbox"


def organization_uuid(call: PlatformCall) -> str:
    """Return the organisation's id as the rows of an answer show it."""
    name = organization_id(call)
    try:
        return str(UUID(name))
    except ValueError:
        return str(uuid5(NAMESPACE_DNS, name))


def refuse_extra_fields(call: PlatformCall, *names: str) -> None:
    """Refuse a body with other fields than these."""
    for name in call.body:
        if name not in names:
            raise invalid_field(name, "Extra inputs are not permitted", "extra_forbidden")


def fetch_own(call: PlatformCall, shelf: PlatformShelf[R], sid: str) -> R:
    """Return the caller's row with this id; refuses with 404."""
    row = find_visible(call.store, shelf, sid, call.organization)
    if row is None:
        raise refusal(404, f"{sid} was not found")
    return row


def list_own(call: PlatformCall, shelf: PlatformShelf[R]) -> list[R]:
    """Return the caller's rows, oldest first."""
    return visible_rows(call.store, shelf, call.organization)


def find_twilio_connection(call: PlatformCall) -> FeatherConnection:
    """Return the Twilio integration that a call names, or the only one.

    Refuses with 422.
    """
    field = "integration_connection_id"
    rows = []
    for row in list_own(call, CONNECTIONS):
        if row.integration_key == "twilio" and row.status == "connected":
            rows.append(row)

    if call.body.get(field) is not None:
        rows = [row for row in rows if row.sid == call.body[field]]
    if not rows:
        raise invalid_field(field, "No connected Twilio integration")
    if len(rows) > 1:
        raise invalid_field(field, "More than one Twilio integration is connected; say which one")
    return rows[0]


def _identity(call: PlatformCall) -> Reply:
    name = organization_id(call)
    user = str(uuid5(NAMESPACE_DNS, f"user of {name}"))
    return json_reply(
        200,
        {
            "user_id": user,
            "clerk_user_id": f"user_{user[:8]}",
            "role": "admin",
            "organization_id": organization_uuid(call),
            "organization_name": name,
            "kb_clearance_level": 0,
            "kb_acl_enabled": False,
        },
    )


def _connection_view(call: PlatformCall, row: FeatherConnection) -> dict[str, object]:
    return {
        "id": row.sid,
        "organization_id": organization_uuid(call),
        "integration_key": row.integration_key,
        "nickname": row.nickname,
        "nickname_slug": row.nickname_slug,
        "vendor": "nango",
        "vendor_connection_id": None,
        "status": row.status,
        "tools_status": "not_applicable",
        "tools_synced_at": None,
        "status_reason": None,
        "connected_at": row.created_at if row.status == "connected" else None,
        "last_refreshed_at": None,
        "last_used_at": None,
        "metadata": {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _list_connections(call: PlatformCall) -> Reply:
    views = [_connection_view(call, row) for row in list_own(call, CONNECTIONS)]
    return json_reply(200, views)


def _fetch_connection(call: PlatformCall) -> Reply:
    return json_reply(200, _connection_view(call, fetch_own(call, CONNECTIONS, call.path["id"])))


def _delete_connection(call: PlatformCall) -> Reply:
    call.store.table(CONNECTIONS).remove(fetch_own(call, CONNECTIONS, call.path["id"]))
    return Reply(204)


def _assistant_view(row: FeatherAssistant) -> dict[str, object]:
    return {
        "id": row.sid,
        "name": row.name,
        "archived_at": row.updated_at if row.archived else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _list_assistants(call: PlatformCall) -> Reply:
    query = call.request.query
    rows = list_own(call, ASSISTANTS)
    if query.get("include_archived", "").lower() != "true":
        rows = [row for row in rows if not row.archived]
    rows = [row for row in rows if query.get("search", "").lower() in row.name.lower()]

    start = clamp_number(query.get("cursor", ""), 0, least=0, most=10**9)
    end = start + clamp_number(query.get("limit", ""), 50, least=1, most=200)
    more = end < len(rows)
    page = [_assistant_view(row) for row in rows[start:end]]
    return json_reply(
        200, {"assistants": page, "has_more": more, "next_cursor": str(end) if more else None}
    )


_CONNECTIONS = "/v1/integrations/connections"
ROUTES = (
    PLATFORM.route("GET", "/v1/identity/whoami", _identity),
    PLATFORM.route("GET", _CONNECTIONS, _list_connections),
    PLATFORM.route("GET", _CONNECTIONS + "/{id}", _fetch_connection),
    PLATFORM.route("DELETE", _CONNECTIONS + "/{id}", _delete_connection),
    PLATFORM.route("GET", "/v1/assistants", _list_assistants),
)
