"""Define `Bucket`, the protocol of an object store as a state needs it: get, conditional put, copy,
delete, list and the store's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class StoredObject(msgspec.Struct, frozen=True):
    """An object: its content, its version, and the time at which it was put (seconds, by the
    store's clock).
    """

    data: bytes
    tag: str
    modified: float


class Bucket(Protocol):
    """The interface of an object store. Every call is atomic, and visible to all later calls.
    Raises StateError.
    """

    def get(self, key: str, most: int | None = None) -> StoredObject | None:
        """Return the object, or its first `most` bytes; None when there is none."""

    def put(self, key: str, data: bytes, over: str | None) -> str | None:
        """Put the object over the version `over`, None for no object. Returns its new version; None
        when refused.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the objects; those that are not there, too."""

    def list(self, prefix: str) -> Sequence[str]:
        """Return the keys that begin with the prefix, in order."""

    def now(self) -> float:
        """Return the time by the store's clock."""
