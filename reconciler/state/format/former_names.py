"""Rename the fields of entries, records and documents that an earlier version wrote, and decode
JSON with former or present names.

| format | field of an entry | since format 3 |
|---|---|---|
| 1, 2 | `applied` | `last_applied` |
| 1, 2 | `left` | `previously_managed` |
| 1, 2 | `options.watch` | `options.observe_only` |
| 1, 2 | `options.baseline` | `options.platform_written` |

A store can hold entries of both forms side by side, because it writes only the entries that change.
So every reader tries the present form first, and renames only when that fails. Opens no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from reconciler.model.entry import Entry
from reconciler.state.records import Record

T = TypeVar("T")
_ENTRY = {"applied": "last_applied", "left": "previously_managed"}
_OPTIONS = {"watch": "observe_only", "baseline": "platform_written"}


def rename_fields(entry: Any) -> Any:
    """Return an entry, as plain JSON, with the present names of its fields; anything else as it is."""
    if not isinstance(entry, dict):
        return entry

    renamed = _renamed(entry, _ENTRY)
    if isinstance(renamed.get("options"), dict):
        renamed["options"] = _renamed(renamed["options"], _OPTIONS)
    return renamed


def rename_in_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return a state document, as plain JSON, whose entries have the present names."""
    resources = document.get("resources")
    if not isinstance(resources, dict):
        return document
    return document | {"resources": rename_in_entries(resources)}


def rename_in_entries(entries: Any) -> Any:
    """Return entries by address, as plain JSON, with the present names."""
    if not isinstance(entries, dict):
        return entries
    return {address: rename_fields(entry) for address, entry in entries.items()}


def rename_in_records(records: Any) -> Any:
    """Return records of a journal, as plain JSON, whose entries have the present names."""
    if not isinstance(records, list):
        return records

    renamed = []
    for record in records:
        if isinstance(record, dict) and "entry" in record:
            record = record | {"entry": rename_fields(record["entry"])}
        renamed.append(record)
    return renamed


class TolerantDecoder(Generic[T]):
    """A JSON decoder that also reads what an earlier version wrote."""

    def __init__(self, decoder: msgspec.json.Decoder[T], rename: Callable[[Any], Any]) -> None:
        self._decoder = decoder
        self._rename = rename

    def decode(self, data: bytes | msgspec.Raw) -> T:
        """Decode a value. Raises what msgspec raises, of the present form."""
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError:
            found = msgspec.json.decode(data)
            renamed = self._rename(found)
            if renamed == found:
                raise
            return self._decoder.decode(msgspec.json.encode(renamed))


RECORDS = TolerantDecoder(msgspec.json.Decoder(list[Record]), rename_in_records)
ENTRIES = TolerantDecoder(msgspec.json.Decoder(dict[str, Entry]), rename_in_entries)
CHANGED_ENTRIES = TolerantDecoder(msgspec.json.Decoder(dict[str, Entry | None]), rename_in_entries)


def _renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(field, field): value for field, value in fields.items()}
