"""Determine from the configuration and the state which kinds, numbers and children have to be read
in each account; reads nothing itself. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import KIND as SERVICE_KIND
from reconciler.kinds.number_fields import BY_NAME
from reconciler.kinds.table import KINDS, NUMBER_KINDS, REGISTRATION, list_watched_child_kinds
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import list_distinct
from reconciler.model.route import Attrs
from reconciler.planning.identity.children import is_bound


def _users_by_kind() -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for kind in KINDS.values():
        if kind.refers is not None:
            users.setdefault(kind.refers, []).append(kind.name)
    return users


_USERS = _users_by_kind()
"""Kinds that others refer to → the kinds that refer to them."""


def kinds_by_account(
    desired: Sequence[Desired], recorded: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """Return the kinds to read in each account.

    Those that are declared or recorded, their parents and children, and what they refer to.
    """
    pairs = {(item.profile.account, item.kind) for item in desired}
    pairs |= {(entry.account, entry.kind) for entry in recorded.values()}
    pairs |= {(account, SERVICE_KIND) for account in find_service_accounts(desired, recorded)}

    if any(kind in _USERS for _, kind in pairs):
        for account, kind in find_undeclared_used_kinds(desired, recorded):
            pairs |= {(account, user) for user in _USERS[kind]}

    kinds: dict[str, set[str]] = {}
    for account, kind in sorted(pairs):
        if kind == REGISTRATION:
            continue  # read from its platform
        below = [child.name for child in list_watched_child_kinds(kind)]
        needed = (kind, KINDS[kind].parent, KINDS[kind].refers, *below)
        kinds.setdefault(account, set()).update(name for name in needed if name is not None)
    return kinds


def find_service_accounts(desired: Iterable[Desired], recorded: Mapping[str, Entry]) -> set[str]:
    """Return the accounts in which messaging services, or numbers in them, are managed."""
    accounts: set[str] = set()
    for item in desired:  # hot path: once for each number
        if MEMBERSHIP in item.profile.attrs or item.kind == SERVICE_KIND:
            accounts.add(item.profile.account)
    for entry in recorded.values():
        if (
            MEMBERSHIP in entry.last_applied
            or MEMBERSHIP in entry.previously_managed
            or entry.kind == SERVICE_KIND
        ):
            accounts.add(entry.account)
    return accounts


def find_managed_members(
    desired: Iterable[Desired], recorded: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """Return the numbers (E.164 or SID) whose membership in a service is managed, by account."""
    members: dict[str, set[str]] = {}
    for item in desired:
        if MEMBERSHIP in item.profile.attrs:
            members.setdefault(item.profile.account, set()).add(item.key)
    for entry in recorded.values():
        if MEMBERSHIP in entry.last_applied or MEMBERSHIP in entry.previously_managed:
            members.setdefault(entry.account, set()).add(entry.key)
    return members


def find_undeclared_used_kinds(
    desired: Iterable[Desired], recorded: Mapping[str, Entry]
) -> set[tuple[str, str]]:
    """Return (account, kind) of recorded, no longer declared resources that others may refer to.

    Before such a resource is deleted, everything that uses it must be known.
    """
    shared = [(address, entry) for address, entry in recorded.items() if entry.kind in _USERS]
    if not shared:
        return set()

    declared = {item.address for item in desired if item.kind in _USERS}
    return {(entry.account, entry.kind) for address, entry in shared if address not in declared}


def find_unbound_children(
    desired: Iterable[Desired], recorded: Mapping[str, Entry]
) -> set[tuple[str, str]]:
    """Return (kind, parent) of the declared children whose SID is not in the state.

    A plan creates those that it does not find.
    """
    found: set[tuple[str, str]] = set()
    for item in desired:
        entry = recorded.get(item.address)
        if item.parent is not None and (entry is None or not is_bound(entry)):
            found.add((item.kind, item.parent))

    return found


def index_recorded_numbers(recorded: Mapping[str, Entry]) -> dict[str, list[tuple[str, str]]]:
    """Return (SID, E.164) of the recorded numbers, by account."""
    numbers: dict[str, list[tuple[str, str]]] = {}
    for entry in recorded.values():
        if entry.kind in NUMBER_KINDS and entry.sid:
            numbers.setdefault(entry.account, []).append((entry.sid, entry.key))
    return numbers


def find_sought_numbers(
    desired: Iterable[Desired], recorded: Mapping[str, Entry]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the numbers declared by SID, and those that may be bought, by account."""
    sought: dict[str, tuple[list[str], list[str]]] = {}
    for item in desired:
        if item.kind not in NUMBER_KINDS:
            continue

        if item.key.startswith("PN"):
            sought.setdefault(item.profile.account, ([], []))[0].append(item.key)
        elif item.profile.purchase is not None and item.address not in recorded:
            sought.setdefault(item.profile.account, ([], []))[1].append(item.key)
    return sought


def find_managed_fields(desired: Iterable[Desired], recorded: Mapping[str, Entry]) -> bool:
    """Return whether a number is declared or recorded with a field beside its routes.

    Few distinct objects are searched: 100,000 numbers share them.
    """
    attrs: list[Attrs] = [profile.attrs for profile in list_distinct(i.profile for i in desired)]
    attrs += list_distinct(entry.last_applied for entry in recorded.values())
    for entry in recorded.values():
        if entry.previously_managed:
            attrs.append(entry.previously_managed)
        if entry.pending:
            attrs.append(entry.pending)
    return not all(BY_NAME.keys().isdisjoint(each) for each in attrs)
