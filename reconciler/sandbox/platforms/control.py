"""Read, edit and delete the rows of the platforms by section and id, without the client's
knowledge.

Every answer omits secrets and keys.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.sandbox.platforms.registry import SHELVES
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf
from reconciler.sandbox.store import Store

_BY_NAME: dict[str, PlatformShelf[Any]] = {shelf.name: shelf for shelf in SHELVES}


def list_sections(store: Store) -> dict[str, list[PlatformRow]]:
    """Return all rows by section, including empty sections."""
    return {name: rows_of(store, name) for name in _BY_NAME}


def rows_of(store: Store, section: str) -> list[PlatformRow]:
    """Return the rows of a section; raises `KeyError`."""
    shelf = _BY_NAME[section]
    return [shelf.redact(row) for row in store.table(shelf)]


def edit(store: Store, section: str, name: str, fields: object) -> PlatformRow:
    """Set fields of a row, under the names that a seed uses.

    Raises `KeyError` for a row that does not exist, `ValueError` for fields that it cannot have.
    """
    shelf, row = _find(store, section, name)
    if not isinstance(fields, dict):
        raise ValueError('send the fields that change: {"field": "value"}')

    after: PlatformRow = msgspec.convert(msgspec.to_builtins(row) | fields, shelf.row)
    if after.sid != row.sid:
        raise ValueError("the id of a row cannot be changed")

    store.table(shelf).change(row, msgspec.structs.asdict(after))
    changed: PlatformRow = shelf.redact(row)
    return changed


def remove(store: Store, section: str, name: str) -> dict[str, object]:
    """Delete a row without the platform's side effects on Twilio.

    Raises `KeyError`.
    """
    shelf, row = _find(store, section, name)
    store.table(shelf).remove(row)
    return {}


def _find(store: Store, section: str, name: str) -> tuple[PlatformShelf[Any], Any]:
    shelf = _BY_NAME[section]
    row = store.table(shelf).get(name)
    if row is None:
        raise KeyError(name)
    return shelf, row
