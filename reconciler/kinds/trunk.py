"""Define the fields, endpoints and conversions of Elastic SIP trunks (Twilio's Trunking API, v1),
and decide whether two are the same trunk; no I/O.
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
    has_same_name,
    param_names,
    plain_attrs,
    plain_params,
    plain_wire,
)
from reconciler.model.live import Live
from reconciler.model.route import Attrs

FIELDS = (
    Field("friendly_name", "FriendlyName"),
    Field("domain_name", "DomainName"),
    Field("secure", "Secure", default=False),
    Field("cnam_lookup_enabled", "CnamLookupEnabled", default=False, resets=True),
    Field("transfer_mode", "TransferMode", default="disable-all", resets=True),
    Field("transfer_caller_id", "TransferCallerId", default="from-transferee", resets=True),
    Field("disaster_recovery_url", "DisasterRecoveryUrl", resets=True),
    Field("disaster_recovery_method", "DisasterRecoveryMethod", resets=True),
)
"""The method of disaster recovery has no effect without the URL; Twilio's default is POST."""


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; its key is the domain, or the friendly name of a trunk without
    a domain.
    """
    attrs = plain_attrs(FIELDS, row)

    # Without a URL the method has no effect: one canonical value avoids a difference that no user
    # can repair.
    method = str(attrs["disaster_recovery_method"] or "POST").upper()
    attrs["disaster_recovery_method"] = method if attrs["disaster_recovery_url"] else None

    key = attrs["domain_name"] or attrs["friendly_name"] or row["sid"]
    return Live(
        row["sid"],
        str(key),
        account,
        plain_wire(FIELDS, row),
        attrs,
        str(attrs["friendly_name"] or ""),
    )


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of create and update; a method that is cleared with its URL is
    not sent.
    """
    params = plain_params(FIELDS, attrs)
    if params.get("DisasterRecoveryMethod") == "":
        del params["DisasterRecoveryMethod"]
    return params


def is_same_trunk(declared: Attrs, live: Attrs) -> bool:
    """Return true when both have the same domain or, without domains, the same friendly name."""
    domain = declared.get("domain_name")
    if domain:
        return live.get("domain_name") == domain
    return not live.get("domain_name") and has_same_name(declared, live)


TRUNK = Kind(
    name="trunk",
    rank=10,
    key_field="domain_name",
    observe=observe,
    to_wire=to_wire,
    params=param_names(FIELDS),
    fields=FIELDS,
    alike=is_same_trunk,
    listing=Endpoint("GET", "trunking", "/v1/Trunks", items="trunks"),
    fetch=Endpoint("GET", "trunking", "/v1/Trunks/{sid}"),
    create=Endpoint("POST", "trunking", "/v1/Trunks", idempotent=False),
    update=Endpoint("POST", "trunking", "/v1/Trunks/{sid}"),
    delete=Endpoint("DELETE", "trunking", "/v1/Trunks/{sid}"),
)
