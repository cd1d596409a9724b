"""Find the members of a trunk, which share its fate once its block is removed; pure.

`protect` and `on_removal` on a trunk cover the trunk and everything under it once the trunk block
is removed. As long as it is declared, they do not stop changes of its block; see
docs/decisions/0012.

| the trunk                            | what was taken out of its block or of its lists  | all that belongs to it     |
|--------------------------------------|--------------------------------------------------|----------------------------|
| declared                             | goes, as of any other trunk                      | –                          |
| not declared, protected              | –                                                | untouched, nothing planned |
| not declared, `on_removal: keep`     | –                                                | stays, and is forgotten    |
| not declared                         | –                                                | goes, where nobody uses it |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.kinds.table import KINDS, NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry

_SAYING = frozenset({*NUMBER_KINDS, TRUNK.name, "application"})
"""Kinds that are declared with `protect` and `on_removal` of their own; others follow what they
belong to.
"""


def restore_declared_options(entry: Entry) -> Entry:
    """Return the entry with the options of the resource itself: state may hold options of its
    trunk.
    """
    return entry if entry.kind in _SAYING else msgspec.structs.replace(entry, options=Options())


def trunk_members(
    trunks: Collection[str], rows: Mapping[str, Desired] | Mapping[str, Entry]
) -> set[str]:
    """The addresses, among these rows, of what hangs below the trunks, of the lists they use, and
    of what is on those.

    The rows are those that are declared no longer: a list that another trunk declares is that one's
    business.
    """
    if not trunks:
        return set()
    below = {address: row for address, row in rows.items() if row.parent in trunks}
    uses = {address: refers for address, row in below.items() if (refers := KINDS[row.kind].refers)}
    lists = {
        f"{refers}/{address.split('/', 2)[2]}" for address, refers in uses.items()
    } & rows.keys()
    return {*below, *lists, *(address for address, row in rows.items() if row.parent in lists)}
