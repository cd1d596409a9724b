"""Define the fields, endpoints and conversions of messaging services, which answer the messages of
their numbers; no I/O.

A service has members: numbers, which declare it themselves (see `kinds.membership`), and other
senders, which are only listed. Names are not unique on Twilio. Source:
https://www.twilio.com/docs/messaging/api/service-resource
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
from reconciler.model.live import Live
from reconciler.model.route import Attrs

KIND = "messaging_service"
FIELDS = (
    Field("friendly_name", "FriendlyName"),
    Field("inbound_request_url", "InboundRequestUrl"),
    Field("inbound_method", "InboundMethod"),
    Field("fallback_url", "FallbackUrl"),
    Field("fallback_method", "FallbackMethod"),
    Field("status_callback", "StatusCallback"),
    Field("use_inbound_webhook_on_number", "UseInboundWebhookOnNumber", default=False),
    Field("sticky_sender", "StickySender", default=True, resets=True),
    Field("mms_converter", "MmsConverter", default=True, resets=True),
    Field("smart_encoding", "SmartEncoding", default=True, resets=True),
    Field("scan_message_content", "ScanMessageContent", default="inherit", resets=True),
    Field("area_code_geomatch", "AreaCodeGeomatch", default=True, resets=True),
    Field("validity_period", "ValidityPeriod", default=36_000, resets=True),
    Field("usecase", "Usecase", default="undeclared", resets=True),
)
"""`FallbackToLongCode` is obsolete and `SynchronousValidation` is reserved, by Twilio's documents:
the reconciler never sends them.
"""
_METHODS = {"inbound_method": "inbound_request_url", "fallback_method": "fallback_url"}
"""A method has no effect without its URL; Twilio's default is POST."""

CAMPAIGN = "us_app_to_person_registered"
"""The field of a service that is true when an A2P 10DLC campaign depends on it."""


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; its key is the friendly name."""
    attrs = plain_attrs(FIELDS, row)
    for method, url in _METHODS.items():
        attrs[method] = str(attrs[method] or "POST").upper() if attrs[url] else None

    label = str(attrs["friendly_name"] or "")
    return Live(row["sid"], label or row["sid"], account, plain_wire(FIELDS, row), attrs, label)


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of create and update; a method that is cleared with its URL is
    not sent.
    """
    params = plain_params(FIELDS, attrs)
    for param in ("InboundMethod", "FallbackMethod"):
        if params.get(param) == "":
            del params[param]
    return params


MESSAGING_SERVICE = Kind(
    name=KIND,
    rank=7,
    key_field="friendly_name",
    observe=observe,
    to_wire=to_wire,
    params=param_names(FIELDS),
    fields=FIELDS,
    consents=True,
    listing=Endpoint("GET", "messaging", "/v1/Services", items="services"),
    fetch=Endpoint("GET", "messaging", "/v1/Services/{sid}"),
    create=Endpoint("POST", "messaging", "/v1/Services", idempotent=False),
    update=Endpoint("POST", "messaging", "/v1/Services/{sid}"),
    delete=Endpoint("DELETE", "messaging", "/v1/Services/{sid}"),
)
