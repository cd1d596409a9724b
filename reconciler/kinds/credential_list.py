"""Users that may call through a trunk: credential lists and their credentials; does no I/O.

A password can be written and never read, so its fingerprint is compared. Source: Twilio's API of
2010.
"""

from __future__ import annotations

from reconciler.kinds.kind import Field
from reconciler.kinds.sip_list import list_member, sip_list

CREDENTIAL_FIELDS = (Field("username", "Username"), Field("password", "Password", secret=True))

CREDENTIAL_LIST = sip_list("credential_list", "CredentialLists")
CREDENTIAL = list_member(
    "credential",
    CREDENTIAL_LIST.name,
    "CredentialLists/{parent_sid}/Credentials",
    "credentials",
    fields=CREDENTIAL_FIELDS,
    key_field="username",
    key=lambda row: str(row.get("username") or ""),
)
