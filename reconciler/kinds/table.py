"""List every kind of Twilio resource that is managed, and look up ranks, child kinds and secret
fields. A `registration` on a platform has a rank here, but no `Kind`.
"""

from __future__ import annotations

from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST, IP_ADDRESS
from reconciler.kinds.application import APPLICATION
from reconciler.kinds.credential_list import CREDENTIAL, CREDENTIAL_LIST
from reconciler.kinds.kind import Kind
from reconciler.kinds.messaging_service import MESSAGING_SERVICE
from reconciler.kinds.number import BRIDGE_NUMBER, NUMBER
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.platforms.kind import LOGIN_SECRETS, SIP_SECRETS
from reconciler.kinds.recording import RECORDING
from reconciler.kinds.trunk import TRUNK
from reconciler.kinds.trunk_list import TRUNK_CREDENTIAL_LIST, TRUNK_IP_ACCESS_CONTROL_LIST
from reconciler.model.address import NUMBER_KINDS, Address

__all__ = [
    "KINDS",
    "NUMBER_KINDS",
    "RANKS",
    "REGISTRATION",
    "WITH_WEBHOOKS",
    "children_of",
    "kind_of",
    "list_watched_child_kinds",
    "secret_fields",
]

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        APPLICATION,
        MESSAGING_SERVICE,
        IP_ACCESS_CONTROL_LIST,
        IP_ADDRESS,
        CREDENTIAL_LIST,
        CREDENTIAL,
        TRUNK,
        ORIGINATION_URL,
        TRUNK_IP_ACCESS_CONTROL_LIST,
        TRUNK_CREDENTIAL_LIST,
        RECORDING,
        NUMBER,
        BRIDGE_NUMBER,
    )
}
REGISTRATION = "registration"
"""A number on a voice-AI platform. It has another API, so it is not in the table (see
`kinds.platforms.kind`).
"""
RANKS = {**{kind.name: kind.rank for kind in KINDS.values()}, REGISTRATION: 40}
"""Kind → rank, of every kind that a plan may contain."""
_OF_REGISTRATIONS = SIP_SECRETS | LOGIN_SECRETS
WITH_WEBHOOKS = NUMBER_KINDS | {"application"}
"""Kinds whose voice, sms and status are webhooks."""


def kind_of(address: str) -> Kind:
    """Return the kind of an address. Raises KeyError for an address of no kind in the table."""
    return KINDS[Address.parse(address).kind]


def children_of(kind: str) -> list[Kind]:
    """Return the kinds of children of this kind."""
    return [child for child in KINDS.values() if child.parent == kind]


def list_watched_child_kinds(kind: str) -> list[Kind]:
    """Return the kinds of children whose set can change, and so can be watched."""
    return [child for child in children_of(kind) if not child.singleton]


def secret_fields(kind: str) -> frozenset[str]:
    """Return the fields of a kind that can be written and never read."""
    if kind == REGISTRATION:
        return _OF_REGISTRATIONS
    return frozenset(field.name for field in KINDS[kind].fields if field.secret)
