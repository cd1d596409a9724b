"""Resources that got another name: what state remembers under the old one is remembered under the
new; pure.

| what happened                                            | is known by                                     |
|----------------------------------------------------------|-------------------------------------------------|
| `moved: [{from: trunk/old, to: trunk/new}]`              | the file says so                                |
| a trunk renamed, its domain kept                         | the domain: Twilio gives it to one trunk only   |
| a network of an access list changed, its label kept      | the label: a list has it only once              |

Nothing is written to Twilio for a new name: names are ours. What hangs below a trunk moves with it,
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
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value
from reconciler.planning.identity.children import without_deleted

Resources = Mapping[str, Entry]
Renames = dict[str, str]
"""Old address → new one, of trunks, applications and agents: each leads straight to its last name.
"""


Translate = Callable[[dict[str, Value]], dict[str, Value]]
"""Attributes under old names → under new ones."""


class Move(msgspec.Struct, frozen=True):
    """One line of `moved`: two addresses of one kind, and where it stands."""

    source: str
    target: str
    position: Position


class FollowedMoves(NamedTuple):
    """What is remembered, under the names of today; the renames behind that; what there is to say
    about them.
    """

    resources: Resources
    renames: Renames
    diagnostics: list[Diagnostic]


def follow_moves(
    resources: Resources, desired: Iterable[Desired], moves: Sequence[Move]
) -> FollowedMoves:
    """State under the names that the configuration uses now."""
    bound = without_deleted(resources)
    renames, blocked = _follow_declared(bound, moves)
    renames |= _by_domain(bound, desired, renames)
    renames |= _by_label(bound, desired, renames)
    return FollowedMoves(rename_entries(resources, renames), renames, blocked)


def rename_entries(resources: Resources, renames: Mapping[str, str]) -> Resources:
    """Replace old names with new ones in the addresses, parents and routes of entries."""
    if not renames:
        return resources

    # Numbers that are alike share their values, and go on doing so.
    renamed: IdentityMap[dict[str, Value]] = IdentityMap()

    def rename_values(attrs: dict[str, Value]) -> dict[str, Value]:
        known = renamed.get(attrs)
        return renamed.put(_rename_values(attrs, renames), attrs) if known is None else known

    entries: dict[str, Entry] = {}
    for address, entry in resources.items():
        new_address = _rename_address(address, entry, renames)
        entries[new_address] = _rename_entry(entry, renames, rename_values)
    return entries


def _follow_declared(
    resources: Resources, moves: Sequence[Move]
) -> tuple[Renames, list[Diagnostic]]:
    following = {move.source: move.target for move in moves}
    agents = {f"agent/{entry.options.agent}" for entry in resources.values()} if moves else set()
    renames: Renames = {}
    problems = []
    taken = set(resources)
    lengths, ends = chain_lengths(following), last_names(following)
    for move in sorted(moves, key=lambda move: (lengths.get(move.target, 0), move.source)):
        if move.source not in resources and move.source not in agents:
            continue
        target = ends.get(move.target) or move.target  # a valid configuration has no circle
        if target in taken:
            problems.append(_move_blocked(move, target))
        else:
            renames[move.source] = target
            taken.add("" if target.startswith("agent/") else target)
    return dict(sorted(renames.items())), problems


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


def _by_domain(
    resources: Resources, desired: Iterable[Desired], renames: Mapping[str, str]
) -> Renames:
    """Trunks that are declared under a new name with the domain of one that is declared no longer."""
    trunks = {declared.address: declared for declared in desired if declared.kind == "trunk"}
    gone = {
        (entry.account, entry.last_applied.get("domain_name")): address
        for address, entry in resources.items()
        if entry.kind == "trunk" and address not in trunks and address not in renames
    }
    found: Renames = {}
    for address, declared in sorted(trunks.items()):
        domain = declared.profile.attrs.get("domain_name")
        source = gone.pop((declared.profile.account, domain), None) if domain else None
        if source is not None and address not in resources and address not in renames.values():
            found[source] = address
    return found


def _by_label(
    resources: Resources, desired: Iterable[Desired], renames: Mapping[str, str]
) -> Renames:
    """Networks that are declared anew with the label of one that is declared no longer: Twilio has
    them changed.

    Made beside the old one first, a new one would be refused for its label.
    """
    networks = {declared.address: declared for declared in desired if declared.kind == "ip_address"}
    gone = {
        (entry.parent, entry.last_applied.get("friendly_name")): address
        for address, entry in resources.items()
        if entry.kind == "ip_address"
        and entry.sid
        and address not in networks
        and address not in renames
    }
    found: Renames = {}
    for address, declared in sorted(networks.items()):
        label = declared.profile.attrs.get("friendly_name")
        source = (
            gone.pop((declared.parent, label), None) if label and address not in resources else None
        )
        if source is not None:
            found[source] = address
    return found


def _rename_address(address: str, entry: Entry, renames: Mapping[str, str]) -> str:
    if address in renames:
        return renames[address]
    if entry.parent is None or entry.parent not in renames:
        return address
    kind, _, rest = address.partition("/")
    old, new = (name.partition("/")[2] for name in (entry.parent, renames[entry.parent]))
    return (
        f"{kind}/{new}{rest.removeprefix(old)}"
        if rest == old or rest.startswith(f"{old}/")
        else address
    )


def _rename_entry(entry: Entry, renames: Mapping[str, str], values: Translate) -> Entry:
    normalised: dict[str, list[Value]] = {}
    for name, pair in entry.normalised.items():
        normalised[name] = [_rename_value(value, renames) for value in pair]

    renamed = msgspec.structs.replace(
        entry,
        last_applied=values(entry.last_applied),
        previously_managed=values(entry.previously_managed),
        pending=values(entry.pending) if entry.pending is not None else None,
        normalised=normalised,
        parent=renames.get(entry.parent, entry.parent) if entry.parent else None,
    )

    agent = renames.get(f"agent/{entry.options.agent}")
    if agent is not None:
        options = msgspec.structs.replace(entry.options, agent=Address.parse(agent).name)
        renamed = msgspec.structs.replace(renamed, options=options)

    # An entry without a renamed part stays the same object.
    return entry if renamed == entry else renamed


def _rename_values(attrs: Attrs, renames: Mapping[str, str]) -> dict[str, Value]:
    return {name: _rename_value(value, renames) for name, value in attrs.items()}


def _rename_value(value: Value, renames: Mapping[str, str]) -> Value:
    match value:
        case TrunkRoute(trunk=name) if f"trunk/{name}" in renames:
            return TrunkRoute(renames[f"trunk/{name}"].partition("/")[2])
        case ApplicationRoute(application=name) if f"application/{name}" in renames:
            return ApplicationRoute(renames[f"application/{name}"].partition("/")[2])
        case _:
            return value


def _move_blocked(move: Move, target: str) -> Diagnostic:
    file, line, column = move.position
    return Diagnostic(
        severity="warning",
        code="move_blocked",
        summary="The new name is taken",
        detail=f"State remembers both {move.source} and {target}, so they are two resources: {move.source} is planned "
        "as one that is declared no longer. Remove this line; or, if the new one is a mistake, see `state rm`.",
        address=move.source,
        file=file,
        line=line,
        column=column,
    )
