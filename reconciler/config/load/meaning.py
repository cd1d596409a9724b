"""Compute the digest of what all files of a configuration mean: their values by section and key; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from reconciler.config.load.variables import SECTION
from reconciler.config.source.nodes import Map, Node, Place

_WITHOUT_MEANING = frozenset({"include", "version", SECTION})
"""Keys that only tell where and in which format the rest is declared, or what is inserted there."""


def _encode_number(node: object) -> object:
    """Return a number of a file as its text: 1 and 1.0 are different values."""
    return {"number": repr(node)}


_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=_encode_number)


def digest_of_meaning(parts: Mapping[str, Sequence[Place]]) -> str:
    """Return a hash of the values by section and key.

    Comments, quoting, the order of keys, and which file declares an entry, do not change it.
    """
    sections: dict[str, dict[str, Node] | list[Node]] = {}
    for name, places in parts.items():
        if name in _WITHOUT_MEANING:
            continue
        nodes = [place.node for place in places]
        sections[name] = _join_mappings(nodes) if _are_mappings(nodes) else nodes
    return f"sha256:{hashlib.sha256(_ENCODER.encode(sections)).hexdigest()}"


def _are_mappings(nodes: Sequence[Node]) -> bool:
    return all(isinstance(node, Map) for node in nodes)


def _join_mappings(nodes: Sequence[Node]) -> dict[str, Node]:
    """Return the entries of all mappings; of two declarations of one name, the first.

    An entry without a value means the same as an empty one.
    """
    joined: dict[str, Node] = {}
    for node in nodes:
        if isinstance(node, Map):
            for name, value in node.items():
                joined.setdefault(name, Map() if value is None else value)
    return joined
