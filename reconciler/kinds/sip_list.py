"""Build the kinds of IP access control lists and credential lists, and of their members, from
names, paths and fields; no I/O.

Source: Twilio's API of 2010, ``/SIP/IpAccessControlLists`` and ``/SIP/CredentialLists``.
"""

from __future__ import annotations

from collections.abc import Callable

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
    plain_attrs,
    plain_params,
    plain_wire,
)
from reconciler.model.live import Live
from reconciler.model.route import Attrs

_SIP = "/2010-04-01/Accounts/{account_sid}/SIP"
_NAME = (Field("friendly_name", "FriendlyName"),)


def sip_list(name: str, path: str) -> Kind:
    """Return the kind of a list; its key is its friendly name."""

    def observe(row: Row, account: str, names: Names) -> Live:
        attrs = plain_attrs(_NAME, row)
        key = str(attrs["friendly_name"] or row["sid"])
        return Live(row["sid"], key, account, plain_wire(_NAME, row), attrs)

    return _kind(
        name,
        f"{_SIP}/{path}",
        f"{name}s",
        rank=5,
        key_field="friendly_name",
        fields=_NAME,
        observe=observe,
    )


def list_member(
    name: str,
    above: str,
    path: str,
    items: str,
    *,
    fields: tuple[Field, ...],
    key_field: str,
    key: Callable[[Row], str],
) -> Kind:
    """Return the kind of the members of a list of kind `above`; `key` returns a member's key from
    its row.
    """

    def observe(row: Row, account: str, names: Names) -> Live:
        return child_live(fields, row, account, key=key(row), parent=(above, names))

    return _kind(
        name,
        f"{_SIP}/{path}",
        items,
        rank=6,
        key_field=key_field,
        fields=fields,
        observe=observe,
        parent=above,
    )


def _kind(
    name: str,
    base: str,
    items: str,
    *,
    rank: int,
    key_field: str,
    fields: tuple[Field, ...],
    observe: Callable[[Row, str, Names], Live],
    parent: str | None = None,
) -> Kind:
    def to_wire(attrs: Attrs, sids: Sids) -> Params:
        return plain_params(fields, attrs)

    return Kind(
        name=name,
        rank=rank,
        key_field=key_field,
        observe=observe,
        to_wire=to_wire,
        params=param_names(fields),
        fields=fields,
        listing=Endpoint("GET", "api", f"{base}.json", items=items),
        fetch=Endpoint("GET", "api", base + "/{sid}.json"),
        create=Endpoint("POST", "api", f"{base}.json", idempotent=False),
        update=Endpoint("POST", "api", base + "/{sid}.json"),
        delete=Endpoint("DELETE", "api", base + "/{sid}.json"),
        parent=parent,
    )
