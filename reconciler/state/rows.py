"""Entries out of a decoded document: parts that many resources have in common are decoded once and shared.

A hundred thousand numbers have few distinct routes and prior values. Decoding each distinct one once makes reading
quicker by half and what is read a third of the size. Knows nothing of files, formats or projects.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.model import Entry
from reconciler.state.harmless import said, shown

_TYPES = {field.name: field.type for field in msgspec.structs.fields(Entry)}
_NULL = msgspec.Raw(b"null")
_EMPTY = msgspec.Raw(b"{}")

DAMAGE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises on a document that is not what it should be."""


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An `Entry` whose repeated parts are still JSON; the same fields in the same order."""

    kind: str
    account: str
    sid: str
    key: str
    applied: msgspec.Raw
    options: msgspec.Raw
    prior: msgspec.Raw = _EMPTY
    prior_at: str | None = None
    pending: msgspec.Raw = _NULL
    normalised: msgspec.Raw = _EMPTY
    left: msgspec.Raw = _EMPTY
    created: bool = False
    parent: str | None = None
    imported_at: str | None = None
    updated_at: str | None = None
    region: str | None = None


class RowError(Exception):
    """One resource is not what it should be."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{shown(address)}: {reason}")
        self.address, self.reason = address, reason


class _Parts(dict[bytes, Any]):
    """JSON of one field of an entry → its value, decoded when it is first asked for."""

    def __init__(self, field: str) -> None:
        self._decode = msgspec.json.Decoder(_TYPES[field]).decode

    def __missing__(self, raw: bytes) -> Any:
        value = self[raw] = self._decode(raw)
        return value


def entries(rows: dict[str, Row]) -> dict[str, Entry]:
    """The entries of these rows. Equal parts are one and the same object: never change one in place."""
    applied, options, prior = _Parts("applied"), _Parts("options"), _Parts("prior")
    pending, normalised, left = _Parts("pending"), _Parts("normalised"), _Parts("left")
    none: dict[str, Any] = {}
    found: dict[str, Entry] = {}
    address = ""
    try:
        for address, row in rows.items():
            found[address] = Entry(
                row.kind,
                row.account,
                row.sid,
                row.key,
                applied[bytes(row.applied)],
                options[bytes(row.options)],
                prior[bytes(row.prior)],
                row.prior_at,
                None if row.pending is _NULL else pending[bytes(row.pending)],
                none if row.normalised is _EMPTY else normalised[bytes(row.normalised)],
                none if row.left is _EMPTY else left[bytes(row.left)],
                row.created,
                row.parent,
                row.imported_at,
                row.updated_at,
                row.region,
            )
    except DAMAGE as error:
        raise RowError(address, said(error)) from error
    return found


def first_misfit(resources: dict[str, msgspec.Raw]) -> RowError | None:
    """The first resource that cannot be a row, and why; None when all can."""
    decode = msgspec.json.Decoder(Row).decode
    for address, raw in resources.items():
        try:
            decode(raw)
        except DAMAGE as error:
            return RowError(address, said(error))
    return None
