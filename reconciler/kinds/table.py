"""The table of kinds: what the reconciler knows how to manage, written out."""

from __future__ import annotations

from reconciler.kinds.kind import Kind
from reconciler.kinds.number import BRIDGE_NUMBER, NUMBER
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.trunk import TRUNK

KINDS: dict[str, Kind] = {kind.name: kind for kind in (TRUNK, ORIGINATION_URL, NUMBER, BRIDGE_NUMBER)}
NUMBER_KINDS = frozenset({"number", "bridge_number"})
REGISTRATION = "registration"
"""A number's place on a voice-AI platform: its own API, so not in the table (`kinds.platforms`)."""
RANKS = {**{kind.name: kind.rank for kind in KINDS.values()}, REGISTRATION: 40}
"""Kind → rank, of everything that a plan may hold."""


def kind_of(address: str) -> Kind:
    """The kind of an address; KeyError for one that no kind claims."""
    return KINDS[address.split("/", 1)[0]]
