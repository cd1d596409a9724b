"""Define the fields, endpoints and conversions of SIP credential lists and their credentials, and
check a password against Twilio's rules; no I/O.

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

SHORTEST_PASSWORD = 12


def find_password_problem(password: str) -> str | None:
    """Return which of Twilio's rules a password breaks; None when it follows all.

    https://www.twilio.com/docs/voice/sip/api/sip-credential-resource
    """
    if len(password) < SHORTEST_PASSWORD:
        return f"has fewer than {SHORTEST_PASSWORD} characters"
    rules = (
        (str.isdigit, "has no digit"),
        (str.islower, "has no small letter"),
        (str.isupper, "has no capital letter"),
    )
    for fits, problem in rules:
        # Twilio's rules are about ASCII: other alphabets do not count.
        if not any(fits(character) for character in password if character.isascii()):
            return problem
    return None
