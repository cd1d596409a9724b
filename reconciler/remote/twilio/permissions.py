"""Name the permission that a refused call needs; pure.

Twilio's error dictionary: 70051 and 20403 are refusals of a key that is valid and may not make this
call. 20003 on a write has the same cause where the same key reads: a restricted key without the
write permission.
"""

from __future__ import annotations

_MAY_NOT = frozenset({70051, 20403})
_AUTH_FAILED = 20003

_RESOURCES = (
    ("AvailablePhoneNumbers", "numbers for sale"),
    ("IncomingPhoneNumbers", "phone numbers"),
    ("CredentialLists", "SIP credential lists"),
    ("IpAccessControlLists", "IP access control lists"),
    ("/SIP/Domains", "SIP domains"),
    ("/Trunks", "SIP trunks"),
    ("/Applications", "TwiML applications"),
    ("/Services", "messaging services"),
    ("/Events", "the event log"),
    ("/Alerts", "the alerts"),
    ("/Calls", "calls"),
    ("/RegulatoryCompliance", "regulatory compliance"),
    ("/PhoneNumbers/Countries", "prices of phone numbers"),
    ("/v2/PhoneNumbers", "inbound regions of phone numbers"),
)
"""A part of a path → the resources that it is about; the first match counts."""
_VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def is_missing_permission(method: str, status: int, vendor_code: int | None) -> bool:
    """Return true for a refusal that a permission would lift."""
    if vendor_code in _MAY_NOT:
        return True
    if vendor_code == _AUTH_FAILED:
        return method != "GET"
    return vendor_code is None and status == 403


def permission_cure(method: str, path: str) -> str:
    """Return which permission the key of an account lacks, and how to see all that it needs."""
    resources = "this resource"
    for part, name in _RESOURCES:
        if part in path:
            resources = name
            break
    return (
        f"The key lacks the permission to {_VERBS.get(method, 'use')} {resources}: add it in "
        "Twilio's console, or use a key that has it. `reconciler doctor` shows every permission "
        "that the configuration needs."
    )
