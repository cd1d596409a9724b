"""Who is who: which live resource is the one that a name in the configuration means; pure.

A resource is known by state's SID first, by its natural key second (a trunk's domain, a friendly
name, an origination URL's SIP URL within its trunk). What matches nothing is unmanaged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from reconciler.kinds.table import KINDS, secret_fields
from reconciler.model.desired import Desired, Profile
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value
from reconciler.planning.identity.observed import Observed

_TOP = tuple(f"{name}/" for name, kind in KINDS.items() if kind.parent is None and not kind.paid)


def names_of(
    kind: str,
    account: str,
    desired: Iterable[Desired],
    resources: Mapping[str, Entry],
    live: Iterable[Live],
) -> dict[str, str]:
    """SID → name for the resources of one kind and account that we declare, remember or refer to."""
    rows = list(live)
    sids = {row.sid for row in rows}
    names: dict[str, str] = {}
    for address, entry in resources.items():
        if entry.kind == kind and entry.account == account and entry.sid in sids:
            names[entry.sid] = address.split("/", 1)[1]
    for name, attrs in _list_unbound(kind, account, desired, resources):
        if name not in names.values():
            found = next(
                (
                    row
                    for row in rows
                    if row.sid not in names and KINDS[kind].alike(attrs, row.attrs)
                ),
                None,
            )
            if found is not None:
                names[found.sid] = name
    return names


def has_unmatched(
    kind: str,
    account: str,
    desired: Iterable[Desired],
    resources: Mapping[str, Entry],
    names: Mapping[str, str],
) -> bool:
    """Return whether something that has no known SID matches no live resource, so that a plan would
    make it.

    `names` is what `names_of` returned for this kind and account.
    """
    matched = set(names.values())
    return any(name not in matched for name, _ in _list_unbound(kind, account, desired, resources))


def _list_unbound(
    kind: str, account: str, desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> Iterator[tuple[str, Attrs]]:
    """Those without a known SID: declared ones, lists that a trunk uses by name, what a run was
    about to make.
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
            name = address.split("/", 1)[1]
            yield name, {"friendly_name": name, **entry.pending}


def find_same_key(declared: Desired, live: Live, observed: Observed) -> Iterator[Live]:
    """Other live resources without a name here that the declaration would fit as well as this one."""
    kind = KINDS[declared.kind]
    if kind.parent is None:
        for address, other in observed.resources.items():
            unnamed = address == f"{declared.kind}/{other.sid}" and other.account == live.account
            if unnamed and kind.alike(
                {**declared.on_create, **declared.profile.attrs}, other.attrs
            ):
                yield other


def index_by_address(kind: str, live: Iterable[Live], names: Mapping[str, str]) -> dict[str, Live]:
    """Live resources by address: by their name where we have one, else by SID."""
    return {f"{kind}/{names.get(row.sid, row.sid)}": row for row in live}


def index_children(
    kind: str,
    live: Iterable[Live],
    resources: Mapping[str, Entry],
    taken: Collection[str] = (),
    declared: Collection[str] = (),
) -> dict[str, Live]:
    """Live children by address; one whose key has been edited behind our back is still found by its
    SID.

    A child keeps the address that state has for its SID. Any other gets its key, or its SID where
    the key cannot be shown or is the address of another child. The use of a list without a name
    here is called by the list's label, unless it is declared or remembered by its SID. `taken` are
    names that stand for resources that we know.
    """
    by_key = KINDS[kind].refers is not None  # the SID of a list is no name for one of its uses
    entries = sorted(
        resources.items(), key=lambda pair: not pair[1].deleted
    )  # what is bound wins over what was deleted
    bound = {e.sid: a for a, e in entries if e.kind == kind and e.sid and not by_key}

    out: dict[str, Live] = {}
    for row in sorted(live, key=lambda row: (row.sid not in bound, row.key == row.sid, row.sid)):
        parent = (row.parent or "").split("/", 1)[1]
        by_sid = f"{kind}/{parent}/{row.sid}"
        tail = () if KINDS[kind].singleton else (_tail(row, taken),)
        address = bound.get(row.sid) or "/".join((kind, parent, *tail))
        goes_by_sid = row.key == row.sid and (by_sid in declared or by_sid in resources)
        if address in out or goes_by_sid:
            address = by_sid
        out[address] = _with_unseen(kind, row, resources.get(address))
    return out


_LONGEST_TAIL = 255


def _tail(row: Live, taken: Collection[str]) -> str:
    """The last part of a child's address: its key, where people and terminals can read that, else
    its SID.
    """
    if row.key == row.sid:
        free = bool(row.name) and "/" not in row.name and row.name not in taken
        return row.name if free and _is_readable(row.name) else row.sid
    return row.key if row.key and _is_readable(row.key) else row.sid


def _is_readable(label: str) -> bool:
    return label.isprintable() and label == label.strip() and len(label) <= _LONGEST_TAIL


def _with_unseen(kind: str, live: Live, entry: Entry | None) -> Live:
    """The resource with its secret fields as we last wrote them: nobody can see them, so nobody can
    say otherwise.
    """
    hidden = secret_fields(kind)
    if entry is None or entry.sid != live.sid or not hidden:
        return live
    known = {name: value for name, value in entry.last_applied.items() if name in hidden}
    return msgspec.structs.replace(live, attrs={**live.attrs, **known}) if known else live


def names_by_sid(others: Mapping[str, Live]) -> dict[str, str]:
    """SID → name of what has a name here."""
    rows = ((a.split("/", 1)[1], live.sid) for a, live in others.items() if a.startswith(_TOP))
    return {sid: name for name, sid in rows if name != sid}


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
    if declared.key in names and declared.kind in KINDS and KINDS[declared.kind].refers is not None:
        name = names[declared.key]
        address = f"{declared.address.rpartition('/')[0]}/{name}"
        profile = msgspec.structs.replace(profile, attrs={**profile.attrs, "list": name})
        return msgspec.structs.replace(declared, key=name, address=address, profile=profile)
    return (
        declared
        if profile is declared.profile
        else msgspec.structs.replace(declared, profile=profile)
    )


def _rename_profile(profile: Profile, names: Mapping[str, str]) -> Profile:
    attrs = rename_references(profile.attrs, names)
    return profile if attrs == profile.attrs else msgspec.structs.replace(profile, attrs=attrs)


def rename_references(values: Attrs, names: Mapping[str, str]) -> dict[str, Value]:
    """Attributes whose trunk or application is called by another name."""
    return {name: _route(value, names) for name, value in values.items()}


def _route(value: Value, names: Mapping[str, str]) -> Value:
    match value:
        case TrunkRoute(trunk=trunk) if trunk in names:
            return TrunkRoute(names[trunk])
        case ApplicationRoute(application=application) if application in names:
            return ApplicationRoute(names[application])
        case _:
            return value


def names_to_sids(entry: Entry, names: Mapping[str, str]) -> Entry:
    """The entry with the SIDs (by name) of trunks and applications that lose their names."""
    return msgspec.structs.replace(
        entry,
        last_applied=rename_references(entry.last_applied, names),
        previously_managed=rename_references(entry.previously_managed, names),
    )
