"""Imitate the numbers of ElevenLabs Agents: import one of Twilio and write its webhooks, list page
by page, change, and delete; authenticate its calls.

Paths begin with ``/elevenlabs``. Unknown fields are dropped silently, as the service does. A second
import of a number makes a second record: no refusal of one is documented.

| step of an import             | refusal                                                         |
|-------------------------------|-----------------------------------------------------------------|
| forms of the fields           | 422 ``{detail: [{loc, msg, type}]}``                            |
| the agent                     | 404                                                             |
| credentials and the number    | 400 ``{detail: {status, message}}``                             |

https://elevenlabs.io/docs/eleven-agents/api-reference/phone-numbers/create
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call
from reconciler.sandbox.platforms.elevenlabs_rows import (
    AGENTS,
    NUMBERS,
    WORKSPACES,
    ElevenLabsAgent,
    ElevenLabsNumber,
    invalid,
    optional_text,
    read_trunk,
    refusal,
    require_text,
)
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, clamp_number
from reconciler.sandbox.platforms.rows import find_visible, is_visible_to, visible_rows
from reconciler.sandbox.platforms.twilio_client import (
    CLEAR_WEBHOOKS,
    TwilioRefused,
    find_number,
    sign_in,
    write_number,
)
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.accounts import API_KEYS
from reconciler.sandbox.twilio.numbers import Number

HOST = "https://api.elevenlabs.io"
VOICE_URL = f"{HOST}/twilio/inbound_call"
SMS_URL = f"{HOST}/twilio/inbound_sms"
_REGIONS = ("us1", "ie1", "au1")
_EDGES = (
    "ashburn",
    "dublin",
    "frankfurt",
    "sao-paulo",
    "singapore",
    "sydney",
    "tokyo",
    "umatilla",
    "roaming",
)
_PAGE, _MOST = 30, 100
_FORMER = ("voice_url", "voice_method", "sms_url", "sms_method")


def _error(status: int, message: str) -> Reply:
    if status == 422:
        return invalid("", message).reply
    return refusal(status, "error", message).reply


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "elevenlabs", call.request.headers.get("xi-api-key", ""))
    if key is None:
        raise refusal(401, "invalid_api_key", "Invalid API key")
    return key.organization


PLATFORM = Platform("elevenlabs", _authenticate, _error, malformed=422)


def fetch_agent(call: PlatformCall, agent: str) -> ElevenLabsAgent:
    """Return an agent of the caller's workspace."""
    row = find_visible(call.store, AGENTS, agent, call.organization)
    if row is None:
        raise refusal(404, "not_found", f"Document with id {agent} not found.")
    return row


def _import(call: PlatformCall) -> Reply:
    body = call.body
    phone_number, label = require_text(body, "phone_number"), require_text(body, "label")
    provider = body.get("provider", "twilio")
    if provider == "sip_trunk":
        return _import_trunk(call, phone_number, label)
    if provider != "twilio":
        raise invalid("provider", "Input should be 'twilio' or 'sip_trunk'", "union_tag_invalid")

    sid, token = require_text(body, "sid"), require_text(body, "token")
    enable_sms = body.get("enable_sms", True)
    if not isinstance(enable_sms, bool):
        raise invalid("enable_sms", "Input should be a valid boolean", "bool_type")
    region = _read_region(body)

    agent = optional_text(body, "agent_id")
    if agent is not None:
        fetch_agent(call, agent)

    number = _find_on_twilio(call.store, phone_number, sid, token, body)
    row = ElevenLabsNumber(
        phone_number=phone_number,
        label=label,
        account_sid=number.account_sid,
        organization=call.organization,
        agent_id=agent or "",
        enable_sms=enable_sms,
        region=region,
        former={name: str(getattr(number, name) or "") for name in _FORMER},
    )
    _write_webhooks(call.store, number, enable_sms)
    NUMBERS.add(call.store, row)
    return json_reply(200, {"phone_number_id": row.sid})


def _import_trunk(call: PlatformCall, phone_number: str, label: str) -> Reply:
    """Add a number that is reached by a trunk; nothing is written on Twilio."""
    agent = optional_text(call.body, "agent_id")
    if agent is not None:
        fetch_agent(call, agent)
    row = ElevenLabsNumber(
        phone_number=phone_number,
        label=label,
        organization=call.organization,
        provider="sip_trunk",
        agent_id=agent or "",
    )
    if call.body.get("outbound_trunk_config") is not None:
        row.outbound_trunk, row.sip_password = read_trunk(call.body, row.sip_password)
    NUMBERS.add(call.store, row)
    return json_reply(200, {"phone_number_id": row.sid})


def _read_region(body: Mapping[str, object]) -> str:
    value = body.get("region_config")
    if value is None:
        return ""
    if not isinstance(value, Mapping):
        raise invalid("region_config", "Input should be an object", "model_type")

    region = require_text(value, "region_id", "region_config.")
    edge = require_text(value, "edge_location", "region_config.")
    require_text(value, "token", "region_config.")
    if region not in _REGIONS:
        raise invalid("region_config.region_id", f"Input should be one of {_REGIONS}", "enum")
    if edge not in _EDGES:
        raise invalid("region_config.edge_location", f"Input should be one of {_EDGES}", "enum")
    return f"{region}/{edge}"


