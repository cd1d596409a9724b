"""Pair declared children that share a key, such as two priorities of one SIP URL, with the recorded
and the live ones; pure.

The address of such a child is its key, followed by ``#2``, ``#3`` … for further ones. An address
stays with its SID: the declarations change places, so that another order in the file writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from reconciler.kinds.table import KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs

_Key = tuple[str, str, str]
"""Kind, address of the parent, and key of a child."""
_Rank = tuple[int, ...]
"""How well a declaration fits, best first when sorted in descending order."""

_REPEATING = frozenset(name for name, kind in KINDS.items() if kind.repeats)


class _Fit(NamedTuple):
    """A declaration and a candidate, both by their place in the group, with the rank of the pair."""

    rank: _Rank
    declared: int
    candidate: int


def number_addresses(addresses: Iterable[str]) -> Iterator[str]:
    """Yield the addresses, a repeated one as ``address#2``, ``address#3`` …"""
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for address in addresses:
        free = address
        while free in taken:
            counts[address] += 1
            free = f"{address}#{counts[address] + 1}"
        taken.add(free)
        yield free


def pair_with_recorded(
    desired: Sequence[Desired], resources: Mapping[str, Entry]
) -> Sequence[Desired]:
    """Give declarations that share a key the addresses of the recorded children that they fit best.

    1. Group what is declared and recorded by its key.
    2. In each group pair the best fits first.
    3. A declaration without a recorded child gets an address that no recorded child has.
    """
    declared = _group_declared(desired)
    recorded = _group_recorded(resources) if declared else {}

    moved: dict[int, Desired] = {}
    for key, places in declared.items():
        group = [desired[place] for place in places]
        addresses = _choose_addresses(group, recorded.get(key, {}))
        for place, address in zip(places, addresses, strict=True):
            if address != desired[place].address:
                moved[place] = msgspec.structs.replace(desired[place], address=address)

    # In most plans nothing changes places.
    if not moved:
        return desired
    return [moved.get(place, each) for place, each in enumerate(desired)]


def pair_with_live(
    kind: str, rows: Iterable[Live], desired: Iterable[Desired], bound: Collection[str]
) -> dict[str, str]:
    """Map SIDs of live children without a record to addresses of the declarations that they fit.

    `bound` are the addresses that live children with a record have.
    """
    if kind not in _REPEATING:
        return {}

    free: dict[_Key, list[Desired]] = {}
    for declared in desired:
        if declared.kind == kind and declared.address not in bound:
            free.setdefault(_key_of(declared), []).append(declared)

    unbound: dict[_Key, list[Live]] = {}
    for row in rows:
        unbound.setdefault((kind, row.parent or "", row.key), []).append(row)

    found: dict[str, str] = {}
    for key, group in free.items():
        candidates = unbound.get(key, [])
        fits = _rank_all(group, [[row.attrs] for row in candidates])
        for fit in _choose(fits):
            found[candidates[fit.candidate].sid] = group[fit.declared].address
    return found


def _group_declared(desired: Sequence[Desired]) -> dict[_Key, list[int]]:
    """Map keys to the places of their declarations."""
    groups: dict[_Key, list[int]] = {}
    for place, declared in enumerate(desired):
        if declared.kind in _REPEATING:
            groups.setdefault(_key_of(declared), []).append(place)
    return groups


def _group_recorded(resources: Mapping[str, Entry]) -> dict[_Key, dict[str, Entry]]:
    """Map keys to the recorded children by address, without those that we have deleted."""
    groups: dict[_Key, dict[str, Entry]] = {}
    for address, entry in resources.items():
        if entry.kind not in _REPEATING or entry.deleted:
            continue

        # The key of an entry is the live one: somebody else may have edited it.
        field = KINDS[entry.kind].key_field
        key = entry.last_applied.get(field) or (entry.pending or {}).get(field) or entry.key
        groups.setdefault((entry.kind, entry.parent or "", str(key)), {})[address] = entry
    return groups


def _key_of(declared: Desired) -> _Key:
    return declared.kind, declared.parent or "", declared.key


def _choose_addresses(group: Sequence[Desired], entries: Mapping[str, Entry]) -> list[str]:
    """Return the address of each declaration of a group."""
    recorded = sorted(entries)
    known = [[entries[a].last_applied, entries[a].pending or {}] for a in recorded]
    chosen: dict[int, str] = {}
    for fit in _choose(_rank_all(group, known)):
        chosen[fit.declared] = recorded[fit.candidate]

    free = [declared.address for declared in group if declared.address not in entries]
    return [chosen[i] if i in chosen else free.pop(0) for i in range(len(group))]


def _rank_all(group: Sequence[Desired], known: Sequence[Sequence[Attrs]]) -> Iterator[_Fit]:
    """Yield every pair; `known` are the attributes of each candidate, the most important ones first."""
    for i, declared in enumerate(group):
        for j, versions in enumerate(known):
            yield _Fit(_rank(declared.profile.attrs, versions), i, j)


def _rank(attrs: Attrs, versions: Sequence[Attrs]) -> _Rank:
    """Rank a pair: equal in everything, then in the label, then in as many fields as possible."""
    equal: list[int] = []
    for known in versions:
        equal.append(sum(name in known and known[name] == value for name, value in attrs.items()))

    label = attrs.get("friendly_name")
    has_label = label is not None and any(known.get("friendly_name") == label for known in versions)
    return (*[count == len(attrs) for count in equal], has_label, *equal)


def _choose(fits: Iterable[_Fit]) -> Iterator[_Fit]:
    """Yield the best pairs, so that each declaration and each candidate is in one at most."""
    paired: set[int] = set()
    used: set[int] = set()
    for fit in sorted(fits, key=lambda fit: (tuple(-part for part in fit.rank), *fit[1:])):
        if fit.declared not in paired and fit.candidate not in used:
            paired.add(fit.declared)
            used.add(fit.candidate)
            yield fit
