"""Convert the row of a child resource to a `Live`; the SID in `parent_sid` becomes the address of
its parent. No I/O.
"""

from __future__ import annotations

from reconciler.kinds.kind import Field, Names, Row, plain_attrs, plain_wire
from reconciler.model.live import Live


def child_live(
    fields: tuple[Field, ...], row: Row, account: str, *, key: str, parent: tuple[str, Names]
) -> Live:
    """Return the `Live` of one row with plain fields.

    `parent` is the kind above it, and the names of the resources of that kind by SID.
    """
    parent_kind, names = parent
    parent_sid = str(row.get("parent_sid") or "")

    return Live(
        row["sid"],
        key,
        account,
        plain_wire(fields, row),
        plain_attrs(fields, row),
        parent=f"{parent_kind}/{names.get(parent_sid, parent_sid)}",
    )
