"""Define the fields, endpoints and conversions of IP access control lists and of their networks,
keyed by CIDR; the use of a list by a trunk is another kind. No I/O.

The key of an address is its network in CIDR; its label is unique in its list. Source: Twilio's API
of 2010.
"""

from __future__ import annotations

from reconciler.kinds.kind import Field, Row
from reconciler.kinds.sip_list import list_member, sip_list

ADDRESS_FIELDS = (
    Field("ip_address", "IpAddress"),
    Field("cidr_prefix_length", "CidrPrefixLength", default=32),
    Field("friendly_name", "FriendlyName"),
)


def network(row: Row) -> str:
    """Return the network of a row in CIDR; without a prefix it is one address."""
    prefix = row.get("cidr_prefix_length")
    return f"{row.get('ip_address') or ''}/{32 if prefix is None else prefix}"


IP_ACCESS_CONTROL_LIST = sip_list("ip_access_control_list", "IpAccessControlLists")
IP_ADDRESS = list_member(
    "ip_address",
    IP_ACCESS_CONTROL_LIST.name,
    "IpAccessControlLists/{parent_sid}/IpAddresses",
    "ip_addresses",
    fields=ADDRESS_FIELDS,
    key_field="ip_address",
    key=network,
)
