"""Where a state is kept, as the rest of the program sees it: load, lock, journal, save.

Every store keeps these promises, and the tests of one are the tests of all:

- what `Journal.append`, `Journal.fold` and `Store.save` returned from survives a crash at any later instant;
- one holder of the lock at a time, and a state that changed since it was read is never overwritten;
- nothing is repaired, dropped or adopted without a word.

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
    """The lock, held: by whom."""

    holder: Holder


class LockInfo(msgspec.Struct, frozen=True):
    """A lock that is held: by whom, if that is known, and whether its lease ran out.

    `foreign`: another program set it, or it cannot be read. Such a lock has no lease and never expires.
    """

    holder: Holder | None
    expired: bool = False
    foreign: bool = False


KEPT_VERSIONS = 10
"""How many former versions a store keeps."""


def next_free_serial(kept: Sequence[StoredVersion], otherwise: int) -> int:
    """A serial that none of these versions has had, nor the one that followed them and is gone."""
    return max([otherwise, *(each.serial + 2 for each in kept)])


class Journal(Protocol):
    """What a run did so far, beside the state. For one thread; usable as long as the lock is held."""

    @property
    def state(self) -> State:
        """The state with all that was appended; never an older one than what is durable."""

    def append(self, records: Sequence[Record]) -> None:
        """Return once all of these are durable, at the price of one; after a crash there are all of them or none."""

    def fold(self, more: Sequence[Record] = ()) -> State:
        """Write the next version of the state, `more` included, and end the journal; nothing new, no new version."""


class Store(Protocol):
    """One place for one state."""

    def load(self) -> State | None:
        """The state, with what an interrupted or running run journalled; None when there is nothing yet.

        Needs no lock, and is a state that there was, whole, whatever other runs do meanwhile.
        """

    def lock(
        self, holder: Holder, timeout: float = 0.0, stop: Event | None = None
    ) -> AbstractContextManager[Lease]:
        """Hold the lock; StateLocked, which names its holder, when it is not free within these seconds.

        Should the lock get lost meanwhile, `stop` is set, and whatever writes after that raises StateLocked.
        """

    def lock_info(self) -> LockInfo | None:
        """Who holds the lock; None when nobody does."""

    def unlock(self, by: Holder, *, force: bool) -> LockInfo | None:
        """Free the lock when it ran out, or is one that `by` left behind, or with force; what was freed, if any.

        StateLocked when somebody else holds it, or when it is of the kind that only its process can give back.
        """

    def begin(self, state: State) -> Journal:
        """Under lock: open the journal upon `state`, which is made durable first if it is not yet.

        What an interrupted run left behind becomes a version of its own.
        StateError `state_moved` when `state` is not what `load` gives under this lock.
        """

    def save(self, state: State) -> State:
        """Under lock: replace the state by the next version, which is returned; refuses as `begin` does."""

    def history(self) -> list[StoredVersion]:
        """The present version and the former ones that are kept, the newest first; none when there is nothing yet."""

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """Those of these numbers that another project in the same place has: SID → project. Needs no lock."""

    def version(self, serial: int) -> State | None:
        """The state as it was in the version of this serial; None when that is not kept. Needs no lock."""
