"""Define the fields, endpoints and conversions of origination URLs, the targets of a trunk's calls
(Twilio's Trunking API, v1); no I/O.
"""

from __future__ import annotations

from reconciler.kinds.child import child_live
from reconciler.kinds.kind import (
    Endpoint,
    Field,
    Kind,
    Names,
    Params,
    Row,
    Sids,
    param_names,
    plain_params,
)
from reconciler.model.live import Live
from reconciler.model.route import Attrs

FIELDS = (
    Field("sip_url", "SipUrl"),
    Field("priority", "Priority", default=0),
    Field("weight", "Weight", default=1),
    Field("enabled", "Enabled", default=True),
    Field("friendly_name", "FriendlyName"),
)
_BASE = "/v1/Trunks/{parent_sid}/OriginationUrls"


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; its key is the SIP URL, its parent the address of its trunk."""
    return child_live(
        FIELDS, row, account, key=str(row.get("sip_url") or ""), parent=("trunk", names)
    )


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of create and update."""
    return plain_params(FIELDS, attrs)


ORIGINATION_URL = Kind(
    name="origination_url",
    rank=20,
    key_field="sip_url",
    observe=observe,
    to_wire=to_wire,
    params=param_names(FIELDS),
    fields=FIELDS,
    listing=Endpoint("GET", "trunking", _BASE, items="origination_urls"),
    fetch=Endpoint("GET", "trunking", _BASE + "/{sid}"),
    create=Endpoint("POST", "trunking", _BASE, idempotent=False),
    update=Endpoint("POST", "trunking", _BASE + "/{sid}"),
    delete=Endpoint("DELETE", "trunking", _BASE + "/{sid}"),
    parent="trunk",
    repeats=True,
)
