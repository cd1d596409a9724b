"""A state store in memory, and a fuse that stops a run at any instant as a power cut would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from reconciler.model.entry import Entry
from reconciler.state.format.document import State, empty_state
from reconciler.state.records import Record, apply_records
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.store import Lease


class PowerCut(Exception):
    """The process is gone: nothing that it does from now on has any effect."""


class Fuse:
    """Blows at the instant with this number; None: never. Every instant after that raises as well."""

    def __init__(self, at: int | None = None) -> None:
        self._left = at
        self.blown = False

    def instant(self) -> None:
        """One more thing is about to happen, or has just happened."""
        if self._left == 0:
            self.blown = True
        if self.blown:
            raise PowerCut
        if self._left is not None:
            self._left -= 1


class MemoryStore:
    """A `Store` whose durable part survives the process: a version of the state and the records upon it."""

    def __init__(self, state: State | None = None) -> None:
        self.version = state
        self.journalled: list[Record] = []
        self.batches: list[list[Record]] = []
        self.fuse = Fuse()

    @property
    def resources(self) -> dict[str, Entry]:
        """What is remembered."""
        state = self.load()
        return state.resources if state is not None else {}

    def load(self) -> State | None:
        """See `Store`."""
        if self.version is None or not self.journalled:
            return self.version
        resources = dict(self.version.resources)
        apply_records(resources, self.journalled)
        return msgspec.structs.replace(
            self.version, resources=resources, journal_records=len(self.journalled)
        )

    @contextmanager
    def lock(self, holder: Holder, timeout: float = 0.0) -> Iterator[Lease]:
        """See `Store`."""
        yield Lease(holder)

    def begin(self, state: State) -> MemoryJournal:
        """See `Store`."""
        if state.journal_records or self.version is None:
            self.save(state)
        return MemoryJournal(self)

    def save(self, state: State) -> State:
        """See `Store`."""
        self.fuse.instant()
        self.version = msgspec.structs.replace(state, serial=state.serial + 1, journal_records=0)
        self.journalled = []
        self.fuse.instant()
        return self.version


class MemoryJournal:
    """A `Journal` beside the state in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def state(self) -> State:
        """See `Journal`."""
        return self._store.load() or empty_state("acme")

    def append(self, records: Sequence[Record]) -> None:
        """See `Journal`."""
        if not records:
            return
        self._store.fuse.instant()
        self._store.journalled += records
        self._store.batches.append(list(records))
        self._store.fuse.instant()

    def batch_size(self, outcomes: int) -> int:
        """See `Journal`."""
        return 1

    def fold(self, more: Sequence[Record] = ()) -> State:
        """See `Journal`."""
        self.append(more)
        return self._store.save(self.state) if self._store.journalled else self.state
