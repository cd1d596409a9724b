"""An origination URL: where a trunk sends the calls of its numbers (Twilio's Trunking API, v1); does no I/O."""

from __future__ import annotations

from reconciler.kinds.kind import Endpoint, Field, Kind, Names, Params, Row, Sids, plain_attrs, plain_params
from reconciler.model import Attrs, Live

FIELDS = (
    Field("sip_url", "SipUrl"),
    Field("priority", "Priority", default=0),
    Field("weight", "Weight", default=1),
    Field("enabled", "Enabled", default=True),
    Field("friendly_name", "FriendlyName"),
)
_BASE = "/v1/Trunks/{parent_sid}/OriginationUrls"


def observe(row: Row, account: str, names: Names) -> Live:
    """A `Live` of one row; its key is the SIP URL, its parent the address of its trunk."""
    attrs = plain_attrs(FIELDS, row)
    wire = {field.name: row.get(field.name) for field in FIELDS}
    trunk = row["trunk_sid"]
    return Live(row["sid"], str(attrs["sip_url"]), account, wire, attrs, parent=f"trunk/{names.get(trunk, trunk)}")


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Request parameters of create and update."""
    return plain_params(FIELDS, attrs)


ORIGINATION_URL = Kind(
    name="origination_url",
    rank=20,
    key_field="sip_url",
    observe=observe,
    to_wire=to_wire,
    params={field.param: field.name for field in FIELDS},
    listing=Endpoint("GET", "trunking", _BASE, items="origination_urls"),
    fetch=Endpoint("GET", "trunking", _BASE + "/{sid}"),
    create=Endpoint("POST", "trunking", _BASE, idempotent=False),
    update=Endpoint("POST", "trunking", _BASE + "/{sid}"),
    delete=Endpoint("DELETE", "trunking", _BASE + "/{sid}"),
    parent="trunk",
)
