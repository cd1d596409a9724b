"""Imitate Vapi's phone numbers: import one with the credentials of its Twilio account, list, change
in place, and delete; authenticate its calls.

Paths begin with ``/vapi``. Source: https://docs.vapi.ai/api-reference/phone-numbers, and the DTOs of
its OpenAPI document. The documents list no errors; the sandbox answers in the form of the framework
behind the API (``{"message", "error", "statusCode"}``).

| call                | effect on Twilio                                                        |
|---------------------|-------------------------------------------------------------------------|
| import              | the voice URL, and unless `smsEnabled` is false the messaging URL        |
| change              | the same                                                                 |
| delete              | not documented: the setting `after_delete` keeps, clears or halves them |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Call, Refused
from reconciler.sandbox.platforms.keys import find_key
from reconciler.sandbox.platforms.platform import (
    Platform,
    PlatformCall,
    PlatformHandler,
    bearer_token,
)
from reconciler.sandbox.platforms.rows import PlatformShelf, find_visible, visible_rows
from reconciler.sandbox.platforms.twilio_client import (
    E164,
    TwilioRefused,
    find_number,
    sign_in,
    write_number,
)
from reconciler.sandbox.platforms.vapi_rows import (
    ASSISTANTS,
    CREDENTIALS,
    NUMBERS,
    PROVIDERS,
    SETTINGS,
    SQUADS,
    VapiAgent,
    VapiNumber,
    VapiSettings,
    stamp,
)
from reconciler.sandbox.store import Store

VOICE_URL = "https://api.vapi.ai/twilio/inbound_call"
SMS_URL = "https://api.vapi.ai/twilio/sms"

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_AGENT_KEYS = ("assistantId", "squadId", "workflowId")
_SECRETS = ("twilioAuthToken", "twilioApiKey", "twilioApiSecret")
_TEXTS = ("number", "twilioAccountSid", *_SECRETS, "name", *_AGENT_KEYS, "credentialId")
_OBJECTS = ("server", "fallbackDestination")
_KNOWN = {"provider", "smsEnabled", "hooks", "numberE164CheckEnabled", *_TEXTS, *_OBJECTS}
_FIELDS = {
    "number": "number",
    "twilioAccountSid": "account_sid",
    "twilioAuthToken": "twilio_auth_token",
    "twilioApiKey": "twilio_api_key",
    "twilioApiSecret": "twilio_api_secret",
    "name": "name",
    "assistantId": "assistant_id",
    "squadId": "squad_id",
    "workflowId": "workflow_id",
    "credentialId": "credential_id",
    "server": "server",
}
"""Field of a request and an answer → field of the row."""
_FILTERS: dict[str, Callable[[datetime, datetime], bool]] = {
    "Gt": lambda value, limit: value > limit,
    "Lt": lambda value, limit: value < limit,
    "Ge": lambda value, limit: value >= limit,
    "Le": lambda value, limit: value <= limit,
}
_LONGEST_NAME = 40
_PAGE, _LARGEST_PAGE = 100, 1_000


def _error(status: int, message: str) -> Reply:
    names = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict"}
    body = {"message": message, "error": names.get(status, "Error"), "statusCode": status}
    return json_reply(status, body)


def _authenticate(call: Call) -> str:
    key = find_key(call.store, "vapi", bearer_token(call))
    if key is None:
        raise Refused(_error(401, "Invalid Key."))
    return key.organization


PLATFORM = Platform("vapi", _authenticate, _error)


def _settings(store: Store) -> VapiSettings:
    return next(iter(store.table(SETTINGS)), VapiSettings())


def _view(store: Store, row: VapiNumber) -> dict[str, object]:
    """Return a number as Vapi shows it, with its credentials and without what is not set."""
    values: dict[str, object] = {
        "id": row.sid,
        "orgId": row.organization,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "provider": row.provider,
        "status": row.status,
        "smsEnabled": row.sms_enabled,
    }
    for name, value in _FIELDS.items():
        if getattr(row, value) is not None:
            values[name] = getattr(row, value)
    if not _settings(store).shows_credentials:
        for name in _SECRETS:
            values.pop(name, None)
    return values


def _list(call: PlatformCall) -> Reply:
    """Return the newest numbers that the filters by time let through."""
    query = call.request.query
    rows = visible_rows(call.store, NUMBERS, call.organization)
    rows.sort(key=lambda row: datetime.fromisoformat(row.created_at), reverse=True)

    for name, allows in _FILTERS.items():
        text = query.get(f"createdAt{name}", "")
        if text:
            limit = _read_time(text)
            rows = [row for row in rows if allows(datetime.fromisoformat(row.created_at), limit)]

    most = _read_limit(query.get("limit", ""))
    return json_reply(200, [_view(call.store, row) for row in rows[:most]])


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(_error(400, "createdAt must be a valid ISO 8601 date string")) from None
    if moment.tzinfo is None:
        raise Refused(_error(400, "createdAt must have a time zone"))
    return moment


def _read_limit(text: str) -> int:
    if not text:
        return _PAGE
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST_PAGE):
        raise Refused(_error(400, f"limit must be a number from 0 to {_LARGEST_PAGE}"))
    return int(text)


def _get(call: PlatformCall) -> Reply:
    return json_reply(200, _view(call.store, _number_of(call)))


def _number_of(call: PlatformCall) -> VapiNumber:
    row = find_visible(call.store, NUMBERS, call.path["id"], call.organization)
    if row is None:
        raise Refused(_error(404, "The phone number does not exist"))
    return row


def _import(call: PlatformCall) -> Reply:
    _check_body(call)
    provider = call.body.get("provider")
    if provider not in ("twilio", "byo-phone-number"):
        raise Refused(_error(400, "the sandbox takes numbers of Twilio, and those on a trunk"))
    if provider == "twilio":
        _check_required(call)
    else:
        _check_trunk(call)
    _check_agents(call)

    row = VapiNumber(organization=call.organization, account_sid=call.text("twilioAccountSid"))
    for other in visible_rows(call.store, NUMBERS, call.organization):
        if (other.number, other.account_sid) == (call.text("number"), row.account_sid):
            raise Refused(_error(400, f"Existing phone number {other.sid} has the same number"))

    _set_fields(row, call.body, ignores_null=False)
    if row.provider == "twilio":
        _connect(call.store, row)
    NUMBERS.add(call.store, row)
    return json_reply(201, _view(call.store, row))


def _check_body(call: PlatformCall) -> None:
    """Refuse fields that no document names, and values of another type."""
    for name, value in call.body.items():
        if name not in _KNOWN:
            raise Refused(_error(400, f"property {name} should not exist"))
        if name in _TEXTS and not isinstance(value, str | None):
            raise Refused(_error(400, f"{name} must be a string"))
        if name in _OBJECTS and not isinstance(value, dict | None):
            raise Refused(_error(400, f"{name} must be an object"))

    if not isinstance(call.body.get("smsEnabled", True), bool):
        raise Refused(_error(400, "smsEnabled must be a boolean value"))
    if len(call.text("name")) > _LONGEST_NAME:
        raise Refused(_error(400, f"name must be shorter than or equal to {_LONGEST_NAME}"))
    if call.body.get("provider") not in PROVIDERS:
        raise Refused(_error(400, f"provider must be one of {', '.join(PROVIDERS)}"))


def _check_required(call: PlatformCall) -> None:
    if not E164.fullmatch(call.text("number")):
        raise Refused(_error(400, "number must be a valid phone number in the E.164 format"))
    if not _ACCOUNT_SID.fullmatch(call.text("twilioAccountSid")):
        raise Refused(_error(400, "twilioAccountSid should not be empty"))

    by_key = bool(call.text("twilioApiKey") and call.text("twilioApiSecret"))
    if bool(call.text("twilioAuthToken")) == by_key:
        message = "send twilioAuthToken, or twilioApiKey and twilioApiSecret"
        raise Refused(_error(400, message))


def _check_trunk(call: PlatformCall) -> None:
    """Refuse a number on a trunk without its credential, or with credentials of Twilio."""
    if not E164.fullmatch(call.text("number")):
        raise Refused(_error(400, "number must be a valid phone number in the E.164 format"))
    sid = call.text("credentialId")
    if find_visible(call.store, CREDENTIALS, sid, call.organization) is None:
        raise Refused(_error(400, f"Couldn't find credentialId {sid}"))
    for name in ("smsEnabled", "twilioAccountSid", *_SECRETS):
        if name in call.body:
            raise Refused(_error(400, f"property {name} should not exist"))


def _check_agents(call: PlatformCall) -> None:
    """Refuse an assistant or a squad that a seed does not name; without seeds any id is right."""
    for key, shelf in (("assistantId", ASSISTANTS), ("squadId", SQUADS)):
        sid = call.text(key)
        if sid and len(call.store.table(shelf)) and not _is_visible(call, shelf, sid):
            raise Refused(_error(400, f"Couldn't find {key} {sid}"))


def _is_visible(call: PlatformCall, shelf: PlatformShelf[VapiAgent], sid: str) -> bool:
    return find_visible(call.store, shelf, sid, call.organization) is not None


def _set_fields(row: VapiNumber, body: Mapping[str, object], *, ignores_null: bool) -> None:
    """Set the fields of a request; a null clears a field."""
    fields = dict(
        zip(VapiNumber.__struct_encode_fields__, VapiNumber.__struct_fields__, strict=True)
    )
    for name, value in body.items():
        if name not in fields or (value is None and ignores_null):
            continue
        setattr(row, fields[name], value)

    # One way to sign in replaces the other.
    if body.get("twilioAuthToken"):
        row.twilio_api_key = row.twilio_api_secret = None
    elif body.get("twilioApiKey"):
        row.twilio_auth_token = None


def _connect(store: Store, row: VapiNumber) -> None:
    """Sign in to Twilio and write the webhooks of the number there."""
    login = row.twilio_api_key or row.account_sid
    secret = row.twilio_api_secret if row.twilio_api_key else row.twilio_auth_token
    try:
        sign_in(store, login, secret or "")
    except TwilioRefused as error:
        raise Refused(_error(400, f"Twilio refused the credentials ({error.code})")) from None

    number = find_number(store, row.account_sid, row.number)
    if number is None:
        raise Refused(_error(400, f"Number {row.number} not found on Twilio"))
    form = {"VoiceUrl": VOICE_URL, "VoiceMethod": "POST"}
    if row.sms_enabled:
        form |= {"SmsUrl": SMS_URL, "SmsMethod": "POST"}
    _write_webhooks(store, row, form)


def _write_webhooks(store: Store, row: VapiNumber, form: Mapping[str, str]) -> None:
    number = find_number(store, row.account_sid, row.number)
    if number is None:
        return
    try:
        write_number(store, number, form)
    except TwilioRefused as error:
        raise Refused(_error(400, f"Twilio refused the webhooks ({error.code})")) from None


def _change(call: PlatformCall) -> Reply:
    row = _number_of(call)
    _check_body(call)
    if call.body["provider"] != row.provider:
        raise Refused(_error(400, "the provider of a number cannot be changed"))
    _check_agents(call)

    after = msgspec.structs.replace(row)
    _set_fields(after, call.body, ignores_null=_settings(call.store).ignores_null)
    after.updated_at = stamp(call.store)
    if row.provider == "twilio" and _touches_twilio(call.body):
        _connect(call.store, after)
    call.store.table(NUMBERS).change(row, msgspec.structs.asdict(after))
    return json_reply(200, _view(call.store, row))


def _touches_twilio(body: Mapping[str, object]) -> bool:
    return not body.keys().isdisjoint({"number", "twilioAccountSid", "smsEnabled", *_SECRETS})


def _delete(call: PlatformCall) -> Reply:
    """Remove a number, and answer with what it was."""
    row = _number_of(call)
    leaves = _settings(call.store).after_delete
    form: dict[str, str] = {}
    if leaves != "keep":
        form["VoiceUrl"] = ""
    if leaves == "clear" and row.sms_enabled:
        form["SmsUrl"] = ""
    if form and row.provider == "twilio":
        _write_webhooks(call.store, row, form)

    call.store.table(NUMBERS).remove(row)
    return json_reply(200, _view(call.store, row))


def _show_agent(shelf: PlatformShelf[VapiAgent]) -> PlatformHandler:
    def show(call: PlatformCall) -> Reply:
        row = find_visible(call.store, shelf, call.path["id"], call.organization)
        if row is None and len(call.store.table(shelf)):
            raise Refused(_error(404, "It does not exist"))
        return json_reply(200, {"id": call.path["id"], "name": row.name if row else ""})

    return show


def _list_agents(shelf: PlatformShelf[VapiAgent]) -> PlatformHandler:
    def show(call: PlatformCall) -> Reply:
        rows = visible_rows(call.store, shelf, call.organization)
        return json_reply(200, [{"id": row.sid, "name": row.name} for row in rows[:_PAGE]])

    return show


def _change_credential(call: PlatformCall) -> Reply:
    """Change the credential of a trunk; its gateways are replaced whole."""
    row = find_visible(call.store, CREDENTIALS, call.path["id"], call.organization)
    if row is None:
        raise Refused(_error(404, "The credential does not exist"))

    changes: dict[str, object] = {}
    if "gateways" in call.body:
        changes["gateways"] = _read_gateways(call.body["gateways"])
    if "outboundLeadingPlusEnabled" in call.body:
        changes["outbound_leading_plus_enabled"] = call.body["outboundLeadingPlusEnabled"] is True
    plan = call.body.get("outboundAuthenticationPlan")
    if isinstance(plan, Mapping):
        for name, field in (("authUsername", "auth_username"), ("authPassword", "auth_password")):
            if name in plan:
                changes[field] = plan[name]
    call.store.table(CREDENTIALS).change(row, changes)
    return json_reply(200, {"id": row.sid, "provider": row.provider, "gateways": row.gateways})


def _read_gateways(given: object) -> list[dict[str, object]]:
    """Return the gateways of a request. Refuses a host name that is to take calls."""
    if not isinstance(given, list) or not given:
        raise Refused(_error(400, "gateways must contain at least 1 elements"))
    for gateway in given:
        address = gateway.get("ip") if isinstance(gateway, Mapping) else None
        netmask = gateway.get("netmask", 32) if isinstance(gateway, Mapping) else None
        if not isinstance(address, str) or not isinstance(netmask, int) or not 24 <= netmask <= 32:
            raise Refused(_error(400, "gateways need ip, and a netmask from 24 to 32"))
        is_name = re.fullmatch(r"[0-9.]+", address) is None
        if is_name and gateway.get("inboundEnabled", True):
            message = "Couldn't validate SIP trunk credential. SIP gateway creation failed."
            raise Refused(_error(400, message))
    return [dict(gateway) for gateway in given]


ROUTES = (
    PLATFORM.route("GET", "/phone-number", _list),
    PLATFORM.route("POST", "/phone-number", _import),
    PLATFORM.route("GET", "/phone-number/{id}", _get),
    PLATFORM.route("PATCH", "/phone-number/{id}", _change),
    PLATFORM.route("DELETE", "/phone-number/{id}", _delete),
    PLATFORM.route("PATCH", "/credential/{id}", _change_credential),
    PLATFORM.route("GET", "/assistant", _list_agents(ASSISTANTS)),
    PLATFORM.route("GET", "/assistant/{id}", _show_agent(ASSISTANTS)),
    PLATFORM.route("GET", "/squad", _list_agents(SQUADS)),
    PLATFORM.route("GET", "/squad/{id}", _show_agent(SQUADS)),
)
