"""Define the fields, endpoints and conversions of TwiML applications, which hold a name and
webhooks for every number that uses them; no I/O.

Its webhooks have the canonical form of a number's webhooks. Names are not unique on Twilio. Source:
Twilio's API of 2010.
"""

from __future__ import annotations

from reconciler.kinds.kind import Endpoint, Kind, Names, Params, Row, Sids
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


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; its key is the friendly name."""
    wire = {name: row.get(name) or "" for name in _WIRE}
    attrs: dict[str, Value] = {
        "friendly_name": wire["friendly_name"] or None,
        **canonical_routes(wire, {}),
    }
    return Live(row["sid"], str(wire["friendly_name"] or row["sid"]), account, wire, attrs)


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of create and update."""
    params: Params = {}
    for name, value in attrs.items():
        if name == "friendly_name":
            params["FriendlyName"] = "" if value is None else str(value)
        else:
            params.update(hook_params(name, value))
    return params


APPLICATION = Kind(
    name="application",
    rank=5,
    key_field="friendly_name",
    observe=observe,
    to_wire=to_wire,
    params={PARAMS[name]: name for name in _WIRE},
    listing=Endpoint("GET", "api", _BASE + ".json", items="applications"),
    fetch=Endpoint("GET", "api", _BASE + "/{sid}.json"),
    create=Endpoint("POST", "api", _BASE + ".json", idempotent=False),
    update=Endpoint("POST", "api", _BASE + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _BASE + "/{sid}.json"),
)
