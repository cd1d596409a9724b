"""Define `Backing`, the protocol of a place outside this machine in which `LeasedStore` keeps a
state: read, write, lease and history; also `Grant` and `LeaseLost`.

Every call is one attempt at one change, whole or not at all; the place itself refuses a call with a
stale grant. Knows no threads, no clock of this machine, and no order of calls except the one that
is stated here.
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
"""Seconds after which a lock that was not renewed is free again; it is renewed three times in that
time.
"""


class Grant(msgspec.Struct):
    """The lock as granted: a number that rises with each grant, and what the place needs to
    recognise it.

    `unfenced`: a write may still be in flight, either of an earlier holder whose lock was taken
    over, or one of this holder that got no answer.
    """

    holder: Holder
    token: int
    mark: str = ""
    unfenced: bool = False


class LeaseLost(Exception):
    """The grant is no longer valid; `now` is the holder of the lock, where there is one and it is
    known.
    """

    def __init__(self, grant: Grant, now: Holder | None = None) -> None:
        self.reason = "Another run, or `state unlock`, took over the lock"
        if now is not None and now.run == grant.holder.run:
            self.reason = "The lease expired"
        elif now is not None:
            self.reason = f"{describe_holder(now)} took over the lock"
        super().__init__(self.reason)


class Backing(Protocol):
    """One place for one state. All may raise StateError; what takes a grant also LeaseLost."""

    @property
    def origin(self) -> str:
        """The place, as messages show it; without any secret."""

    def open(self) -> None:
        """Prepare for calls; called before the first one."""

    def close(self) -> None:
        """Close connections; called after the last call. The place may be opened again."""

    @property
    def most_appends(self) -> int | None:
        """The number of appends that a run should need at most, where each sends the whole state.

        None where an append costs what it holds.
        """

    def read(self) -> State | None:
        """Return the whole state with its journal; None when there is none yet."""

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """Take the lock, or return who holds it."""

    def renew(self, grant: Grant) -> None:
        """Start the lease again. Called from a separate thread."""

    def release(self, grant: Grant) -> None:
        """Release the lock."""

    def lock_info(self) -> LockInfo | None:
        """Return the holder of the lock; None when it is free."""

    def break_lock(self, found: LockInfo) -> None:
        """Free the lock of the holder that `lock_info` has found; a later holder keeps it."""

    def create(self, state: State, grant: Grant) -> None:
        """Write the first version where nothing is yet."""

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """Replace the present version and its journal by the next version.

        `known` is the content of those; None when the answer to a write was lost.
        """

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """Append records to the journal of this version as batch number `batch`; all or none."""

    def newest(self) -> int | None:
        """Return the highest serial, also where the state is damaged; None where there is no
        version.

        `replace` with `known` None may follow, and overwrites what is there.
        """

    def history(self) -> list[StoredVersion]:
        """See `Store`."""

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`."""

    def version(self, serial: int) -> State | None:
        """See `Store`."""
