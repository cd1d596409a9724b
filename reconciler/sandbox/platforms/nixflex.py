"""Imitate Nixflex's numbers: import one under an agent and overwrite its webhooks, list, change,
and delete, which clears them; authenticate its calls.

Paths begin with ``/nixflex``.

| step of an import             | errors                                                       |
|-------------------------------|--------------------------------------------------------------|
| formats                       | `missing_field`, `invalid_phone_format`, `invalid_twilio_sid` |
| credentials of Twilio         | `twilio_auth_failed` (20003)                                 |
|                               | `twilio_invalid_credentials` (other codes)                   |
| the number in Twilio          | `number_not_in_twilio`                                       |
| the agent                     | `agent_not_found`, `agent_not_owned`                         |
|                               | `number_already_imported`                                    |
| webhooks written, row added   | `twilio_error`: only its type and status are documented      |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import Platform, PlatformCall, bearer_token, clamp_number
from reconciler.sandbox.platforms.rows import (
    PlatformRow,
    PlatformShelf,
    find_visible,
    is_visible_to,
    new_id,
    set_dates,
)
from reconciler.sandbox.platforms.twilio_client import (
    CLEAR_WEBHOOKS,
    E164,
    TwilioRefused,
    find_number,
    sign_in,
    write_number,
)
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.numbers import Number

HOST = "https://api.nixflex.com"
VOICE_URL = f"{HOST}/twilio-voice"
SMS_URL = f"{HOST}/twilio-sms"
STATUS_URL = f"{HOST}/twilio-status"

_TYPES = {
    400: "invalid_request",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found",
    409: "conflict",
    429: "rate_limit_error",
    502: "provider_error",
}
_ALIASES = {
    "phoneNumber": "phone_number",
    "twilioSid": "twilio_sid",
    "twilioToken": "twilio_token",
    "agentId": "agent_id",
}
_REQUIRED = ("phone_number", "twilio_sid", "twilio_token", "agent_id")
_ACCOUNT_SID = re.compile(r"AC[a-f0-9]{32}")
_LONGEST = {
    "custom_prompt": 8_000,
    "voicemail_message": 2_000,
    "sms_prompt": 20_000,
    "web_prompt": 20_000,
}


class NixflexAgent(PlatformRow, kw_only=True):
    """An agent; `organization` is the API key that owns it."""

    sid: str = msgspec.field(name="agent_id", default="")
    name: str = "Untitled Agent"
    system_prompt: str = ""
    welcome_message: str = ""
    is_active: bool = True


class NixflexNumber(PlatformRow, kw_only=True):
    """An imported number with its settings; the Twilio token of the import is not stored."""

    sid: str = msgspec.field(name="phone_number", default="")
    agent_id: str = ""
    provider: str = "twilio"
    twilio_number_sid: str = ""
    inbound_enabled: bool = True
    outbound_enabled: bool = True
    custom_prompt: str | None = None
    voice_id: str | None = None
    sms_reply_enabled: bool = False
    voicemail_leave_enabled: bool | None = None
    voicemail_message: str | None = None
    sms_prompt: str | None = None
    web_prompt: str | None = None
    speaking_rate: float | None = None
    dtmf_enabled: bool | None = None
    record_call: bool | None = None
    recording_source: str | None = None


_SETTINGS = NixflexNumber.__struct_fields__[
    NixflexNumber.__struct_fields__.index("custom_prompt") :
]


def _complete_agent(store: Store, row: NixflexAgent) -> None:
    row.sid = row.sid or new_id(store, "agent_", 16)
    set_dates(store, row)


def _complete_number(store: Store, row: NixflexNumber) -> None:
    if not E164.fullmatch(row.sid):
        raise ValueError(f"phone_number must be E.164 such as +15552000001, not {row.sid!r}")
    set_dates(store, row)


AGENTS = PlatformShelf(
    "nixflex_agents", NixflexAgent, "agent_", _complete_agent, platform="nixflex"
)
NUMBERS = PlatformShelf("nixflex_numbers", NixflexNumber, "", _complete_number, platform="nixflex")
SHELVES = (AGENTS, NUMBERS)


def refusal(status: int, code: str, message: str) -> Refused:
    """Return the exception that ends a call with one of Nixflex's errors."""
    kind = _TYPES.get(status, "server_error")
    error = {
        "type": kind,
        "code": code,
        "message": message,
        "doc_url": "https://docs.nixflex.com",
        "details": {},
    }
    return Refused(json_reply(status, {"error": error}))


