"""A state in a place outside this machine, under a lease: the part that all such stores have in common.

Whether the caller may write is decided here: he holds the lock, its lease has not run out, and the state that he worked
from is the one that is there. That nobody else can write in between is the place's own doing (`Backing`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event
from typing import Any

import msgspec

from reconciler.clock import Clock, SystemClock
from reconciler.errors import ReconcilerError
from reconciler.model.entry import Entry
from reconciler.state import problems
from reconciler.state.format.document import State, Version
from reconciler.state.records import Record, StoredVersion, apply_records
from reconciler.state.stores.backing import LEASE, Backing, Grant, LeaseLost
from reconciler.state.stores.holder import Holder, describe_save, is_left_behind_by, lock_error
from reconciler.state.stores.lease_renewal import LeaseRenewal
from reconciler.state.stores.store import Lease, LockInfo, next_free_serial

_POLL = 0.25


class LeasedStore:
    """A `Store` upon a place that can do what `Backing` asks for."""

    def __init__(
        self, backing: Backing, *, lease: float = LEASE, clock: Clock | None = None
    ) -> None:
        self._backing = backing
        self._seconds = lease
        self._clock = clock or SystemClock()
        self._grant: Grant | None = None
        self._heart: LeaseRenewal | None = None
        self._version: Version | None = None  # of what is there, as long as we hold the lock
        self._known: dict[str, Entry] | None = {}  # and its resources, unless a write failed
        self._exists = False
        self._journal: LeasedJournal | None = None

    def load(self) -> State | None:
        """See `Store`."""
        with self._connected():
            state = self._backing.read()
        self._exists = state is not None
        self._version = state.version if state else Version("", 0)
        self._known = dict(state.resources) if state else {}
        return state

    @contextmanager
    def lock(
        self, holder: Holder, timeout: float = 0.0, stop: Event | None = None
    ) -> Iterator[Lease]:
        """See `Store`."""
        with self._connected():
            grant, asked = self._acquire(holder, timeout)
            renew = partial(self._backing.renew, grant)
            self._grant, self._heart = (
                grant,
                LeaseRenewal(renew, self._seconds, self._clock, asked=asked, told=stop),
            )
            self._version = None
            self._heart.start()
            try:
                yield Lease(holder)
            finally:
                self._heart.stop()
                self._grant = None
                if self._journal:
                    self._journal.close()
                with suppress(
                    LeaseLost, ReconcilerError
                ):  # it is taken already, or will be free by itself
                    self._backing.release(grant)

    def lock_info(self) -> LockInfo | None:
        """See `Store`."""
        with self._connected():
            return self._backing.lock_info()

    def unlock(self, by: Holder, *, force: bool) -> LockInfo | None:
        """See `Store`."""
        with self._connected():
            found = self._backing.lock_info()
            if found is None:
                return None
            ours = (
                found.holder is not None
                and not found.foreign
                and is_left_behind_by(found.holder, by)
            )
            if not (force or found.expired or ours):
                raise lock_error(self._backing.origin, found.holder, self._freed(found))
            self._backing.break_lock(found)
            return found

    def begin(self, state: State) -> LeasedJournal:
        """See `Store`."""
        grant = self._may_write_upon(state)
        if state.journal_records or (grant.unfenced and self._exists):
            state = self.write_version(state)
        elif not self._exists:
            state = msgspec.structs.replace(
                state, serial=next_free_serial(self._backing.history(), state.serial)
            )
            with self.writing() as grant:
                self._backing.create(state, grant)
            self._note(state)
        self._journal = LeasedJournal(self, self._backing, state)
        return self._journal

    def save(self, state: State) -> State:
        """See `Store`."""
        self._may_write_upon(state)
        return self.write_version(state)

    def overwrite(self, state: State) -> State:
        """Under lock: write a version over one that is damaged, under a serial that none has had."""
        newest = self._backing.newest()
        saved = describe_save(self._held().holder, self._clock.wall(), state)
        serial = max(newest or 0, state.serial) + 1
        following = msgspec.structs.replace(state, serial=serial, saved=saved, journal_records=0)
        with self.writing() as grant:
            if newest is None:
                self._backing.create(following, grant)
            else:
                self._backing.replace(following, None, grant)
        self._note(following)
        return following

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        with self._connected():
            return self._backing.history()

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`."""
        with self._connected():
            return self._backing.find_claims(sids)

    def version(self, serial: int) -> State | None:
        """See `Store`."""
        with self._connected():
            return self._backing.version(serial)

    def write_version(self, state: State) -> State:
        """Under lock: write the next version over the present one and its journal."""
        saved = describe_save(self._held().holder, self._clock.wall(), state)
        following = msgspec.structs.replace(
            state, serial=self._next_serial(state), saved=saved, journal_records=0
        )
        with self.writing() as grant:
            if self._exists:
                self._backing.replace(following, self._known, grant)
            else:
                self._backing.create(following, grant)
        self._note(following)
        return following

    @contextmanager
    def writing(self) -> Iterator[Grant]:
        """The grant to write with; StateLocked when the lock is lost, before or during."""
        grant, heart = self._held(), self._heart
        assert heart is not None, "the heart beats as long as there is a grant"
        if reason := heart.why_lost():
            raise problems.lock_lost(self._backing.origin, reason)
        try:
            yield grant
            if (
                reason := heart.why_lost()
            ):  # whether what was written in time arrived in time is not known
                raise problems.lock_lost(self._backing.origin, reason)
        except LeaseLost as error:
            heart.lose_to(error)
            raise problems.lock_lost(self._backing.origin, heart.why_lost()) from error
        except BaseException:
            grant.unfenced = (
                True  # what got no answer may still arrive, when somebody else has the lock
            )
            raise

    def appending(self, version: Version) -> None:
        """The journal is about to grow to this version; whether it did is not known until `appended`."""
        self._version = version

    @contextmanager
    def sure_of(self, records: Sequence[Record]) -> Iterator[None]:
        """Know the records as written when the block ends well; else it may be that only the answer was lost."""
        known, self._known = self._known, None
        yield
        if known is not None:
            apply_records(known, records)
        self._known = known

    def _next_serial(self, state: State) -> int:
        """One that no version has had, also where the state is gone and its history is not."""
        return (
            state.serial + 1
            if self._exists
            else next_free_serial(self._backing.history(), state.serial + 1)
        )

    def _note(self, state: State) -> None:
        self._exists, self._version, self._known = True, state.version, dict(state.resources)

    def _held(self) -> Grant:
        if self._grant is None:
            raise RuntimeError("the lock must be held")
        return self._grant

    def _may_write_upon(self, state: State) -> Grant:
        grant = self._held()
        if self._version is None:
            self.load()
        if self._version is None or not self._version.is_same(state.version):
            raise problems.state_moved(self._backing.origin, str(self._version), str(state.version))
        if self._journal:
            self._journal.close()
        return grant

    def _acquire(self, holder: Holder, timeout: float) -> tuple[Grant, float]:
        """The grant, and when it was asked for."""
        deadline = time.monotonic() + timeout
        while True:
            asked = self._clock.monotonic()
            found = self._backing.acquire(holder)
            if isinstance(found, Grant):
                return found, asked
            left = deadline - time.monotonic()
            if left <= 0:
                raise lock_error(self._backing.origin, found.holder, self._freed(found))
            time.sleep(min(_POLL, left))

    def _freed(self, found: LockInfo) -> str:
        if found.foreign or found.holder is None:
            return (
                "Another program set this lock, or it cannot be read, so it never expires: its holder has to release "
                "it. If you are sure that it is a leftover:\n  reconciler state unlock --force\n"
            )
        return f"It is free when that run ends, or {self._seconds:g} seconds after it died."

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Open the place for one call, unless it is open as long as the lock is held."""
        if self._grant is not None:
            yield
            return
        try:
            self._backing.open()
            yield
        finally:
            self._backing.close()


class LeasedJournal:
    """A `Journal` in such a place."""

    def __init__(self, store: LeasedStore, backing: Backing, state: State) -> None:
        self._store, self._backing = store, backing
        self._base = state
        self._state = msgspec.structs.replace(state, resources=dict(state.resources))
        self._batch = 0
        self._ended = False
        self._broken = False

    @property
    def state(self) -> State:
        """See `Journal`."""
        return self._state

    def append(self, records: Sequence[Record]) -> None:
        """See `Journal`. When writing fails the records are kept all the same, for `fold` to try."""
        if self._ended:
            raise RuntimeError("the journal has ended")
        if not records:
            return
        self._remember(records)
        with self._store.writing() as grant:
            if self._broken:  # whether the batch before this one is there is not known
                raise problems.state_unwritable(self._backing.origin, "an earlier write failed")
            self._broken = True
            self._batch += 1
            with self._store.sure_of(records):
                self._backing.append(self._base, self._batch, records, grant)
            self._broken = False

    def fold(self, more: Sequence[Record] = ()) -> State:
        """See `Journal`."""
        with self._store.writing():
            self.close()
            self._remember(more)
        if self._state.journal_records:
            self._state = self._store.write_version(self._state)
        return self._state

    def close(self) -> None:
        """Take no more records; what was appended stays for `fold` or the next run."""
        self._ended = True

    def _remember(self, records: Sequence[Record]) -> None:
        apply_records(self._state.resources, records)
        self._state = msgspec.structs.replace(
            self._state, journal_records=self._state.journal_records + len(records)
        )
        self._store.appending(self._state.version)
