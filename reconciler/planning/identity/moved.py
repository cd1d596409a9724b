"""Follow renamed resources: give the entries of the state their new names; pure.

| what happened                                            | how it is recognised                            |
|----------------------------------------------------------|-------------------------------------------------|
| `moved: [{from: trunk/old, to: trunk/new}]`              | the file says so                                |
| a trunk renamed, its domain kept                         | the domain: Twilio gives it to one trunk only   |
| trunks that exchange their names, their domains kept     | the same                                        |
| a network of an access list changed, its label kept      | the label: a list has it only once              |

Nothing is written to Twilio for a new name: names are ours. The children of a trunk move with it,
and so do the numbers that refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.position import Position
from reconciler.model.route import Value
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.identity.references import rename_value, rename_values

Resources = Mapping[str, Entry]
Renames = dict[str, str]
"""Old address → last new one, of trunks, applications and agents."""

RenameValues = Callable[[dict[str, Value]], dict[str, Value]]
"""Attributes with old names → the same with new ones."""


class Move(msgspec.Struct, frozen=True):
    """One line of `moved`: two addresses of one kind, and its place in the file."""

    source: str
    target: str
    position: Position


class FollowedMoves(NamedTuple):
    """The entries under their present names, the renames that led there, and warnings about them."""

    resources: Resources
    renames: Renames
    diagnostics: list[Diagnostic]


def follow_moves(
    resources: Resources, desired: Iterable[Desired], moves: Sequence[Move]
) -> FollowedMoves:
    """Return the entries under the names that the configuration uses now."""
    bound = without_deleted(resources)
    renames, blocked = _follow_declared(bound, moves)
    renames |= _match_by_domain(bound, desired, renames)
    renames |= _match_by_label(bound, desired, renames)
    return FollowedMoves(rename_entries(resources, renames), renames, blocked)


def rename_entries(resources: Resources, renames: Mapping[str, str]) -> Resources:
    """Replace old names with new ones in the addresses, parents and routes of entries."""
    if not renames:
        return resources

    # Numbers that are alike share their values, and go on doing so.
    renamed: IdentityMap[dict[str, Value]] = IdentityMap()

    def rename_shared(attrs: dict[str, Value]) -> dict[str, Value]:
        known = renamed.get(attrs)
        return renamed.put(rename_values(attrs, renames), attrs) if known is None else known

    entries: dict[str, Entry] = {}
    for address, entry in resources.items():
        new_address = _rename_address(address, entry, renames)
        entries[new_address] = _rename_entry(entry, renames, rename_shared)
    return entries


def _follow_declared(
    resources: Resources, moves: Sequence[Move]
) -> tuple[Renames, list[Diagnostic]]:
    """Return the renames of the lines of `moved`, and a warning for each that cannot be followed."""
    if not moves:
        return {}, []

    following = {move.source: move.target for move in moves}
    lengths, ends = chain_lengths(following), last_names(following)
    agents = {f"agent/{entry.options.agent}" for entry in resources.values()}

    # The newest line of a chain comes first: it takes the last name.
    renames: Renames = {}
    warnings: list[Diagnostic] = []
    taken = set(resources)
    for move in sorted(moves, key=lambda move: (lengths.get(move.target, 0), move.source)):
        if move.source not in resources and move.source not in agents:
            continue

        target = ends.get(move.target) or move.target  # a valid configuration has no circle
        if target in taken:
            warnings.append(_warn_of_blocked_move(move, target))
            continue

        # Several agents may get one name.
        renames[move.source] = target
        if Address.parse(target).kind != "agent":
            taken.add(target)
    return dict(sorted(renames.items())), warnings


def last_names(following: Mapping[str, str]) -> dict[str, str | None]:
    """Map every name to the last name that its renames lead to; None for names that lead into a
    circle.

    Each name is visited once, so that a chain of thousands of renames takes time in proportion to
    its length.
    """
    last: dict[str, str | None] = {}
    for start in [*following, *following.values()]:
        path: dict[str, None] = {}
        name = start
        while name not in last and name not in path and name in following:
            path[name] = None
            name = following[name]

        in_circle = name in path
        end = last.get(name, None if in_circle else name)
        last.update(dict.fromkeys(path, end))
        last.setdefault(name, end)
    return last


def chain_lengths(following: Mapping[str, str]) -> dict[str, int]:
    """Map every name to the number of renames that follow it; a circle counts each of its names
    once.
    """
    lengths: dict[str, int] = {}
    for start in [*following, *following.values()]:
        path: dict[str, None] = {}
        name = start
        while name not in lengths and name not in path and name in following:
            path[name] = None
            name = following[name]

        base = lengths.get(name, 0)
        for distance, passed in enumerate(reversed(path), 1):
            lengths[passed] = base + distance
        lengths.setdefault(name, 0)
    return lengths


def _match_by_domain(
    resources: Resources, desired: Iterable[Desired], renames: Mapping[str, str]
) -> Renames:
    """Match trunks declared under another name with the recorded ones, by domain.

    Twilio gives a domain to one trunk: where two trunks exchange their domains in the file, they
    have exchanged their names.
    """
    domains: dict[str, tuple[str, Value]] = {}
    for declared in desired:
        domain = declared.profile.attrs.get("domain_name")
        if declared.kind == "trunk" and domain:
            domains[declared.address] = declared.profile.account, domain

    # A trunk whose declaration has its domain stays where it is.
    sources: dict[tuple[str, Value], str] = {}
    settled = set(renames.values())
    for address, entry in resources.items():
        if entry.kind != "trunk" or address in renames:
            continue
        values = {**(entry.pending or {}), **entry.last_applied}
        key = entry.account, values.get("domain_name")
        if domains.get(address) == key:
            settled.add(address)
        else:
            sources[key] = address

    found: Renames = {}
    for address, key in sorted(domains.items()):
        if address not in settled and key in sources:
            found[sources.pop(key)] = address
    return dict(sorted(_close_chains(found, resources, renames).items()))


def _close_chains(found: Renames, resources: Resources, renames: Mapping[str, str]) -> Renames:
    """Give a trunk whose name another one takes the name that becomes free by that."""
    closed = dict(found)
    targets = set(found.values())
    for start in found:
        if start in targets:
            continue

        # Domains are declared once, so no two chains meet.
        end = start
        while end in found:
            end = found[end]
        if end in resources and end not in renames:
            closed[end] = start
    return closed


def _match_by_label(
    resources: Resources, desired: Iterable[Desired], renames: Mapping[str, str]
) -> Renames:
    """Match newly declared networks with those that are no longer declared, by label.

    Twilio then changes the network. A new one beside the old one would be refused for its label.
    """
    networks = {declared.address: declared for declared in desired if declared.kind == "ip_address"}
    undeclared: dict[tuple[str | None, Value], str] = {}
    for address, entry in resources.items():
        is_bound_network = entry.kind == "ip_address" and bool(entry.sid)
        if is_bound_network and address not in networks and address not in renames:
            undeclared[entry.parent, entry.last_applied.get("friendly_name")] = address

    found: Renames = {}
    for address, declared in sorted(networks.items()):
        label = declared.profile.attrs.get("friendly_name")
        if not label or address in resources:
            continue

        source = undeclared.pop((declared.parent, label), None)
        if source is not None:
            found[source] = address
    return found


def _rename_address(address: str, entry: Entry, renames: Mapping[str, str]) -> str:
    """Return the new address of an entry: its own new name, or that of its parent in it."""
    if address in renames:
        return renames[address]
    if entry.parent is None or entry.parent not in renames:
        return address

    kind, name = Address.parse(address)
    old = Address.parse(entry.parent).name
    new = Address.parse(renames[entry.parent]).name
    if name == old or name.startswith(f"{old}/"):
        return f"{kind}/{new}{name.removeprefix(old)}"
    return address


def _rename_entry(entry: Entry, renames: Mapping[str, str], rename_shared: RenameValues) -> Entry:
    normalised: dict[str, list[Value]] = {}
    for name, pair in entry.normalised.items():
        normalised[name] = [rename_value(value, renames) for value in pair]

    renamed = msgspec.structs.replace(
        entry,
        last_applied=rename_shared(entry.last_applied),
        previously_managed=rename_shared(entry.previously_managed),
        pending=rename_shared(entry.pending) if entry.pending is not None else None,
        normalised=normalised,
        parent=renames.get(entry.parent, entry.parent) if entry.parent else None,
    )

    agent = renames.get(f"agent/{entry.options.agent}")
    if agent is not None:
        options = msgspec.structs.replace(entry.options, agent=Address.parse(agent).name)
        renamed = msgspec.structs.replace(renamed, options=options)

    # An entry without a renamed part stays the same object.
    return entry if renamed == entry else renamed


def _warn_of_blocked_move(move: Move, target: str) -> Diagnostic:
    return Diagnostic.at(
        move.position,
        severity="warning",
        code="move_blocked",
        summary="The new name is taken",
        detail=f"The state records both {move.source} and {target}, so they are two resources: {move.source} is planned "
        "as one that is declared no longer. Remove this line; or, if the new one is a mistake, see `state rm`.",
        address=move.source,
    )
