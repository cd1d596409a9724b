"""Define `Store`, `Journal` and `Lease`, the protocols by which the program loads, locks, journals
and saves a state, and choose the next free serial; no implementation.

Every store keeps these promises, and all stores pass the same tests:

- what `Journal.append`, `Journal.fold` and `Store.save` returned from survives a crash at any later
  instant;
- one holder of the lock at a time, and a state that changed since it was read is never overwritten;
- nothing is repaired, dropped or adopted silently.

Knows nothing of files or networks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Event
from typing import Protocol

import msgspec

from reconciler.state.format.document import State
from reconciler.state.records import Record, StoredVersion
from reconciler.state.stores.holder import Holder


class Lease(msgspec.Struct, frozen=True):
    """A lock that this run holds."""

    holder: Holder


class LockInfo(msgspec.Struct, frozen=True):
    """A lock that is held: by whom, if that is known, and whether its lease has expired.

    `foreign`: another program set it, or it cannot be read. Such a lock has no lease and never
    expires.
    """

    holder: Holder | None
    expired: bool = False
    foreign: bool = False


KEPT_VERSIONS = 10
"""The number of former versions that a store keeps."""


def next_free_serial(kept: Sequence[StoredVersion], otherwise: int) -> int:
    """Return a serial that none of these versions has had, nor the lost one that followed them."""
    newest = max((version.serial for version in kept), default=None)
    return otherwise if newest is None else max(otherwise, newest + 2)


class Journal(Protocol):
    """The record of what a run has done so far, beside the state. For one thread, while the lock is
    held.
    """

    @property
    def state(self) -> State:
        """The state with all appended records; never older than what is durable."""

    def append(self, records: Sequence[Record]) -> None:
        """Return once all of these are durable, at the price of one; after a crash there are all of
        them or none.
        """

    def batch_size(self, outcomes: int) -> int:
        """Return how many outcomes of a run with so many belong into one `append`.

        1 where an append costs what it holds; more where each append sends the whole state.
        """

    def fold(self, more: Sequence[Record] = ()) -> State:
        """Write the next version of the state, `more` included, and end the journal; nothing new,
        no new version.
        """


class Store(Protocol):
    """One place for one state."""

    def load(self) -> State | None:
        """Return the state, with the journal of an interrupted or running run; None when there is
        nothing yet.

        Needs no lock: whatever other runs do meanwhile, the result is one consistent state.
        """

    def lock(
        self, holder: Holder, timeout: float = 0.0, stop: Event | None = None
    ) -> AbstractContextManager[Lease]:
        """Hold the lock. Raises StateLocked, which names its holder, when it is not free within
        these seconds.

        When the lock is lost meanwhile, `stop` is set, and every later write raises StateLocked.
        """

    def lock_info(self) -> LockInfo | None:
        """Return the holder of the lock; None when it is free."""

    def unlock(self, by: Holder, *, force: bool) -> LockInfo | None:
        """Free the lock when it has expired, or is one that `by` left behind, or with force; return
        what was freed.

        Raises StateLocked when somebody else holds it, or when only its process can release it.
        """

    def begin(self, state: State) -> Journal:
        """Open the journal upon `state`, which is made durable first if it is not yet. Needs the
        lock.

        The journal of an interrupted run becomes a version of its own.
        Raises StateError `state_moved` when `state` is not what `load` returns under this lock.
        """

    def save(self, state: State) -> State:
        """Write the next version of the state, and return it. Needs the lock; refuses as `begin`
        does.
        """

    def history(self) -> list[StoredVersion]:
        """Return the present version and the former ones that are kept, the newest first."""

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """Return those of these numbers that another project in the same place has: SID → project.
        Needs no lock.
        """

    def version(self, serial: int) -> State | None:
        """Return the state of the version with this serial; None when that is not kept. Needs no
        lock.
        """
