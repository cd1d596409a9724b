"""Define the fields, endpoints and kinds of phone numbers and bridge numbers, convert between wire
and canonical form, and describe routes in words.

On the wire a number has trunk, application and URL side by side, and the first one that is set
answers. In canonical form its voice is one value (webhooks, trunk, application or none), and so is
its SMS. Facts: Twilio's API documentation of IncomingPhoneNumber. Does no I/O.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.kinds.kind import Endpoint, Kind, Names, Params, Row, Sids
from reconciler.kinds.membership import MEMBERSHIP, MEMBERSHIP_PARAM
from reconciler.kinds.number_fields import (
    BY_NAME,
    BY_WIRE,
    FIELDS,
    ROUTE_PARTS,
    read_fields,
    wire_value,
)
from reconciler.kinds.number_row import NumberRow
from reconciler.model.live import Live
from reconciler.model.route import (
    ApplicationRoute,
    Attrs,
    Membership,
    TrunkRoute,
    Value,
    Webhook,
    Wire,
    WireValue,
)

_BASE = "/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers"
LISTING = Endpoint("GET", "api", _BASE + ".json", items="incoming_phone_numbers")
FETCH = Endpoint("GET", "api", _BASE + "/{sid}.json")
UPDATE = Endpoint("POST", "api", _BASE + "/{sid}.json")

VOICE = (
    "voice_url",
    "voice_method",
    "voice_fallback_url",
    "voice_fallback_method",
    "voice_application_sid",
    "trunk_sid",
)
SMS = ("sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method", "sms_application_sid")
STATUS = ("status_callback", "status_callback_method")
WIRE_FIELDS = VOICE + SMS + STATUS
PARTS: dict[str, tuple[str, ...]] = {
    "voice": VOICE,
    "sms": SMS,
    "status": STATUS,
    "friendly_name": ("friendly_name",),
    MEMBERSHIP: (MEMBERSHIP,),
    **{field.name: (field.wire,) for field in FIELDS},
}
"""Managed field → its wire fields."""

SID_FIELDS = {
    "trunk": "trunk_sid",
    "voice_application": "voice_application_sid",
    "sms_application": "sms_application_sid",
    **{field.name: field.wire for field in FIELDS},
}
"""A field as plans and drift name it → Twilio's field where its name is another one."""

DEFAULT_METHOD = "POST"
"""Twilio's method where none is given."""

PARAMS = {
    MEMBERSHIP: MEMBERSHIP_PARAM,
    **{
        name: "".join(word.capitalize() for word in name.split("_"))
        for name in (*WIRE_FIELDS, "friendly_name", *BY_WIRE)
    },
}
"""Wire field → request parameter: ``voice_url`` → ``VoiceUrl``."""


_Config = tuple[Wire, Attrs]


class Observer:
    """Converter of rows into `Live` numbers; numbers with equal configuration share one value of
    it.

    `with_fields`: also the fields beside the routes, which may differ from number to number. An
    account that manages none of them is read without.
    """

    def __init__(self, names: Names, *, with_fields: bool = True) -> None:
        self._names = names
        self._with_fields = with_fields
        self._configs: dict[tuple[WireValue, ...], _Config] = {}

    def live(self, row: NumberRow, account: str) -> Live:
        """Return the number as a `Live`."""
        # Hot path: an account has up to 100,000 numbers and few different configurations, so each
        # configuration is
        # converted once.
        key = (
            row.voice_url,
            row.sms_url,
            row.status_callback,
            row.trunk_sid,
            row.voice_method,
            row.voice_fallback_url,
            row.voice_fallback_method,
            row.voice_application_sid,
            row.sms_method,
            row.sms_fallback_url,
            row.sms_fallback_method,
            row.sms_application_sid,
            row.status_callback_method,
        )
        config = self._configs.get(key)
        if config is None:
            wire = {name: getattr(row, name) or "" for name in WIRE_FIELDS}
            config = self._configs[key] = (wire, canonical_routes(wire, self._names))

        # Only a clear no counts: a server in the place of Twilio may return no capabilities.
        can = row.capabilities
        can_text = can is None or can.sms is not False
        can_call = can is None or can.voice is not False
        return Live(
            row.sid,
            row.phone_number,
            account,
            config[0],
            config[1],
            row.friendly_name or "",
            None,
            can_text,
            can_call,
            row.voice_receive_mode == "fax",
            read_fields(row) if self._with_fields else None,
        )


def canonical_routes(wire: Wire, names: Names) -> dict[str, Value]:
    """Return the effective configuration: voice, sms and status as values that ``==`` compares."""
    return {
        "voice": _route(wire, "voice", names),
        "sms": _route(wire, "sms", names),
        "status": make_webhook(
            _text(wire, "status_callback"), _text(wire, "status_callback_method")
        ),
    }


def describe_hidden_voice(wire: Wire) -> list[str]:
    """Return the voice settings without effect, in words.

    A trunk hides the application and the URL; an application hides the URL.
    """
    trunk, application = _text(wire, "trunk_sid"), _text(wire, "voice_application_sid")
    url = _text(wire, "voice_url")

    hidden = []
    if trunk and application:
        hidden.append(f"application {application}")
    if url and (trunk or application):
        hidden.append(f"webhook {url}")
    return hidden


def make_webhook(
    url: str, method: str = "", fallback_url: str = "", fallback_method: str = ""
) -> Webhook | None:
    """Return the canonical webhook, None when no URL is set. Without a method it is Twilio's
    default, POST.
    """
    if not url and not fallback_url:
        return None
    return Webhook(
        url, _method(method), fallback_url, _method(fallback_method) if fallback_url else ""
    )


