"""What a place outside this machine has to offer so that `LeasedStore` can keep a state there.

Every call is one attempt at one change, whole or not at all; the place itself refuses what comes with a stale grant.
Knows no threads, no clock of this machine, and no order in which calls have to come but the one that is said here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from reconciler.model.entry import Entry
from reconciler.state.format.document import State
from reconciler.state.records import Record, StoredVersion
from reconciler.state.stores.holder import Holder, describe_holder
from reconciler.state.stores.store import LockInfo

LEASE = 30.0
"""Seconds after which a lock that was not renewed is free again; it is renewed three times in that time."""


class Grant(msgspec.Struct):
    """The lock as granted: a number that rises with each grant, and what the place needs to recognise it.

    `unfenced` says that a write may still be under way: of an earlier holder, whose lock was taken and not given back,
    or one that got no answer.
    """

    holder: Holder
    token: int
    mark: str = ""
    unfenced: bool = False


class LeaseLost(Exception):
    """The grant holds no longer; `now` is who has the lock, if anybody and if that is known."""

    def __init__(self, grant: Grant, now: Holder | None = None) -> None:
        self.reason = "Another run, or `state unlock`, took the lock over"
        if now is not None and now.run == grant.holder.run:
            self.reason = "The lease ran out"
        elif now is not None:
            self.reason = f"{describe_holder(now)} took the lock over"
        super().__init__(self.reason)


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

    def break_lock(self, found: LockInfo) -> None:
        """Take the lock from whom `lock_info` has found; who came since keeps it."""

    def create(self, state: State, grant: Grant) -> None:
        """Put the first version where nothing is yet."""

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """Put the next version in the place of the present one and its journal.

        `known` is what those hold; None when the answer to a write was lost.
        """

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """Put records behind the `batch` - 1 before them in the journal upon this version; all or none."""

    def newest(self) -> int | None:
        """The highest serial that is there, also where the state is damaged; None where there is no version.

        `replace` with `known` None may follow, and writes over what is there.
        """

    def history(self) -> list[StoredVersion]:
        """See `Store`."""

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`."""

    def version(self, serial: int) -> State | None:
        """See `Store`."""
