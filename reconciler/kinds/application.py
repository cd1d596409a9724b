"""Define the fields, endpoints and conversions of TwiML applications, which hold a name and
webhooks for every number that uses them; no I/O.

Its webhooks have the canonical form of a number's webhooks. Names are not unique on Twilio. Its
other fields are managed only where they are declared. Source:
https://www.twilio.com/docs/usage/api/applications
"""

from __future__ import annotations

from reconciler.kinds.kind import (
    Endpoint,
    Field,
    Kind,
    Names,
    Params,
    Row,
    Sids,
    param_names,
    plain_attrs,
    plain_params,
    plain_wire,
)
from reconciler.kinds.number import PARAMS, STATUS, canonical_routes, hook_params
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value

_BASE = "/2010-04-01/Accounts/{account_sid}/Applications"
_WIRE = (
    "friendly_name",
    "voice_url",
    "voice_method",
    "voice_fallback_url",
    "voice_fallback_method",
    "sms_url",
    "sms_method",
    "sms_fallback_url",
    "sms_fallback_method",
    *STATUS,
)

_HOOKS = ("voice", "sms", "status")
FIELDS = (
    Field("message_status_callback", "MessageStatusCallback"),
    Field("sms_status_callback", "SmsStatusCallback"),
    Field("voice_caller_id_lookup", "VoiceCallerIdLookup", default=False),
    Field("public_application_connect_enabled", "PublicApplicationConnectEnabled", default=False),
)
"""The fields beside name and webhooks. `ApiVersion` is left out: the only other version is of 2008."""


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; its key is the friendly name."""
    wire = {name: row.get(name) or "" for name in _WIRE}
    plain = plain_wire(FIELDS, row)
    attrs: dict[str, Value] = {
        "friendly_name": wire["friendly_name"] or None,
        **canonical_routes(wire, {}),
        **plain_attrs(FIELDS, row),
    }
    key = str(wire["friendly_name"] or row["sid"])
    return Live(row["sid"], key, account, {**wire, **plain}, attrs)


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of create and update."""
    params = plain_params(FIELDS, attrs)
    for name, value in attrs.items():
        if name == "friendly_name":
            params["FriendlyName"] = "" if value is None else str(value)
        elif name in _HOOKS:
            params.update(hook_params(name, value))
    return params


APPLICATION = Kind(
    name="application",
    rank=5,
    key_field="friendly_name",
    fields=FIELDS,
    observe=observe,
    to_wire=to_wire,
    params={**{PARAMS[name]: name for name in _WIRE}, **param_names(FIELDS)},
    listing=Endpoint("GET", "api", _BASE + ".json", items="applications"),
    fetch=Endpoint("GET", "api", _BASE + "/{sid}.json"),
    create=Endpoint("POST", "api", _BASE + ".json", idempotent=False),
    update=Endpoint("POST", "api", _BASE + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _BASE + "/{sid}.json"),
)