def _method(text: str) -> str:
    method = text.upper()
    # One string object for nearly all webhooks: comparisons of equal methods then end at once.
    return method if method and method != DEFAULT_METHOD else DEFAULT_METHOD


def url_field_for(method: str) -> str:
    """Return the raw field of the URL that a raw method belongs to."""
    return "status_callback" if method.startswith("status") else method.replace("_method", "_url")


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row in plain JSON (the reply to an update)."""
    return Observer(names).live(msgspec.convert(row, NumberRow, strict=False), account)


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return request parameters that set these managed parts whole; fields that a part does not set
    are sent empty.

    A trunk or an application is sent alone: Twilio uses it instead of the URLs, and accepts only
    one of them in an update.
    """
    params: Params = {}
    for name, value in attrs.items():
        if name == "friendly_name":
            params["FriendlyName"] = "" if value is None else str(value)
        elif name == MEMBERSHIP:
            params[MEMBERSHIP_PARAM] = _service_sid(value, sids)
        elif name in BY_NAME:
            params[PARAMS[BY_NAME[name].wire]] = wire_value(value)
        else:
            params.update(_part_params(name, value, sids))
    return params


def _service_sid(value: Value, sids: Sids) -> str:
    """Return the SID of the service that a number is to be in; "" for none."""
    if not isinstance(value, Membership):
        return ""
    return sids.get(f"messaging_service/{value.service}", value.service)


def restore_params(wire: Wire) -> Params:
    """Return request parameters that restore wire fields; an empty method is not sent, so Twilio
    sets its default.
    """
    params: Params = {}
    for name, value in wire.items():
        if value or not name.endswith("_method"):
            params[PARAMS[name]] = "" if value is None else value
    return params


def user_fields(part: str, value: Value) -> dict[str, WireValue]:
    """Return a canonical part as the fields of the documentation: ``voice_url`` …, ``trunk`` or
    ``application``.
    """
    if part == "friendly_name":
        return {"friendly_name": value if isinstance(value, str) else None}
    if part == MEMBERSHIP:
        return {MEMBERSHIP: value.service if isinstance(value, Membership) else None}
    if part not in ROUTE_PARTS:
        return {part: value if isinstance(value, str | bool) else None}

    if isinstance(value, TrunkRoute):
        return {"trunk": value.trunk}
    if isinstance(value, ApplicationRoute):
        return {f"{part}_application": value.application}
    if not isinstance(value, Webhook):
        return {}

    if part == "status":
        return {"status_callback": value.url, "status_callback_method": value.method}
    fields: dict[str, WireValue] = {f"{part}_url": value.url, f"{part}_method": value.method}
    if value.fallback_url:
        fields[f"{part}_fallback_url"] = value.fallback_url
        fields[f"{part}_fallback_method"] = value.fallback_method
    return fields


def describe_route(value: Value) -> str:
    """Return a route in words."""
    match value:
        case TrunkRoute(trunk=trunk):
            return f"trunk {trunk}"
        case ApplicationRoute(application=application):
            return f"application {application}"
        case Membership(service=service):
            return f"messaging service {service}"
        case Webhook(url="", fallback_url=fallback):
            return f"fallback {fallback} only"
        case Webhook(url=url):
            return f"webhook {url}"
        case _:
            return "nothing"


def _route(wire: Wire, part: str, names: Names) -> Value:
    """Return the effective route of voice or sms: Twilio asks the trunk, then the application, then
    the URL.
    """
    trunk = _text(wire, "trunk_sid") if part == "voice" else ""
    if trunk:
        return TrunkRoute(names.get(trunk, trunk))

    application = _text(wire, f"{part}_application_sid")
    if application:
        return ApplicationRoute(names.get(application, application))

    return make_webhook(
        _text(wire, f"{part}_url"),
        _text(wire, f"{part}_method"),
        _text(wire, f"{part}_fallback_url"),
        _text(wire, f"{part}_fallback_method"),
    )


def _part_params(part: str, value: Value, sids: Sids) -> Params:
    if isinstance(value, TrunkRoute):
        return {"TrunkSid": sids.get(f"trunk/{value.trunk}", value.trunk)}
    if isinstance(value, ApplicationRoute):
        sid = sids.get(f"application/{value.application}", value.application)
        return {PARAMS[f"{part}_application_sid"]: sid}
    return hook_params(part, value)


def hook_params(part: str, value: Value) -> Params:
    """Return request parameters that set one webhook whole; fields that it does not set are sent
    empty.
    """
    hook = value if isinstance(value, Webhook) else Webhook("")
    if part == "status":
        return _with_method("StatusCallback", "StatusCallbackMethod", hook.url, hook.method)

    stem = part.capitalize()
    return {
        **_with_method(f"{stem}Url", f"{stem}Method", hook.url, hook.method),
        **_with_method(
            f"{stem}FallbackUrl", f"{stem}FallbackMethod", hook.fallback_url, hook.fallback_method
        ),
    }


def _with_method(url_param: str, method_param: str, url: str, method: str) -> Params:
    return {url_param: url, method_param: method} if url else {url_param: ""}


def _text(wire: Wire, name: str) -> str:
    value: Any = wire.get(name)
    return value if isinstance(value, str) else ""


NUMBER = Kind(
    name="number",
    rank=30,
    key_field="phone_number",
    observe=observe,
    to_wire=to_wire,
    params={param: field for field, param in PARAMS.items()},
    listing=LISTING,
    update=UPDATE,
    fetch=FETCH,
    paid=True,
)
BRIDGE_NUMBER = Kind(
    name="bridge_number",
    rank=30,
    key_field="phone_number",
    observe=observe,
    to_wire=to_wire,
    params={param: field for field, param in PARAMS.items()},
    listing=LISTING,
    update=UPDATE,
    fetch=FETCH,
    paid=True,
)
