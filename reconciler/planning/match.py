"""Who is who: which live trunk is the one that a name in the configuration means; pure.

A resource is known by state's SID first, by its natural key second (a trunk's domain, else its friendly name; an
origination URL's SIP URL within its trunk). What matches nothing is unmanaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from reconciler.model import Attrs, Desired, Entry, Live, Profile, TrunkRoute, Value
from reconciler.planning.observed import Observed


def trunk_names(
    account: str, desired: Iterable[Desired], resources: Mapping[str, Entry], live: Iterable[Live]
) -> dict[str, str]:
    """SID → name for the trunks of one account that we declare or remember."""
    rows = list(live)
    names: dict[str, str] = {}
    for address, entry in resources.items():
        if entry.kind == "trunk" and entry.account == account and any(row.sid == entry.sid for row in rows):
            names[entry.sid] = address.split("/", 1)[1]
    for name, attrs in _looked_for(account, desired, resources):
        if name not in names.values():
            found = _by_natural_key(attrs, [row for row in rows if row.sid not in names])
            if found is not None:
                names[found.sid] = name
    return names


def _looked_for(
    account: str, desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> Iterator[tuple[str, Attrs]]:
    """Trunks whose SID is not known: declared ones, and those that a run was about to create when it died."""
    for want in desired:
        if want.kind == "trunk" and want.profile.account == account:
            yield want.key, {**want.on_create, **want.profile.attrs}
    for address, entry in resources.items():
        if entry.kind == "trunk" and entry.account == account and not entry.sid and entry.pending:
            name = address.split("/", 1)[1]
            yield name, {"friendly_name": name, **entry.pending}


def addressed(kind: str, live: Iterable[Live], names: Mapping[str, str]) -> dict[str, Live]:
    """Live trunks by address: by their name where we have one, else by SID."""
    return {f"{kind}/{names.get(row.sid, row.sid)}": row for row in live}


def child_addresses(kind: str, live: Iterable[Live], resources: Mapping[str, Entry]) -> dict[str, Live]:
    """Live children by address; one whose key has been edited behind our back is still found by its SID."""
    bound = {entry.sid: address for address, entry in resources.items() if entry.kind == kind and entry.sid}
    out: dict[str, Live] = {}
    for row in live:
        parent = (row.parent or "").split("/", 1)[1]
        address = bound.get(row.sid) or f"{kind}/{parent}/{row.key}"
        if address not in out or row.sid in bound:
            out[address] = row
    return out


def by_name(desired: Sequence[Desired], observed: Observed) -> Sequence[Desired]:
    """The same declarations, with a trunk that has a name here called by it where the file gives its SID."""
    rows = (
        (address.split("/", 1)[1], live.sid) for address, live in observed.others.items() if address[:6] == "trunk/"
    )
    names = {sid: name for name, sid in rows if name != sid}
    if not names:
        return desired
    profiles: dict[int, Profile] = {}
    for profile in (want.profile for want in desired):
        if id(profile) not in profiles:
            profiles[id(profile)] = _named(profile, names)
    return [msgspec.structs.replace(want, profile=profiles[id(want.profile)]) for want in desired]


def by_sid(entry: Entry, sids: Mapping[str, str]) -> Entry:
    """The entry with the SIDs of trunks that lose their names."""

    def told(values: Attrs) -> dict[str, Value]:
        return {
            n: TrunkRoute(sids.get(v.trunk, v.trunk)) if isinstance(v, TrunkRoute) else v for n, v in values.items()
        }

    return msgspec.structs.replace(entry, applied=told(entry.applied), left=told(entry.left))


def _named(profile: Profile, names: Mapping[str, str]) -> Profile:
    voice = profile.attrs.get("voice")
    if not isinstance(voice, TrunkRoute) or voice.trunk not in names:
        return profile
    return msgspec.structs.replace(profile, attrs={**profile.attrs, "voice": TrunkRoute(names[voice.trunk])})


def _by_natural_key(attrs: Attrs, rows: list[Live]) -> Live | None:
    domain, name = attrs.get("domain_name"), attrs.get("friendly_name")
    if domain:
        return next((row for row in rows if row.attrs.get("domain_name") == domain), None)
    return next(
        (row for row in rows if not row.attrs.get("domain_name") and row.attrs.get("friendly_name") == name), None
    )
