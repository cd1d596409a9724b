"""Find the accounts that a run with ``--target`` need not read, and leave them out of declarations
and entries; pure.

| the run targets                                     | accounts that are left unread                     |
|-----------------------------------------------------|---------------------------------------------------|
| nothing                                             | none                                              |
| only names that are declared or recorded            | all in which no targeted resource is or was       |
| a glob over other addresses than those of numbers   | none: it may match what only Twilio knows         |
| a name that is neither declared nor recorded        | none, for the same reason                         |
| a number that is to be bought                       | none: any account may hold it already             |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.kinds.table import REGISTRATION
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.selection.patterns import Pattern, Selection, find_selection, list_named

_GLOB = frozenset("*?[")


def find_accounts_outside(
    targets: Sequence[str], desired: Sequence[Desired], resources: Mapping[str, Entry]
) -> frozenset[str]:
    """Return the accounts that hold nothing of what is targeted; empty whenever there is a doubt."""
    if not targets:
        return frozenset()

    # What is excluded is read all the same: only targets limit the accounts.
    selection = find_selection(targets, (), list_named(desired, (resources,)))
    addresses = {declared.address for declared in desired} | resources.keys()
    if not all(_is_known(pattern, addresses) for pattern in selection.targets):
        return frozenset()

    every = {entry.account for entry in resources.values()}
    targeted: list[Desired] = []
    for declared in desired:
        every.add(declared.profile.account)
        if selection.selects(declared.address):
            targeted.append(declared)

    inside = _find_recorded_accounts(selection, targeted, resources)
    for declared in targeted:
        # Any account may hold a number already that is to be bought.
        if declared.profile.purchase is not None and declared.address not in resources:
            return frozenset()
        inside.add(declared.profile.account)
    return frozenset(every - inside)


def keep_inside(
    desired: Sequence[Desired], resources: Mapping[str, Entry], outside: frozenset[str]
) -> tuple[Sequence[Desired], Mapping[str, Entry]]:
    """Return what is declared and recorded in the accounts that are to be read."""
    if not outside:
        return desired, resources

    kept = [declared for declared in desired if declared.profile.account not in outside]
    recorded = {
        address: entry for address, entry in resources.items() if entry.account not in outside
    }
    return kept, recorded


def _is_known(pattern: Pattern, addresses: Iterable[str]) -> bool:
    """Return whether a pattern matches only declared or recorded resources, and at least one."""
    if pattern.form == "address":
        address = Address.parse(pattern.text)
        is_number = address.is_number or address.kind == REGISTRATION
        if not is_number and not _GLOB.isdisjoint(pattern.text):
            return False
    return bool(pattern.addresses) or any(map(pattern.matches, addresses))


def _find_recorded_accounts(
    selection: Selection, targeted: Iterable[Desired], resources: Mapping[str, Entry]
) -> set[str]:
    """Return the accounts in which state has the targeted resources, under their address or their
    SID.
    """
    # A number may be declared by its SID: its recorded address is another one than the declared.
    keys: set[str] = set()
    for declared in targeted:
        keys.add(declared.key)
        if declared.sid:
            keys.add(declared.sid)

    accounts: set[str] = set()
    for address, entry in resources.items():
        if entry.sid in keys or entry.key in keys or selection.selects(address):
            accounts.add(entry.account)
    return accounts
