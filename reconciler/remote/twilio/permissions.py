"""Return the cure of a refused Twilio call that names the missing permission, or None for a refusal
with another cause; pure.

Twilio's error dictionary: 70051 and 20403 are refusals of a key that is valid and may not make this
call. 20003 on a write has two possible causes: the key lacks the permission to write, or it is not
valid any more. A standard key that lists accounts gets 20003 as well. A refusal without a number of
Twilio may come from a proxy, so it says nothing.
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
    ("/v2/Trunks", "inbound regions of SIP trunks"),
    ("/Trunks", "SIP trunks"),
    ("/Applications", "TwiML applications"),
    ("/Services", "messaging services"),
    ("/Events", "the event log"),
    ("/Alerts", "the alerts"),
    ("/Calls", "calls"),
    ("/RegulatoryCompliance", "regulatory compliance"),
    ("/PhoneNumbers/Countries", "prices of phone numbers"),
    ("/v2/PhoneNumbers", "inbound regions of phone numbers"),
    ("/Accounts.json", "subaccounts"),
)
"""A part of a path → the resources that it is about; the first match counts."""
_LISTS_ACCOUNTS = "/Accounts.json"
_VERBS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete"}


def find_permission_cure(method: str, path: str, vendor_code: int | None) -> str | None:
    """Return the cure of a refusal that a permission may lift; None for any other refusal."""
    permission = _describe_permission(method, path)
    if vendor_code in _MAY_NOT:
        return f"The key lacks {permission}"
    if vendor_code == _AUTH_FAILED and method != "GET":
        return f"The key is not valid any more, or it lacks {permission}"
    if vendor_code == _AUTH_FAILED and path.endswith(_LISTS_ACCOUNTS):
        return (
            "Check that the SID and the key or token belong together. Only the auth token and a main "
            "API key of an account can list its subaccounts, a standard API key cannot."
        )
    return None


def _describe_permission(method: str, path: str) -> str:
    """Return the permission that a call needs, and how to add it."""
    resources = "this resource"
    for part, name in _RESOURCES:
        if part in path:
            resources = name
            break
    return (
        f"the permission to {_VERBS.get(method, 'use')} {resources}: add it in "
        "Twilio's console, or use a key that has it. `reconciler doctor` shows every permission "
        "that the configuration needs."
    )