def _error(status: int, message: str) -> Reply:
    return refusal(status, _TYPES.get(status, "server_error"), message).reply


def _authenticate(call: Call) -> str:
    token = bearer_token(call)
    key_id, _, secret = token.partition(":")
    if key_id and not secret:
        raise refusal(401, "key_secret_required", "Send Authorization: Bearer KEY_ID:KEY_SECRET")
    key = find_key(call.store, "nixflex", token)
    if key is None or not key_id:
        raise refusal(401, "invalid_api_key", "The API key is not valid")
    return key.organization


PLATFORM = Platform("nixflex", _authenticate, _error)
R = TypeVar("R", bound=PlatformRow)


def _import(call: PlatformCall) -> Reply:
    for alias, name in _ALIASES.items():
        if alias in call.body:
            call.body.setdefault(name, call.body[alias])

    _check_formats(call)
    number = _find_on_twilio(call)
    _check_agent(call)

    # Importing again under the same agent is allowed, under another one it is not.
    phone_number = number.phone_number
    row = call.store.table(NUMBERS).get(phone_number)
    if row is not None:
        has_other_agent = row.agent_id not in ("", call.text("agent_id"))
        if has_other_agent or not is_visible_to(row, call.organization):
            message = f"{phone_number} is attached to another agent"
            raise refusal(409, "number_already_imported", message)

    _overwrite_webhooks(call.store, number)
    if row is None:
        row = NixflexNumber(
            sid=phone_number,
            account_sid=number.account_sid,
            organization=call.organization,
            agent_id=call.text("agent_id"),
            twilio_number_sid=number.sid,
            custom_prompt=call.text("custom_prompt") or None,
        )
        NUMBERS.add(call.store, row)

    row.agent_id = call.text("agent_id")
    return json_reply(201, {"phone_number": _view(row)})


def _check_formats(call: PlatformCall) -> None:
    for name in _REQUIRED:
        if not call.text(name).strip():
            raise refusal(400, "missing_field", f"{name} is required")
    if not E164.fullmatch(call.text("phone_number")):
        raise refusal(400, "invalid_phone_format", "phone_number must be in E.164 format")
    if not _ACCOUNT_SID.fullmatch(call.text("twilio_sid")):
        raise refusal(400, "invalid_twilio_sid", "twilio_sid must match ^AC[a-f0-9]{32}$")
    _check_lengths(call)


def _check_lengths(call: PlatformCall) -> None:
    for name, most in _LONGEST.items():
        if len(call.text(name)) > most:
            code = "custom_prompt_too_long" if name == "custom_prompt" else "invalid_request"
            raise refusal(400, code, f"{name} may have {most} characters at most")


def _find_on_twilio(call: PlatformCall) -> Number:
    account_sid = call.text("twilio_sid")
    try:
        sign_in(call.store, account_sid, call.text("twilio_token"))
    except TwilioRefused as error:
        code = "twilio_auth_failed" if error.code == 20003 else "twilio_invalid_credentials"
        raise refusal(401, code, f"Twilio has rejected the credentials ({error.code})") from None

    number = find_number(call.store, account_sid, call.text("phone_number"))
    if number is None:
        raise refusal(404, "number_not_in_twilio", "The number is not in this Twilio account")
    return number


def _check_agent(call: PlatformCall) -> None:
    agent = call.store.table(AGENTS).get(call.text("agent_id"))
    if agent is None:
        raise refusal(404, "agent_not_found", "There is no agent with this id")
    if not is_visible_to(agent, call.organization):
        raise refusal(403, "agent_not_owned", "The agent belongs to a different API key")


