"""An Elastic SIP trunk: fields and endpoints (Twilio's Trunking API, v1); does no I/O."""

from __future__ import annotations

from reconciler.kinds.kind import Endpoint, Field, Kind, Names, Params, Row, Sids, plain_attrs, plain_params
from reconciler.model import Attrs, Live

FIELDS = (
    Field("friendly_name", "FriendlyName"),
    Field("domain_name", "DomainName"),
    Field("secure", "Secure", default=False),
)


def observe(row: Row, account: str, names: Names) -> Live:
    """A `Live` of one row; its key is the domain, or the friendly name of a trunk without one."""
    attrs = plain_attrs(FIELDS, row)
    key = attrs["domain_name"] or attrs["friendly_name"] or row["sid"]
    wire = {field.name: row.get(field.name) for field in FIELDS}
    return Live(row["sid"], str(key), account, wire, attrs, str(attrs["friendly_name"] or ""))


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Request parameters of create and update."""
    return plain_params(FIELDS, attrs)


TRUNK = Kind(
    name="trunk",
    rank=10,
    key_field="domain_name",
    observe=observe,
    to_wire=to_wire,
    params={field.param: field.name for field in FIELDS},
    listing=Endpoint("GET", "trunking", "/v1/Trunks", items="trunks"),
    fetch=Endpoint("GET", "trunking", "/v1/Trunks/{sid}"),
    create=Endpoint("POST", "trunking", "/v1/Trunks", idempotent=False),
    update=Endpoint("POST", "trunking", "/v1/Trunks/{sid}"),
    delete=Endpoint("DELETE", "trunking", "/v1/Trunks/{sid}"),
)
