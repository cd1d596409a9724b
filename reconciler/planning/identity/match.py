"""Give live resources their names and addresses, and translate between names and SIDs in
declarations and entries; pure.

A resource is matched by the recorded SID first, by its natural key second (a trunk's domain, a
friendly name, an origination URL's SIP URL within its trunk). A live resource without a match is
unmanaged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.kinds.table import KINDS, secret_fields
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Profile
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, Membership, TrunkRoute, Value
from reconciler.planning.identity.observed import Observed
from reconciler.planning.identity.references import rename_values
from reconciler.planning.identity.same_key import pair_with_live

_TOP = tuple(f"{name}/" for name, kind in KINDS.items() if kind.parent is None and not kind.paid)


def find_names(
    kind: str,
    account: str,
    desired: Iterable[Desired],
    resources: Mapping[str, Entry],
    live: Iterable[Live],
) -> dict[str, str]:
    """Map SIDs to names, for the resources of one kind and account that we declare, record or refer
    to.
    """
    rows = list(live)
    sids = {row.sid for row in rows}
    names: dict[str, str] = {}
    for address, entry in resources.items():
        if entry.kind == kind and entry.account == account and entry.sid in sids:
            names[entry.sid] = Address.parse(address).name

    # The rest is matched by its natural key, each live resource at most once.
    for name, attrs in _list_unbound(kind, account, desired, resources):
        if name in names.values():
            continue
        for row in rows:
            if row.sid not in names and KINDS[kind].alike(attrs, row.attrs):
                names[row.sid] = name
                break
    return names


def has_unmatched(
    kind: str,
    account: str,
    desired: Iterable[Desired],
    resources: Mapping[str, Entry],
    names: Mapping[str, str],
) -> bool:
    """Return whether a plan would make something, because no live resource matches it.

    `names` is the result of `find_names` for this kind and account.
    """
    matched = set(names.values())
    unbound = _list_unbound(kind, account, desired, resources)
    return any(name not in matched for name, _ in unbound)


def _list_unbound(
    kind: str, account: str, desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> Iterator[tuple[str, Attrs]]:
    """Yield name and attributes of what has no recorded SID.

    These are declared resources, lists that a trunk uses by name, and resources that a run was
    about to make when it died.
    """
    for declared in desired:
        if declared.profile.account != account or declared.kind not in KINDS:
            continue
        if declared.kind == kind:
            yield declared.key, {**declared.on_create, **declared.profile.attrs}
        elif KINDS[declared.kind].refers == kind:
            yield declared.key, {"friendly_name": declared.key}

    for address, entry in resources.items():
        if entry.account != account:
            continue
        if entry.kind == kind and not entry.sid and entry.pending:
            name = Address.parse(address).name
            yield name, {"friendly_name": name, **entry.pending}


def find_same_key(declared: Desired, live: Live, observed: Observed) -> Iterator[Live]:
    """Yield other live resources without a name here that match the declaration as well as `live`."""
    kind = KINDS[declared.kind]
    if kind.parent is not None:
        return

    attrs = {**declared.on_create, **declared.profile.attrs}
    for address, other in observed.resources.items():
        is_unnamed = address == f"{declared.kind}/{other.sid}" and other.account == live.account
        if is_unnamed and kind.alike(attrs, other.attrs):
            yield other


def index_by_address(kind: str, live: Iterable[Live], names: Mapping[str, str]) -> dict[str, Live]:
    """Map addresses to live resources; one without a name here is addressed by its SID."""
    return {f"{kind}/{names.get(row.sid, row.sid)}": row for row in live}


def index_children(
    kind: str,
    live: Iterable[Live],
    resources: Mapping[str, Entry],
    taken: Collection[str] = (),
    declared: Mapping[str, Desired] = MappingProxyType({}),
) -> dict[str, Live]:
    """Map addresses to live children; `declared` are declarations by address.

    A child keeps the address that state has for its SID, also where its key was edited on Twilio.
    Any other gets that of the declaration with its key that it fits best, else its key, or its SID
    where the key cannot be shown or is the address of another child. The use of a list without a
    name here is addressed by the list's label, unless it is declared or recorded by its SID.
    `taken` are names of known resources.
    """
    bound = _index_bound_addresses(kind, resources)
    rows = sorted(live, key=lambda row: (row.sid not in bound, row.key == row.sid, row.sid))
    present = {bound[row.sid] for row in rows if row.sid in bound}
    unbound = [row for row in rows if row.sid not in bound]
    known = {**pair_with_live(kind, unbound, declared.values(), present), **bound}

    # A child that fits no declaration must not take the address of one that does.
    claimed = {known[row.sid] for row in rows if row.sid in known}

    children: dict[str, Live] = {}
    for row in rows:
        parent = Address.parse(row.parent or "").name
        by_sid = f"{kind}/{parent}/{row.sid}"
        tail = () if KINDS[kind].singleton else (_tail(row, taken),)
        address = known.get(row.sid) or "/".join((kind, parent, *tail))
        if row.sid not in known and address in claimed:
            address = by_sid

        is_named_by_sid = row.key == row.sid and (by_sid in declared or by_sid in resources)
        if address in children or is_named_by_sid:
            address = by_sid
        children[address] = _with_recorded_secrets(kind, row, resources.get(address))
    return children


def _index_bound_addresses(kind: str, resources: Mapping[str, Entry]) -> dict[str, str]:
    """Map recorded SIDs to addresses, for the entries of one kind."""
    # The SID of a list is no name for one of its uses.
    if KINDS[kind].refers is not None:
        return {}

    # A bound entry wins over one of a deleted child.
    bound: dict[str, str] = {}
    for address, entry in sorted(resources.items(), key=lambda pair: not pair[1].deleted):
        if entry.kind == kind and entry.sid:
            bound[entry.sid] = address
    return bound


_LONGEST_TAIL = 255


def _tail(row: Live, taken: Collection[str]) -> str:
    """Return the last part of a child's address: its key where that is readable, else its SID."""
    if row.key != row.sid:
        return row.key if row.key and _is_readable(row.key) else row.sid

    # The use of a list has no key of its own: the name of the list stands for it.
    is_free = bool(row.name) and "/" not in row.name and row.name not in taken
    return row.name if is_free and _is_readable(row.name) else row.sid


