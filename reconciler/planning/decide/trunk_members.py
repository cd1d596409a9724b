"""List the addresses of all that belongs to trunks, which share their fate once their blocks are
removed; restore an entry's own declared options; pure.

`protect` and `on_removal` on a trunk cover the trunk and everything under it once the trunk block
is removed. As long as it is declared, they do not stop changes of its block; see
docs/decisions/0012.

| the trunk                            | what was taken out of its block or of its lists  | all that belongs to it     |
|--------------------------------------|--------------------------------------------------|----------------------------|
| declared                             | goes, as of any other trunk                      | –                          |
| not declared, protected              | –                                                | untouched, nothing planned |
| not declared, `on_removal: keep`     | –                                                | stays, and is forgotten    |
| not declared                         | –                                                | deleted if unused          |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.kinds.table import KINDS
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry


def _kinds_with_own_options() -> frozenset[str]:
    """Return the kinds without a parent that no other kind refers to."""
    used = {kind.refers for kind in KINDS.values()}
    names: set[str] = set()
    for kind in KINDS.values():
        if kind.parent is None and kind.name not in used:
            names.add(kind.name)
    return frozenset(names)


_WITH_OWN_OPTIONS = _kinds_with_own_options()
"""Kinds that are declared with `protect` and `on_removal` of their own; others follow the resource
that they belong to.
"""


def restore_declared_options(entry: Entry) -> Entry:
    """Return the entry with the options of the resource itself: state may hold options of its
    trunk.
    """
    if entry.kind in _WITH_OWN_OPTIONS:
        return entry
    return msgspec.structs.replace(entry, options=Options())


def trunk_members(
    trunks: Collection[str], rows: Mapping[str, Desired] | Mapping[str, Entry]
) -> set[str]:
    """Return the addresses, among these rows, of all that belongs to the trunks.

    These are their children, the lists they use, and what is on those lists. The rows are those
    that are declared no longer: a list that another trunk declares belongs to that one.
    """
    if not trunks:
        return set()

    children: set[str] = set()
    lists: set[str] = set()
    for address, row in rows.items():
        if row.parent not in trunks:
            continue
        children.add(address)

        # The use of a list has the name of that list.
        used_kind = KINDS[row.kind].refers
        used_list = f"{used_kind}/{Address.parse(address).key}"
        if used_kind is not None and used_list in rows:
            lists.add(used_list)

    on_lists = {address for address, row in rows.items() if row.parent in lists}
    return children | lists | on_lists
