"""What hangs below another resource: the `Live` of a row whose parent's SID stands in `parent_sid`; does no I/O."""

from __future__ import annotations

from reconciler.kinds.kind import Field, Names, Row, plain_attrs, plain_wire
from reconciler.model.live import Live


def child_live(
    fields: tuple[Field, ...], row: Row, account: str, *, key: str, parent: tuple[str, Names]
) -> Live:
    """A `Live` of one row with plain fields; `parent` is the kind above it and the names of such resources."""
    above, names = parent
    sid = str(row.get("parent_sid") or "")
    address = f"{above}/{names.get(sid, sid)}"
    return Live(
        row["sid"], key, account, plain_wire(fields, row), plain_attrs(fields, row), parent=address
    )
