"""Implement `Store` and its journal over any `Backing`: hold the lock by a renewed lease, and
refuse to write without it or over a state that has changed.

Decides whether the caller may write: it holds the lock, the lease has not expired, and the state
that it worked from is the present one. The place itself (`Backing`) makes sure that nobody else
writes in between.
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
    """A `Store` in a `Backing`."""

    def __init__(
        self, backing: Backing, *, lease: float = LEASE, clock: Clock | None = None
    ) -> None:
        self._backing = backing
        self._seconds = lease
        self._clock = clock or SystemClock()

        self._grant: Grant | None = None
        self._renewal: LeaseRenewal | None = None
        self._version: Version | None = None
        """The present version, as long as we hold the lock."""
        self._known: dict[str, Entry] | None = {}
        """The resources of the present version; None after a write that failed."""
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
            renewal = LeaseRenewal(
                partial(self._backing.renew, grant),
                self._seconds,
                self._clock,
                asked=asked,
                stop_event=stop,
            )
            self._grant, self._renewal = grant, renewal
            self._version = None
            renewal.start()
            try:
                yield Lease(holder)
            finally:
                renewal.stop()
                self._grant = None
                if self._journal:
                    self._journal.close()
                # When this fails, somebody else has the lock already, or its lease will expire.
                with suppress(LeaseLost, ReconcilerError):
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
                raise lock_error(self._backing.origin, found.holder, self._explain_release(found))
            self._backing.break_lock(found)
            return found

    def begin(self, state: State) -> LeasedJournal:
        """See `Store`."""
        grant = self._check_present(state)
        if state.journal_records or (grant.unfenced and self._exists):
            # A new version keeps out a late write to the journal of the present one.
            state = self.write_version(state)
        elif not self._exists:
            serial = next_free_serial(self._backing.history(), state.serial)
            state = msgspec.structs.replace(state, serial=serial)
            with self.valid_grant() as grant:
                self._backing.create(state, grant)
            self._set_present(state)
        self._journal = LeasedJournal(self, self._backing, state)
        return self._journal

    def save(self, state: State) -> State:
        """See `Store`."""
        self._check_present(state)
        return self.write_version(state)

    def overwrite(self, state: State) -> State:
        """Write a version over a damaged one, under a serial that none has had. Needs the lock."""
        newest = self._backing.newest()
        saved = describe_save(self._current_grant().holder, self._clock.wall(), state)
        serial = max(newest or 0, state.serial) + 1
        following = msgspec.structs.replace(state, serial=serial, saved=saved, journal_records=0)

        with self.valid_grant() as grant:
            if newest is None:
                self._backing.create(following, grant)
            else:
                self._backing.replace(following, None, grant)
        self._set_present(following)
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
        """Write the next version over the present one and its journal. Needs the lock."""
        saved = describe_save(self._current_grant().holder, self._clock.wall(), state)
        following = msgspec.structs.replace(
            state, serial=self._next_serial(state), saved=saved, journal_records=0
        )

        with self.valid_grant() as grant:
            if self._exists:
                self._backing.replace(following, self._known, grant)
            else:
                self._backing.create(following, grant)
        self._set_present(following)
        return following

    @contextmanager
    def valid_grant(self) -> Iterator[Grant]:
        """Give the grant to write with. Raises StateLocked when the lock is lost, before or during
        the block.
        """
        grant, renewal = self._current_grant(), self._renewal
        assert renewal is not None, "a lease is renewed as long as there is a grant"
        self._check_lease(renewal)
        try:
            yield grant
            # A write that was sent before the lease expired may have arrived after it.
            self._check_lease(renewal)
        except LeaseLost as error:
            renewal.lose_to(error)
            raise problems.lock_lost(self._backing.origin, renewal.why_lost()) from error
        except BaseException:
            # A write that got no answer may still arrive when somebody else has the lock.
            grant.unfenced = True
            raise

    def _check_lease(self, renewal: LeaseRenewal) -> None:
        """Raise StateLocked when the lease is lost."""
        reason = renewal.why_lost()
        if reason:
            raise problems.lock_lost(self._backing.origin, reason)

    def expect_version(self, version: Version) -> None:
        """Take this as the present version: the journal is about to grow to it."""
        self._version = version

    @contextmanager
    def note_when_written(self, records: Sequence[Record]) -> Iterator[None]:
        """Add the records to the known resources when the block succeeds.

        After an error the resources are unknown: perhaps only the answer was lost.
        """
        known, self._known = self._known, None
        yield
        if known is not None:
            apply_records(known, records)
        self._known = known

    def _next_serial(self, state: State) -> int:
        """Return a serial that no version has had, also where the state is missing and its history
        exists.
        """
        if self._exists:
            return state.serial + 1
        return next_free_serial(self._backing.history(), state.serial + 1)

    def _set_present(self, state: State) -> None:
        self._exists, self._version, self._known = True, state.version, dict(state.resources)

    def _current_grant(self) -> Grant:
        if self._grant is None:
            raise RuntimeError("the lock must be held")
        return self._grant

    def _check_present(self, state: State) -> Grant:
        """Return the grant. Raises StateError unless this state is the present one. Closes an open
        journal.
        """
        grant = self._current_grant()
        if self._version is None:
            self.load()
        if self._version is None or not self._version.is_same(state.version):
            raise problems.state_moved(self._backing.origin, str(self._version), str(state.version))

        if self._journal:
            self._journal.close()
        return grant

    def _acquire(self, holder: Holder, timeout: float) -> tuple[Grant, float]:
        """Take the lock; return the grant and the time of the request. Raises StateLocked."""
        deadline = time.monotonic() + timeout
        while True:
            asked = self._clock.monotonic()
            found = self._backing.acquire(holder)
            if isinstance(found, Grant):
                return found, asked

            left = deadline - time.monotonic()
            if left <= 0:
                raise lock_error(self._backing.origin, found.holder, self._explain_release(found))
            time.sleep(min(_POLL, left))

    def _explain_release(self, found: LockInfo) -> str:
        """Return a sentence about when a lock will be free."""
        if found.foreign or found.holder is None:
            return (
                "Another program set this lock, or it cannot be read, so it never expires: its holder has "
                "to release it. If you are sure that it is a leftover:\n"
                "  reconciler state unlock --force\n"
            )
        return f"It is free when that run ends, or {self._seconds:g} seconds after that run died."

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
    """A `Journal` in a `Backing`."""

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
        """See `Journal`. When writing fails, the records are kept for `fold` to write."""
        if self._ended:
            raise RuntimeError("the journal has ended")
        if not records:
            return

        self._add_to_state(records)
        with self._store.valid_grant() as grant:
            # After a failed write it is unknown whether the batch before this one has arrived.
            if self._broken:
                raise problems.state_unwritable(self._backing.origin, "an earlier write failed")
            self._broken = True
            self._batch += 1
            with self._store.note_when_written(records):
                self._backing.append(self._base, self._batch, records, grant)
            self._broken = False

    def batch_size(self, outcomes: int) -> int:
        """See `Journal`."""
        most = self._backing.most_appends
        return 1 if most is None else max(1, -(-outcomes // most))

    def fold(self, more: Sequence[Record] = ()) -> State:
        """See `Journal`."""
        with self._store.valid_grant():
            self.close()
            self._add_to_state(more)
        if self._state.journal_records:
            self._state = self._store.write_version(self._state)
        return self._state

    def close(self) -> None:
        """Accept no more records; what was appended stays for `fold` or the next run."""
        self._ended = True

    def _add_to_state(self, records: Sequence[Record]) -> None:
        apply_records(self._state.resources, records)
        self._state = msgspec.structs.replace(
            self._state, journal_records=self._state.journal_records + len(records)
        )
        self._store.expect_version(self._state.version)
