"""The table of kinds: what the reconciler knows how to manage, written out."""

from __future__ import annotations

from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST, IP_ADDRESS
from reconciler.kinds.application import APPLICATION
from reconciler.kinds.credential_list import CREDENTIAL, CREDENTIAL_LIST
from reconciler.kinds.kind import Kind
from reconciler.kinds.number import BRIDGE_NUMBER, NUMBER
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.platforms import SIP_SECRETS
from reconciler.kinds.recording import RECORDING
from reconciler.kinds.trunk import TRUNK
from reconciler.kinds.trunk_list import TRUNK_CREDENTIAL_LIST, TRUNK_IP_ACCESS_CONTROL_LIST

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        APPLICATION,
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
NUMBER_KINDS = frozenset({"number", "bridge_number"})
REGISTRATION = "registration"
"""A number's place on a voice-AI platform: its own API, so not in the table (`kinds.platforms`)."""
RANKS = {**{kind.name: kind.rank for kind in KINDS.values()}, REGISTRATION: 40}
"""Kind → rank, of everything that a plan may hold."""
WITH_WEBHOOKS = NUMBER_KINDS | {"application"}
"""Kinds whose voice, sms and status are webhooks."""


def kind_of(address: str) -> Kind:
    """The kind of an address; KeyError for one that no kind claims."""
    return KINDS[address.split("/", 1)[0]]


def children_of(kind: str) -> list[Kind]:
    """The kinds that hang below this one."""
    return [child for child in KINDS.values() if child.parent == kind]


def list_watched_child_kinds(kind: str) -> list[Kind]:
    """The kinds of children that come and go below this one, so that the set of them can be watched."""
    return [child for child in children_of(kind) if not child.singleton]


def secret_fields(kind: str) -> frozenset[str]:
    """The fields of a kind that can be written and never read."""
    if kind == REGISTRATION:
        return SIP_SECRETS
    return frozenset(field.name for field in KINDS[kind].fields if field.secret)
