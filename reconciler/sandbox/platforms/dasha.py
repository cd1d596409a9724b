"""Imitate what all routes of Dasha BlackBox share: authentication, errors, pages, and the use of
numbers by agents. Paths begin with ``/dasha``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms import dasha_rows as rows
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, bearer_token, clamp_number
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    find_visible,
)

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
R = TypeVar("R", bound=PlatformRow)


def problem(status: int, detail: str, instance: str = "", **more: object) -> Refused:
    """Return the exception that ends a call with an RFC 7807 problem."""
    title = _TITLES.get(status, "Error")
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    return Refused(json_reply(status, {**body, **more}))


def _error(status: int, message: str) -> Reply:
    return problem(status, message).reply


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "dasha", bearer_token(call))
    if key is None:
        raise problem(401, "The bearer token is missing or not valid.", call.request.path)
    return key.organization


PLATFORM = Platform("dasha", _authenticate, _error)


def fetch_own(call: PlatformCall, shelf: PlatformShelf[R], sid: str) -> R:
    """Return the caller's row with this id; refuses with 404."""
    row = find_visible(call.store, shelf, sid, call.organization)
    if row is None:
        raise problem(404, f"{sid} was not found.", call.request.path)
    return row


def require_text(call: PlatformCall, name: str) -> str:
    """Return a text field of the body; refuses with 400 when it is missing."""
    if not call.text(name):
        raise problem(400, f"{name} is required.", call.request.path)
    return call.text(name)


def page_reply(call: PlatformCall, items: Iterable[Mapping[str, object]]) -> Reply:
    """Return a page in Dasha's envelope, as `skip` and `take` select it."""
    query, found = call.request.query, [*items]
    skip = clamp_number(query.get("skip", ""), 0, least=0, most=10**9)
    take = clamp_number(query.get("take", ""), 20, least=1, most=1_000)

    body = {
        "items": found[skip : skip + take],
        "totalCount": len(found),
        "skip": skip,
        "take": take,
    }
    return json_reply(200, body)


def find_agents_using(call: PlatformCall, number: rows.DashaNumber) -> list[dict[str, object]]:
    """Return the agents that use a number, with the direction of the use."""
    found: list[dict[str, object]] = []
    for agent in call.store.table(rows.AGENTS):
        uses = ["inbound"] if number.incoming_calls_agent_id == agent.sid else []
        uses += ["outbound"] if agent.outbound_number_id == number.sid else []
        if uses:
            found.append({"agentId": agent.sid, "agentName": agent.name, "uses": uses})
    return found


def refuse_while_used(call: PlatformCall, number: rows.DashaNumber) -> None:
    """Refuse with 409 and the agents that use the number, unless `force` is set."""
    agents = find_agents_using(call, number)
    if agents and call.request.query.get("force", "").lower() != "true":
        raise problem(
            409, "Agents use this phone number.", call.request.path, affectedAgents=agents
        )


def forget_number(call: PlatformCall, number: rows.DashaNumber) -> None:
    """Delete a number and the links of all agents to it."""
    table = call.store.table(rows.AGENTS)
    for agent in table:
        if agent.outbound_number_id == number.sid:
            table.change(agent, {"outbound_number_id": ""})
    call.store.table(rows.NUMBERS).remove(number)