def _overwrite_webhooks(store: Store, number: Number) -> None:
    """Set all webhooks in one call to Twilio.

    Those for messages are set only when the number can receive messages.
    """
    form = {"VoiceUrl": VOICE_URL, "VoiceMethod": "POST", "VoiceFallbackUrl": ""}
    form |= {"StatusCallback": STATUS_URL, "StatusCallbackMethod": "POST"}
    if number.capabilities.sms:
        form |= {"SmsUrl": SMS_URL, "SmsMethod": "POST", "SmsFallbackUrl": ""}
    _write_webhooks(store, number, form)


def _write_webhooks(store: Store, number: Number, form: Mapping[str, str]) -> None:
    try:
        write_number(store, number, form)
    except TwilioRefused as error:
        raise refusal(
            502, "twilio_error", f"Twilio has refused the webhooks ({error.code})"
        ) from None


def _view(row: NixflexNumber) -> dict[str, object]:
    settings: dict[str, object] = {name: getattr(row, name) for name in _SETTINGS}

    return {
        "phone_number": row.sid,
        "agent_id": row.agent_id or None,
        "provider": row.provider,
        "twilio_number_sid": row.twilio_number_sid,
        "inbound_enabled": row.inbound_enabled,
        "outbound_enabled": row.outbound_enabled,
        **settings,
        "created_at": row.created_at,
    }


def page_of_own(call: PlatformCall, rows: list[R], *, size: int, most: int) -> list[R]:
    """Return the caller's rows, newest first, as `offset` and `limit` select them."""
    query = call.request.query
    start = clamp_number(query.get("offset", ""), 0, least=0, most=10**9)
    limit = clamp_number(query.get("limit", ""), size, least=1, most=most)
    own = [row for row in reversed(rows) if is_visible_to(row, call.organization)]
    return own[start : start + limit]


def _list(call: PlatformCall) -> Reply:
    agent = call.request.query.get("agent_id", "")
    rows = [row for row in call.store.table(NUMBERS) if agent in ("", row.agent_id)]
    page = [_view(row) for row in page_of_own(call, rows, size=25, most=100)]
    return json_reply(200, {"phone_numbers": page, "count": len(page)})


def _number_of(call: PlatformCall) -> NixflexNumber:
    row = find_visible(call.store, NUMBERS, call.path["number"], call.organization)
    if row is None:
        raise refusal(404, "number_not_found", "The number is not imported")
    return row


def _change(call: PlatformCall) -> Reply:
    row = _number_of(call)
    values = {name: value for name, value in call.body.items() if name in _SETTINGS}
    if not values:
        raise refusal(400, "missing_field", "Send at least one setting")

    try:
        msgspec.convert({**values, "phone_number": row.sid}, NixflexNumber)
    except msgspec.ValidationError as error:
        raise refusal(400, "invalid_request", str(error)) from None

    _check_lengths(call)
    message = values.get("voicemail_message", row.voicemail_message)
    if values.get("voicemail_leave_enabled") and not message:
        raise refusal(400, "voicemail_message_required", "A voicemail needs a message")

    call.store.table(NUMBERS).change(row, {**values, "updated_at": iso8601(call.store.now())})
    return json_reply(200, {"phone_number": _view(row)})


def _delete(call: PlatformCall) -> Reply:
    row = _number_of(call)
    number = find_number(call.store, row.account_sid, row.sid)
    if number is not None:
        _write_webhooks(call.store, number, CLEAR_WEBHOOKS)
    call.store.table(NUMBERS).remove(row)
    return json_reply(200, {"phone_number": {"phone_number": row.sid, "deleted": True}})


ROUTES = (
    PLATFORM.route("GET", "/v1/phone-numbers", _list),
    PLATFORM.route("POST", "/v1/phone-numbers", _import),
    PLATFORM.route("PATCH", "/v1/phone-numbers/{number}", _change),
    PLATFORM.route("DELETE", "/v1/phone-numbers/{number}", _delete),
)
