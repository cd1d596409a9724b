"""The table of kinds: what the reconciler knows how to manage, written out."""

from __future__ import annotations

from reconciler.kinds.kind import Kind
from reconciler.kinds.number import BRIDGE_NUMBER, NUMBER
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.trunk import TRUNK

KINDS: dict[str, Kind] = {kind.name: kind for kind in (TRUNK, ORIGINATION_URL, NUMBER, BRIDGE_NUMBER)}
NUMBER_KINDS = frozenset({"number", "bridge_number"})


def kind_of(address: str) -> Kind:
    """The kind of an address; KeyError for one that no kind claims."""
    return KINDS[address.split("/", 1)[0]]
