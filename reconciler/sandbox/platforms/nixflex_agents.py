"""Imitate Nixflex's routes for agents: list, create, fetch, change, delete.

Deleting an agent detaches its numbers; nothing is written to Twilio.
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms.nixflex import (
    AGENTS,
    NUMBERS,
    PLATFORM,
    NixflexAgent,
    page_of_own,
    refusal,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.rows import find_visible
from reconciler.sandbox.twilio.dates import iso8601

_LONGEST_PROMPT = 16_000
_FIELDS = ("name", "system_prompt", "welcome_message", "is_active")


def _view(row: NixflexAgent) -> dict[str, object]:
    fields = {name: getattr(row, name) for name in _FIELDS}
    return {
        "agent_id": row.sid,
        **fields,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _agent(call: PlatformCall) -> NixflexAgent:
    row = find_visible(call.store, AGENTS, call.path["agent"], call.organization)
    if row is None:
        raise refusal(404, "agent_not_found", "There is no agent with this id")
    return row


def _list(call: PlatformCall) -> Reply:
    """Answer the active agents, in a bare list."""
    rows = [row for row in call.store.table(AGENTS) if row.is_active]
    return json_reply(200, [*map(_view, page_of_own(call, rows, size=100, most=200))])


def _fetch(call: PlatformCall) -> Reply:
    return json_reply(200, _view(_agent(call)))


def _read(call: PlatformCall) -> dict[str, object]:
    """Return the known fields of the body; others are ignored silently, as documented."""
    values = {name: call.body[name] for name in _FIELDS if name in call.body}
    if len(call.text("system_prompt")) > _LONGEST_PROMPT:
        raise refusal(
            400, "prompt_too_long", f"system_prompt may have {_LONGEST_PROMPT} characters at most"
        )

    try:
        msgspec.convert(values, NixflexAgent)
    except msgspec.ValidationError as error:
        raise refusal(400, "invalid_request", str(error)) from None
    return values


def _create(call: PlatformCall) -> Reply:
    row = msgspec.convert(_read(call), NixflexAgent)
    row.organization = call.organization
    AGENTS.add(call.store, row)
    return json_reply(201, _view(row))


def _change(call: PlatformCall) -> Reply:
    row = _agent(call)
    call.store.table(AGENTS).change(row, {**_read(call), "updated_at": iso8601(call.store.now())})
    return json_reply(200, _view(row))


def _delete(call: PlatformCall) -> Reply:
    row, numbers = _agent(call), call.store.table(NUMBERS)
    for number in numbers:
        if number.agent_id == row.sid:
            numbers.change(number, {"agent_id": ""})
    call.store.table(AGENTS).remove(row)
    return json_reply(200, {"agent_id": row.sid, "deleted": True})


ROUTES = (
    PLATFORM.route("GET", "/v1/agents", _list),
    PLATFORM.route("POST", "/v1/agents", _create),
    PLATFORM.route("GET", "/v1/agents/{agent}", _fetch),
    PLATFORM.route("PUT", "/v1/agents/{agent}", _change),
    PLATFORM.route("DELETE", "/v1/agents/{agent}", _delete),
)