def _find_on_twilio(
    store: Store, phone_number: str, sid: str, token: str, body: Mapping[str, object]
) -> Number:
    """Sign in to Twilio as the request does, and return the number."""
    key = store.table(API_KEYS).get(sid)
    if key is not None and not optional_text(body, "account_auth_token"):
        raise invalid("account_auth_token", "Field required for an API key", "missing")

    account = key.account_sid if key is not None else sid
    try:
        sign_in(store, sid, token)
    except TwilioRefused as error:
        raise refusal(
            400, "twilio_error", f"Twilio has rejected the credentials ({error.code})"
        ) from None

    number = find_number(store, account, phone_number)
    if number is None:
        raise refusal(400, "twilio_error", f"{phone_number} is not in this Twilio account")
    return number


def _write_webhooks(store: Store, number: Number, enable_sms: bool) -> None:
    form = {"VoiceUrl": VOICE_URL, "VoiceMethod": "POST", "VoiceFallbackUrl": ""}
    if enable_sms:
        form |= {"SmsUrl": SMS_URL, "SmsMethod": "POST"}
    _write(store, number, form)


def _write(store: Store, number: Number, form: Mapping[str, str]) -> None:
    try:
        write_number(store, number, form)
    except TwilioRefused as error:
        raise refusal(
            400, "twilio_error", f"Twilio has refused the webhooks ({error.code})"
        ) from None


def _view(store: Store, row: ElevenLabsNumber) -> dict[str, object]:
    agent = store.table(AGENTS).get(row.agent_id) if row.agent_id else None
    assigned: dict[str, object] | None = None
    if row.agent_id:
        assigned = {
            "agent_id": row.agent_id,
            "agent_name": agent.name if agent is not None else "",
            "environment": row.environment,
            "branch_id": row.branch_id,
        }
    trunk = {"outbound_trunk": row.outbound_trunk} if row.provider == "sip_trunk" else {}
    return {
        **trunk,
        "provider": row.provider,
        "phone_number_id": row.sid,
        "phone_number": row.phone_number,
        "label": row.label,
        "supports_inbound": row.supports_inbound,
        "supports_outbound": row.supports_outbound,
        "assigned_agent": assigned,
    }


def _list(call: PlatformCall) -> Reply:
    """Answer one page, in the order of the ids; the cursor is the last id of the page before."""
    query = call.request.query
    size = clamp_number(query.get("page_size", ""), _PAGE, least=1, most=_MOST)
    rows = sorted(visible_rows(call.store, NUMBERS, call.organization), key=lambda row: row.sid)
    for name in ("phone_number", "agent_id", "provider", "branch_id"):
        if query.get(name):
            rows = [row for row in rows if getattr(row, name) == query[name]]

    rest = [row for row in rows if row.sid > query.get("cursor", "")]
    has_more = len(rest) > size
    page = rest[:size]
    return json_reply(
        200,
        {
            "phone_numbers": [_view(call.store, row) for row in page],
            "next_cursor": page[-1].sid if has_more else None,
            "has_more": has_more,
        },
    )


def _number_of(call: PlatformCall) -> ElevenLabsNumber:
    row = find_visible(call.store, NUMBERS, call.path["number"], call.organization)
    if row is None:
        raise refusal(404, "not_found", f"Document with id {call.path['number']} not found.")
    return row


def _fetch(call: PlatformCall) -> Reply:
    return json_reply(200, _view(call.store, _number_of(call)))


def _change(call: PlatformCall) -> Reply:
    row = _number_of(call)
    changes: dict[str, object] = {}
    if "agent_id" in call.body:
        agent = optional_text(call.body, "agent_id")
        if agent is not None:
            fetch_agent(call, agent)
        changes["agent_id"] = agent or ""
    if "label" in call.body:
        changes["label"] = require_text(call.body, "label")
    for name in ("branch_id", "environment"):
        if name in call.body:
            changes[name] = optional_text(call.body, name)

    if row.provider == "sip_trunk" and call.body.get("outbound_trunk_config") is not None:
        trunk, password = read_trunk(call.body, row.sip_password)
        changes |= {"outbound_trunk": trunk, "sip_password": password}

    call.store.table(NUMBERS).change(row, changes)
    return json_reply(200, _view(call.store, row))


def _delete(call: PlatformCall) -> Reply:
    row = _number_of(call)
    leaves = "webhooks"
    for workspace in call.store.table(WORKSPACES):
        if is_visible_to(workspace, call.organization):
            leaves = workspace.delete_leaves

    number = find_number(call.store, row.account_sid, row.phone_number)
    number = number if row.provider == "twilio" else None
    if number is not None and leaves == "nothing":
        _write(call.store, number, CLEAR_WEBHOOKS)
    elif number is not None and leaves == "former":
        _write(call.store, number, _to_form(row.former))
    call.store.table(NUMBERS).remove(row)
    return json_reply(200, {})


def _to_form(fields: Mapping[str, str]) -> dict[str, str]:
    """Return raw fields of a number as the parameters of a call to Twilio."""
    form: dict[str, str] = {}
    for name, value in fields.items():
        if value or not name.endswith("_method"):
            form[name.title().replace("_", "")] = value
    return form


ROUTES = (
    PLATFORM.route("GET", "/v1/convai/v2/phone-numbers", _list),
    PLATFORM.route("POST", "/v1/convai/phone-numbers", _import),
    PLATFORM.route("GET", "/v1/convai/phone-numbers/{number}", _fetch),
    PLATFORM.route("PATCH", "/v1/convai/phone-numbers/{number}", _change),
    PLATFORM.route("DELETE", "/v1/convai/phone-numbers/{number}", _delete),
)
