"""Networks that may call through a trunk: IP access control lists and their addresses; does no I/O.

An address is known by its network in CIDR; its label is unique in its list. Source: Twilio's API of 2010.
"""

from __future__ import annotations

from reconciler.kinds.child import child
from reconciler.kinds.kind import (
    Endpoint,
    Field,
    Kind,
    Names,
    Params,
    Row,
    Sids,
    params_of,
    plain_attrs,
    plain_params,
    plain_wire,
)
from reconciler.model import Attrs, Live

_LISTS = "/2010-04-01/Accounts/{account_sid}/SIP/IpAccessControlLists"
_ADDRESSES = _LISTS + "/{parent_sid}/IpAddresses"
LIST_FIELDS = (Field("friendly_name", "FriendlyName"),)
ADDRESS_FIELDS = (
    Field("ip_address", "IpAddress"),
    Field("cidr_prefix_length", "CidrPrefixLength", default=32),
    Field("friendly_name", "FriendlyName"),
)


def observe_list(row: Row, account: str, names: Names) -> Live:
    """A `Live` of one list; its key is its name."""
    attrs = plain_attrs(LIST_FIELDS, row)
    return Live(row["sid"], str(attrs["friendly_name"] or row["sid"]), account, plain_wire(LIST_FIELDS, row), attrs)


def list_params(attrs: Attrs, sids: Sids) -> Params:
    """Request parameters of a list."""
    return plain_params(LIST_FIELDS, attrs)


def observe_address(row: Row, account: str, names: Names) -> Live:
    """A `Live` of one address; its key is the network in CIDR."""
    prefix = row.get("cidr_prefix_length")
    key = f"{row.get('ip_address') or ''}/{32 if prefix is None else prefix}"
    return child(ADDRESS_FIELDS, row, account, key=key, parent=("ip_access_control_list", names))


def address_params(attrs: Attrs, sids: Sids) -> Params:
    """Request parameters of an address."""
    return plain_params(ADDRESS_FIELDS, attrs)


IP_ACCESS_CONTROL_LIST = Kind(
    name="ip_access_control_list",
    rank=5,
    key_field="friendly_name",
    observe=observe_list,
    to_wire=list_params,
    params=params_of(LIST_FIELDS),
    fields=LIST_FIELDS,
    listing=Endpoint("GET", "api", _LISTS + ".json", items="ip_access_control_lists"),
    fetch=Endpoint("GET", "api", _LISTS + "/{sid}.json"),
    create=Endpoint("POST", "api", _LISTS + ".json", idempotent=False),
    update=Endpoint("POST", "api", _LISTS + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _LISTS + "/{sid}.json"),
)
IP_ADDRESS = Kind(
    name="ip_address",
    rank=6,
    key_field="ip_address",
    observe=observe_address,
    to_wire=address_params,
    params=params_of(ADDRESS_FIELDS),
    fields=ADDRESS_FIELDS,
    listing=Endpoint("GET", "api", _ADDRESSES + ".json", items="ip_addresses"),
    fetch=Endpoint("GET", "api", _ADDRESSES + "/{sid}.json"),
    create=Endpoint("POST", "api", _ADDRESSES + ".json", idempotent=False),
    update=Endpoint("POST", "api", _ADDRESSES + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _ADDRESSES + "/{sid}.json"),
    parent="ip_access_control_list",
)
