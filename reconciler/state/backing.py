"""What a place outside this machine has to offer so that `LeasedStore` can keep a state there.

Every call is one attempt at one change, whole or not at all; the place itself refuses what comes with a stale grant.
Knows no threads, no clock of this machine, and no order in which calls have to come but the one that is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from reconciler.model import Entry
from reconciler.state.document import State
from reconciler.state.holder import Holder
from reconciler.state.store import Kept, LockInfo, Record

LEASE = 30.0
"""Seconds after which a lock that was not renewed is free again; it is renewed three times in that time."""


class Grant(msgspec.Struct):
    """The lock as granted: a number that rises with each grant, and what the place needs to recognise it.

    `unfenced` says that an earlier holder may still be about to write, because its lock was taken and not given back.
    """

    holder: Holder
    token: int
    mark: str = ""
    unfenced: bool = False


class LeaseLost(Exception):
    """The grant holds no longer."""


class Backing(Protocol):
    """One place for one state. All may raise StateError; what takes a grant also LeaseLost."""

    @property
    def origin(self) -> str:
        """The place, as messages name it; without any secret."""

    def open(self) -> None:
        """Before the first call."""

    def close(self) -> None:
        """After the last call; may be opened again."""

    def read(self) -> State | None:
        """The state with its journal, whole; None when there is none yet."""

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """The lock, or who holds it."""

    def renew(self, grant: Grant) -> None:
        """Begin the lease anew. Called from a thread of its own."""

    def release(self, grant: Grant) -> None:
        """Give the lock back."""

    def lock_info(self) -> LockInfo | None:
        """Who holds the lock; None when nobody does."""

    def break_lock(self) -> None:
        """Take the lock from whoever holds it."""

    def create(self, state: State, grant: Grant) -> None:
        """Put the first version where nothing is yet."""

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """Put the next version in the place of the present one and its journal.

        `known` is what those hold; None when the answer to a write was lost.
        """

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """Put records behind the `batch` - 1 before them in the journal upon this version; all or none."""

    def history(self) -> list[Kept]:
        """See `Store`."""

    def version(self, serial: int) -> State | None:
        """See `Store`."""
