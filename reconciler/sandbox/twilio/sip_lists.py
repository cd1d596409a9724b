"""Define the rows and rules of SIP credential lists, IP access control lists and their items; has
no routes.

Passwords can be set but never read. A list that a trunk or a SIP domain uses cannot be deleted.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import msgspec

from reconciler.sandbox.store import R, Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.forms import Param, text, whole
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.trunks import Trunk


class SipList(Row, kw_only=True):
    """A list of credentials or of addresses."""

    friendly_name: str = ""
    date_created: str = ""
    date_updated: str = ""
    subresource_uris: dict[str, str] = msgspec.field(default_factory=dict)
    uri: str = ""


class Credential(Row, kw_only=True):
    """A user who may call through a trunk; the password is stored but never shown."""

    credential_list_sid: str = ""
    username: str = ""
    password: str = ""
    date_created: str = ""
    date_updated: str = ""
    uri: str = ""


class IpAddress(Row, kw_only=True):
    """A range of addresses from which calls are accepted."""

    ip_access_control_list_sid: str = ""
    friendly_name: str = ""
    ip_address: str = ""
    cidr_prefix_length: int = 32
    date_created: str = ""
    date_updated: str = ""
    uri: str = ""


def username(name: str, value: str) -> str:
    """Read 1 to 32 characters."""
    if not 1 <= len(value) <= 32:
        raise refusal(21243, f"{name} must have 1 to 32 characters")
    return value


def password(name: str, value: str) -> str:
    """Read at least 12 characters with a digit, a small and a capital letter.

    A refusal never repeats the password.
    """
    if len(value) < 12 or not all(re.search(kind, value) for kind in ("[0-9]", "[a-z]", "[A-Z]")):
        raise refusal(21243, f"{name} needs 12 characters, with a digit and letters of both cases")
    return value


def ip_address(name: str, value: str) -> str:
    """Read an IPv4 address in dotted form."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise refusal(21235, f"{name} is not an IPv4 address: {value}") from None


CREDENTIAL_PARAMS = (
    Param("Username", "username", username),
    Param("Password", "password", password),
)
ADDRESS_PARAMS = (
    Param("FriendlyName", "friendly_name", text),
    Param("IpAddress", "ip_address", ip_address),
    Param("CidrPrefixLength", "cidr_prefix_length", whole(1, 32, 21235)),
)


def _set_dates(store: Store, row: SipList | Credential | IpAddress) -> None:
    row.date_created = row.date_created or rfc2822(store.now())
    row.date_updated = row.date_updated or row.date_created


def _complete_list(prefix: str, path: str, child: str) -> Callable[[Store, SipList], None]:
    def complete(store: Store, row: SipList) -> None:
        owner_of(store, row)
        row.sid = row.sid or store.new_sid(prefix)
        _set_dates(store, row)
        place = f"/2010-04-01/Accounts/{row.account_sid}/SIP/{path}/{row.sid}"
        names = {"Credentials": "credentials", "IpAddresses": "ip_addresses"}
        row.uri = f"{place}.json"
        row.subresource_uris = {names[child]: f"{place}/{child}.json"}

    return complete


def _complete_credential(store: Store, row: Credential) -> None:
    parent = _parent(store, CREDENTIAL_LISTS, row.credential_list_sid)
    row.account_sid, row.sid = parent.account_sid, row.sid or store.new_sid("CR")
    row.uri = f"{parent.uri.removesuffix('.json')}/Credentials/{row.sid}.json"
    _set_dates(store, row)


def _complete_address(store: Store, row: IpAddress) -> None:
    parent = _parent(store, ACCESS_LISTS, row.ip_access_control_list_sid)
    row.account_sid, row.sid = parent.account_sid, row.sid or store.new_sid("IP")
    row.uri = f"{parent.uri.removesuffix('.json')}/IpAddresses/{row.sid}.json"
    _set_dates(store, row)


def _parent(store: Store, shelf: Shelf[SipList], sid: str) -> SipList:
    parent = store.table(shelf).get(sid)
    if parent is None:
        raise ValueError(f"list {sid or '(none)'} is not among the {shelf.name}")
    return parent


CREDENTIAL_LISTS = Shelf(
    "credential_lists", SipList, "CL", _complete_list("CL", "CredentialLists", "Credentials")
)
ACCESS_LISTS = Shelf(
    "ip_access_control_lists",
    SipList,
    "AL",
    _complete_list("AL", "IpAccessControlLists", "IpAddresses"),
)
CREDENTIALS = Shelf(
    "credentials", Credential, "CR", _complete_credential, owner="credential_list_sid"
)
ADDRESSES = Shelf(
    "ip_addresses", IpAddress, "IP", _complete_address, owner="ip_access_control_list_sid"
)


@dataclass(frozen=True, slots=True)
class ListKind(Generic[R]):
    """The differences between the two kinds of list; one set of handlers serves both."""

    lists: Shelf[SipList]
    items: Shelf[R]
    path: str
    item_path: str
    item_params: tuple[Param, ...]
    required: tuple[str, ...]
    unique: tuple[str, ...]
    resource_type: str
    invalid: int
    item_invalid: int
    in_use: int
    most_items: int
    too_many: int
    sids_of: Callable[[Trunk], list[str]]


CREDENTIAL_KIND = ListKind(
    lists=CREDENTIAL_LISTS,
    items=CREDENTIALS,
    path="CredentialLists",
    item_path="Credentials",
    item_params=CREDENTIAL_PARAMS,
    required=("Username", "Password"),
    unique=("username",),
    resource_type="sip-credential-list",
    invalid=21240,
    item_invalid=21243,
    in_use=21241,
    most_items=1000,
    too_many=21242,
    sids_of=lambda trunk: trunk.credential_lists,
)
ACCESS_KIND = ListKind(
    lists=ACCESS_LISTS,
    items=ADDRESSES,
    path="IpAccessControlLists",
    item_path="IpAddresses",
    item_params=ADDRESS_PARAMS,
    required=("FriendlyName", "IpAddress"),
    unique=("friendly_name", "ip_address"),
    resource_type="sip-ip-access-control-list",
    invalid=21235,
    item_invalid=21235,
    in_use=21236,
    most_items=25,
    too_many=21237,
    sids_of=lambda trunk: trunk.ip_access_control_lists,
)
