"""Imitate the numbers of Retell AI: import one with the trunk that leads to it, list page by page,
change, and remove; authenticate its calls. Nothing is written on Twilio.

Paths begin with ``/retell``. Which status a refusal has is not documented for each call; this is
the form that each refusal has here:

| step of an import or a change        | refusal |
|--------------------------------------|---------|
| forms of the fields, sum of weights  | 422     |
| E.164, unknown fields                | 400     |
| an agent that does not exist         | 404     |
| a number that is there already       | 409     |

https://docs.retellai.com/api-references/import-phone-number
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import (
    Platform,
    PlatformCall,
    bearer_token,
    clamp_number,
)
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    find_visible,
    new_id,
    set_dates,
    visible_rows,
)
from reconciler.sandbox.store import Store

_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_TRANSPORTS = ("TLS", "TCP", "UDP")
_PAGE, _MOST = 50, 1000
_TOLERANCE = 1e-6

_SHARED = {
    "termination_uri",
    "transport",
    "nickname",
    "inbound_agents",
    "outbound_agents",
    "inbound_webhook_url",
    "allowed_inbound_country_list",
    "allowed_outbound_country_list",
    "codecs",
}
IMPORT_FIELDS = _SHARED | {
    "phone_number",
    "sip_trunk_auth_username",
    "sip_trunk_auth_password",
    "ignore_e164_validation",
}
UPDATE_FIELDS = _SHARED | {
    "auth_username",
    "auth_password",
    "inbound_sms_agents",
    "outbound_sms_agents",
    "inbound_sms_webhook_url",
    "fallback_number",
}


class RetellAgent(PlatformRow, kw_only=True, rename={"sid": "agent_id"}):
    """An agent."""

    sid: str = ""
    agent_name: str = "Untitled agent"


class RetellNumber(PlatformRow, kw_only=True, rename={"sid": "phone_number"}):
    """A number; its password is never shown."""

    sid: str = ""
    phone_number_type: Literal["custom", "retell-twilio", "retell-telnyx"] = "custom"
    nickname: str | None = None
    termination_uri: str = ""
    username: str | None = None
    password: str = ""
    transport: str = "TCP"
    inbound_agents: list[dict[str, object]] = msgspec.field(default_factory=list)
    outbound_agents: list[dict[str, object]] = msgspec.field(default_factory=list)
    inbound_sms_agents: list[dict[str, object]] = msgspec.field(default_factory=list)
    outbound_sms_agents: list[dict[str, object]] = msgspec.field(default_factory=list)
    inbound_webhook_url: str | None = None
    inbound_sms_webhook_url: str | None = None
    fallback_number: str | None = None
    codecs: list[str] = msgspec.field(default_factory=list)
    inbound_countries: list[str] = msgspec.field(default_factory=list)
    outbound_countries: list[str] = msgspec.field(default_factory=list)
    changed_at: int = 0


def _complete_agent(store: Store, row: RetellAgent) -> None:
    row.sid = row.sid or new_id(store, "agent_", 24)
    set_dates(store, row)


def _complete_number(store: Store, row: RetellNumber) -> None:
    if not row.sid:
        raise ValueError("a number needs `phone_number`")
    row.changed_at = row.changed_at or _now(store)
    set_dates(store, row)


def _now(store: Store) -> int:
    return int(store.now().timestamp() * 1000)


AGENTS = PlatformShelf("retell_agents", RetellAgent, "", _complete_agent, platform="retell")
NUMBERS = PlatformShelf(
    "retell_numbers",
    RetellNumber,
    "",
    _complete_number,
    platform="retell",
    secrets=("password",),
)
SHELVES = (AGENTS, NUMBERS)


def _error(status: int, message: str) -> Reply:
    return json_reply(status, {"status": "error", "message": message})


def refusal(status: int, message: str) -> Refused:
    """Return the exception that ends a call with a refusal."""
    return Refused(_error(status, message))


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "retell", bearer_token(call))
    if key is None:
        raise refusal(401, "API key is missing or invalid.")
    return key.organization


PLATFORM = Platform("retell", _authenticate, _error, malformed=400)


def _read_text(body: Mapping[str, object], name: str, *, null: bool = True) -> str | None:
    value = body.get(name)
    if value is None and null:
        return None
    if not isinstance(value, str) or not value:
        raise refusal(422, f"{name} must be a string")
    return value


def _read_agents(call: PlatformCall, name: str) -> list[dict[str, object]]:
    """Return the agents of a direction; their weights must add up to 1, and each must exist."""
    value = call.body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusal(422, f"{name} must be an array")

    total = 0.0
    agents: list[dict[str, object]] = []
    for each in value:
        if not isinstance(each, Mapping) or set(each) - {"agent_id", "weight", "agent_version"}:
            raise refusal(422, f"{name} has an entry of another form")
        weight, version = each.get("weight"), each.get("agent_version")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise refusal(422, f"{name} has an entry without a weight")
        if version is not None and (
            isinstance(version, bool) or not isinstance(version, int | str)
        ):
            raise refusal(422, f"{name} has a version that is no number and no tag")

        agent = each.get("agent_id")
        if not isinstance(agent, str):
            raise refusal(422, f"{name} has an entry without an agent_id")
        if find_visible(call.store, AGENTS, agent, call.organization) is None:
            raise refusal(404, f"Item {agent} not found from agent")
        total += weight
        agents.append(dict(each))

    if agents and abs(total - 1) > _TOLERANCE:
        raise refusal(422, f"The weights of {name} must add up to 1")
    return agents


def _read_countries(body: Mapping[str, object], name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        return []
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(texts) < len(value):
        raise refusal(422, f"{name} must be an array of strings")
    for each in texts:
        if not _COUNTRY.fullmatch(each):
            raise refusal(400, f"{each} is not a country code")
    return texts


def _read_transport(body: Mapping[str, object]) -> str:
    transport = _read_text(body, "transport") or "TCP"
    if transport not in _TRANSPORTS:
        raise refusal(400, f"transport must be one of {', '.join(_TRANSPORTS)}")
    return transport


def _read_fields(call: PlatformCall, allowed: set[str]) -> dict[str, object]:
    """Return the fields of a row that a body sets."""
    body = call.body
    unknown = sorted(body.keys() - allowed)
    if unknown:
        raise refusal(400, f"Unknown field {unknown[0]}")

    fields: dict[str, object] = {}
    for name in ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents"):
        if name in body:
            fields[name] = _read_agents(call, name)
    for direction in ("inbound", "outbound"):
        name = f"allowed_{direction}_country_list"
        if name in body:
            fields[f"{direction}_countries"] = _read_countries(body, name)
    for name in ("nickname", "inbound_webhook_url", "inbound_sms_webhook_url", "fallback_number"):
        if name in body:
            fields[name] = _read_text(body, name)

    if "termination_uri" in body:
        fields["termination_uri"] = _read_text(body, "termination_uri", null=False)
    if "transport" in body:
        fields["transport"] = _read_transport(body)
    for name, field in (("username", "auth_username"), ("password", "auth_password")):
        for sent in (field, f"sip_trunk_{field}"):
            if sent in body:
                fields[name] = _read_text(body, sent, null=False)
    return fields


def _import(call: PlatformCall) -> Reply:
    number = _read_text(call.body, "phone_number", null=False) or ""
    _read_text(call.body, "termination_uri", null=False)
    lenient = call.body.get("ignore_e164_validation", True)
    if not isinstance(lenient, bool):
        raise refusal(422, "ignore_e164_validation must be a boolean")
    if not lenient and not _E164.fullmatch(number):
        raise refusal(400, f"{number} is not in E.164 format")

    fields = _read_fields(call, IMPORT_FIELDS)
    if call.store.table(NUMBERS).get(number) is not None:
        raise refusal(409, f"Phone number {number} already exists")
    row = RetellNumber(sid=number, organization=call.organization)
    for name, value in fields.items():
        setattr(row, name, value)
    NUMBERS.add(call.store, row)
    return json_reply(201, view(row))


def view(row: RetellNumber) -> dict[str, object]:
    """Return a number as the service shows it."""
    shown: dict[str, object] = {
        "phone_number": row.sid,
        "phone_number_type": row.phone_number_type,
        "phone_number_pretty": row.sid,
        "last_modification_timestamp": row.changed_at,
        "inbound_agents": row.inbound_agents,
        "outbound_agents": row.outbound_agents,
        "inbound_sms_agents": row.inbound_sms_agents,
        "outbound_sms_agents": row.outbound_sms_agents,
        "inbound_webhook_url": row.inbound_webhook_url,
        "inbound_sms_webhook_url": row.inbound_sms_webhook_url,
        "fallback_number": row.fallback_number,
        "nickname": row.nickname,
        "allowed_inbound_country_list": row.inbound_countries,
        "allowed_outbound_country_list": row.outbound_countries,
    }
    if row.phone_number_type == "custom":
        shown["sip_outbound_trunk_config"] = {
            "termination_uri": row.termination_uri,
            "auth_username": row.username,
            "transport": row.transport,
            "codecs": row.codecs,
        }
    return shown


def _number_of(call: PlatformCall) -> RetellNumber:
    row = find_visible(call.store, NUMBERS, call.path["number"], call.organization)
    if row is None:
        raise refusal(404, f"Phone number {call.path['number']} not found")
    return row


def _fetch(call: PlatformCall) -> Reply:
    return json_reply(200, view(_number_of(call)))


def _change(call: PlatformCall) -> Reply:
    row = _number_of(call)
    changes = _read_fields(call, UPDATE_FIELDS)
    if changes.get("fallback_number") == row.sid:
        raise refusal(400, "fallback_number cannot be the number itself")

    # Each change has a later time than the one before, however fast they follow.
    changes["changed_at"] = max(_now(call.store), row.changed_at + 1)
    call.store.table(NUMBERS).change(row, changes)
    return json_reply(200, view(row))


def _delete(call: PlatformCall) -> Reply:
    call.store.table(NUMBERS).remove(_number_of(call))
    return Reply(204, b"")


def _list(call: PlatformCall) -> Reply:
    """Answer one page, in the order of the numbers; the key is the last number of the page before."""
    query = call.request.query
    size = clamp_number(query.get("limit", ""), _PAGE, least=1, most=_MOST)
    rows = sorted(visible_rows(call.store, NUMBERS, call.organization), key=lambda row: row.sid)
    rest = [row for row in rows if row.sid > query.get("pagination_key", "")]
    page, has_more = rest[:size], len(rest) > size

    answer: dict[str, object] = {"items": [view(row) for row in page], "has_more": has_more}
    if has_more:
        answer["pagination_key"] = page[-1].sid
    return json_reply(200, answer)


def _fetch_agent(call: PlatformCall) -> Reply:
    row = find_visible(call.store, AGENTS, call.path["agent"], call.organization)
    if row is None:
        raise refusal(404, f"Item {call.path['agent']} not found from agent")
    return json_reply(200, {"agent_id": row.sid, "agent_name": row.agent_name, "version": 0})


def _list_agents(call: PlatformCall) -> Reply:
    """Return the first agents that the key may see; the call reads, although it is a POST."""
    visible: list[dict[str, object]] = []
    for row in call.store.table(AGENTS):
        if row.organization == call.organization:
            visible.append({"agent_id": row.sid, "agent_name": row.agent_name, "version": 0})
    limit = call.body.get("limit", 50)
    size = limit if isinstance(limit, int) and 0 < limit <= 1000 else 50
    return json_reply(200, {"items": visible[:size], "has_more": len(visible) > size})


ROUTES = (
    PLATFORM.route("GET", "/v2/list-phone-numbers", _list),
    PLATFORM.route("POST", "/import-phone-number", _import),
    PLATFORM.route("GET", "/get-phone-number/{number}", _fetch),
    PLATFORM.route("PATCH", "/update-phone-number/{number}", _change),
    PLATFORM.route("DELETE", "/delete-phone-number/{number}", _delete),
    PLATFORM.route("GET", "/get-agent/{agent}", _fetch_agent),
    PLATFORM.route("POST", "/v2/list-agents", _list_agents),
)