def _is_readable(label: str) -> bool:
    return label.isprintable() and label == label.strip() and len(label) <= _LONGEST_TAIL


def _with_recorded_secrets(kind: str, live: Live, entry: Entry | None) -> Live:
    """Return the resource with its secret fields as we last wrote them, because no API shows them."""
    hidden = secret_fields(kind)
    if entry is None or entry.sid != live.sid or not hidden:
        return live

    known = {name: value for name, value in entry.last_applied.items() if name in hidden}
    return msgspec.structs.replace(live, attrs={**live.attrs, **known}) if known else live


def names_by_sid(others: Mapping[str, Live]) -> dict[str, str]:
    """Map SIDs to names, for the resources that have a name here."""
    names: dict[str, str] = {}
    for address, live in others.items():
        if address.startswith(_TOP):
            name = Address.parse(address).name
            if name != live.sid:
                names[live.sid] = name
    return names


def sids_to_names(desired: Sequence[Desired], observed: Observed) -> Sequence[Desired]:
    """Replace SIDs of trunks, applications and lists in declarations with the names they have here."""
    names = names_by_sid(observed.resources)
    if not names:
        return desired

    # Numbers that share a profile go on sharing it: later steps work it out once for all of them.
    renamed: IdentityMap[Profile] = IdentityMap()
    declarations: list[Desired] = []
    for declared in desired:
        profile = renamed.get(declared.profile)
        if profile is None:
            profile = renamed.put(_rename_profile(declared.profile, names), declared.profile)
        declarations.append(_rename_declaration(declared, profile, names))
    return declarations


def _rename_declaration(declared: Desired, profile: Profile, names: Mapping[str, str]) -> Desired:
    # The use of a list has the SID of the list in its address too.
    uses_list = declared.kind in KINDS and KINDS[declared.kind].refers is not None
    if uses_list and declared.key in names:
        name = names[declared.key]
        address = f"{declared.address.rpartition('/')[0]}/{name}"
        profile = msgspec.structs.replace(profile, attrs={**profile.attrs, "list": name})
        return msgspec.structs.replace(declared, key=name, address=address, profile=profile)

    if profile is declared.profile:
        return declared
    return msgspec.structs.replace(declared, profile=profile)


def _rename_profile(profile: Profile, names: Mapping[str, str]) -> Profile:
    attrs = rename_references(profile.attrs, names)
    return profile if attrs == profile.attrs else msgspec.structs.replace(profile, attrs=attrs)


def rename_references(values: Attrs, names: Mapping[str, str]) -> dict[str, Value]:
    """Return the attributes with the new names of their trunks, applications and services."""
    return {name: _rename_route(value, names) for name, value in values.items()}


def _rename_route(value: Value, names: Mapping[str, str]) -> Value:
    match value:
        case TrunkRoute(trunk=trunk) if trunk in names:
            return TrunkRoute(names[trunk])
        case ApplicationRoute(application=application) if application in names:
            return ApplicationRoute(names[application])
        case Membership(service=service) if service in names:
            return Membership(names[service])
        case _:
            return value


def names_to_sids(entry: Entry, renames: Mapping[str, str]) -> Entry:
    """Return the entry with SIDs in place of names that resources lose; `renames` maps their
    addresses to those with the SID.
    """
    return msgspec.structs.replace(
        entry,
        last_applied=rename_values(entry.last_applied, renames),
        previously_managed=rename_values(entry.previously_managed, renames),
    )
