"""Users that may call through a trunk: credential lists and their credentials; does no I/O.

A password can be written and never read: what is compared is a fingerprint of it. Source: Twilio's API of 2010.
"""

from __future__ import annotations

from reconciler.kinds.access_list import LIST_FIELDS, list_params, observe_list
from reconciler.kinds.child import child
from reconciler.kinds.kind import Endpoint, Field, Kind, Names, Params, Row, Sids, params_of, plain_params
from reconciler.model import Attrs, Live

_LISTS = "/2010-04-01/Accounts/{account_sid}/SIP/CredentialLists"
_CREDENTIALS = _LISTS + "/{parent_sid}/Credentials"
CREDENTIAL_FIELDS = (Field("username", "Username"), Field("password", "Password", secret=True))


def observe_credential(row: Row, account: str, names: Names) -> Live:
    """A `Live` of one credential; its key is the user name."""
    key = str(row.get("username") or "")
    return child(CREDENTIAL_FIELDS, row, account, key=key, parent=("credential_list", names))


def credential_params(attrs: Attrs, sids: Sids) -> Params:
    """Request parameters of a credential, with the fingerprint in place of the password."""
    return plain_params(CREDENTIAL_FIELDS, attrs)


CREDENTIAL_LIST = Kind(
    name="credential_list",
    rank=5,
    key_field="friendly_name",
    observe=observe_list,
    to_wire=list_params,
    params=params_of(LIST_FIELDS),
    fields=LIST_FIELDS,
    listing=Endpoint("GET", "api", _LISTS + ".json", items="credential_lists"),
    fetch=Endpoint("GET", "api", _LISTS + "/{sid}.json"),
    create=Endpoint("POST", "api", _LISTS + ".json", idempotent=False),
    update=Endpoint("POST", "api", _LISTS + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _LISTS + "/{sid}.json"),
)
CREDENTIAL = Kind(
    name="credential",
    rank=6,
    key_field="username",
    observe=observe_credential,
    to_wire=credential_params,
    params=params_of(CREDENTIAL_FIELDS),
    fields=CREDENTIAL_FIELDS,
    listing=Endpoint("GET", "api", _CREDENTIALS + ".json", items="credentials"),
    fetch=Endpoint("GET", "api", _CREDENTIALS + "/{sid}.json"),
    create=Endpoint("POST", "api", _CREDENTIALS + ".json", idempotent=False),
    update=Endpoint("POST", "api", _CREDENTIALS + "/{sid}.json"),
    delete=Endpoint("DELETE", "api", _CREDENTIALS + "/{sid}.json"),
    parent="credential_list",
)
