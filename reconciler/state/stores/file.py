"""Keep a state in a local file, as a `Store`: `NAME`, beside it `NAME.journal`, `NAME.lock`,
`NAME.backup` (the version before) and the folder `NAME.history`.

What is durable when, in the order of the steps; a crash between any two leaves a state that `load`
reads:

| step | leaves on disk |
|---|---|
| `begin` | the base version, then the journal's first line |
| `append` | the line, all or nothing |
| `fold`, `save` | the next version in one step, then no journal (one left over is older than the state: ignored) |

Knows nothing of configuration or Twilio.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import msgspec

from reconciler.clock import Clock, SystemClock
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.state import problems
from reconciler.state.atomic_files import Disk, Files, write_whole
from reconciler.state.format import journal as lines
from reconciler.state.format.codec import Cipher, Codec
from reconciler.state.format.document import HEAD_BYTES, State, Version, empty_state
from reconciler.state.records import Record, StoredVersion, apply_records
from reconciler.state.stores.file_history import FormerVersions
from reconciler.state.stores.file_lock import file_lock, holder_of
from reconciler.state.stores.holder import Holder, describe_save, lock_error
from reconciler.state.stores.store import Lease, LockInfo, next_free_serial


class FileStore:
    """A `Store` in one folder of a file system that can rename and lock; the backup needs hard
    links besides.
    """

    def __init__(
        self,
        path: Path,
        project: str,
        *,
        files: Files | None = None,
        clock: Clock | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        self._origin = str(path)
        self._path = path.resolve()  # a link keeps pointing at the state, and has the same lock
        self._codec = Codec(project, cipher)
        self._files = files or Disk()
        self._clock = clock or SystemClock()
        self._former = FormerVersions(self._files, self._path)
        self._lease: Lease | None = None
        self._version: Version | None = None
        """The version that was loaded or written last."""
        self._exists = False
        self._journal: FileJournal | None = None

    def load(self) -> State | None:
        """See `Store`. The journal is read first: read last, it would hide a fold in between."""
        self._check_folder()
        try:
            journal = self._files.read(self._beside("journal"))
            data = self._files.read(self._path)
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise problems.state_too_large(self._origin, STATE_BYTES) from error
            raise problems.state_unreadable(self._origin, error) from error

        state = self._decode(data, journal)
        self._exists = state is not None
        self._version = (state or empty_state(self._codec.project)).version
        return state

    @contextmanager
    def lock(
        self, holder: Holder, timeout: float = 0.0, stop: Event | None = None
    ) -> Iterator[Lease]:
        """See `Store`; the operating system's lock cannot be lost."""
        self._check_folder()
        with ExitStack() as stack:
            with self.report_write_errors():
                lock = file_lock(
                    self._beside("lock"), holder, timeout, like=self._path, origin=self._origin
                )
                stack.enter_context(lock)

            self._lease, self._version = Lease(holder), None
            try:
                yield self._lease
            finally:
                self._lease = None
                if self._journal:
                    self._journal.close()

    def lock_info(self) -> LockInfo | None:
        """See `Store`."""
        self._check_folder()
        with self.report_write_errors():
            return holder_of(self._beside("lock"))

    def unlock(self, by: Holder, *, force: bool) -> LockInfo | None:
        """See `Store`: the operating system frees this lock when its process ends, and nobody else
        can.
        """
        found = self.lock_info()
        if found is not None:
            raise lock_error(self._origin, found.holder)
        return None

    def begin(self, state: State) -> FileJournal:
        """See `Store`."""
        holder = self._check_present(state).holder
        if state.journal_records:
            state = self.write_version(state)
        elif not self._exists:
            serial = next_free_serial(self.history(), state.serial)
            state = msgspec.structs.replace(state, serial=serial)
            self._write(state)

        header = lines.Header(lines.FORMAT, state.lineage, state.serial, holder.run, holder.since)
        self._journal = self._new_journal(state, header)
        return self._journal

    def save(self, state: State) -> State:
        """See `Store`."""
        self._check_present(state)
        return self.write_version(state)

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        try:
            present = self._codec.head(self._files.read(self._path, HEAD_BYTES) or b"")
            former = list(self._former.list_versions())
        except OSError as error:
            raise problems.state_unreadable(self._origin, error) from error
        if present is None:
            return former

        # The present version has a second name in the history while it is replaced.
        versions = [StoredVersion(present.serial, present.saved)]
        versions += [version for version in former if version.serial < present.serial]
        return versions

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`: a file belongs to one project."""
        return {}

    def version(self, serial: int) -> State | None:
        """See `Store`."""
        for path in (self._path, self._former.path_of(serial)):
            try:
                found = self._codec.head(self._files.read(path, HEAD_BYTES) or b"")
                if found is None or found.serial != serial:
                    continue
                data = self._files.read(path)
            except OSError as error:
                raise problems.state_unreadable(str(path), error) from error

            # Read the serial again: another run may have replaced the file in between.
            state = self._codec.state(data, str(path)) if data is not None else None
            if state is not None and state.serial == serial:
                return state
        return None

    def write_version(self, state: State) -> State:
        """Write the next version over the present one, and end the journal that is in it. Needs the
        lock.
        """
        saved = describe_save(self.current_lease().holder, self._clock.wall(), state)
        following = msgspec.structs.replace(
            state, serial=self._next_serial(state), saved=saved, journal_records=0
        )
        self._write(following)
        return following

    def current_lease(self) -> Lease:
        """Return the lease. Raises RuntimeError without one: to write without the lock is a defect."""
        if self._lease is None:
            raise RuntimeError("the lock must be held")
        return self._lease

    def _next_serial(self, state: State) -> int:
        """Return a serial that no version has had, also where the state is missing and its history
        exists.
        """
        if self._exists:
            return state.serial + 1
        return next_free_serial(self.history(), state.serial + 1)

    def set_present(self, version: Version) -> None:
        """Take this as the present version."""
        self._exists, self._version = True, version

    @contextmanager
    def report_write_errors(self) -> Iterator[None]:
        """Turn an OSError into StateError `state_unwritable`."""
        try:
            yield
        except OSError as error:
            raise problems.state_unwritable(self._origin, error) from error

    def _new_journal(self, state: State, header: lines.Header) -> FileJournal:
        line, checksum = lines.header_line(header)
        path = self._beside("journal")
        with self.report_write_errors():
            self._files.remove(path)
            handle = self._files.create(path, self._path)
            self._files.write(handle, line)
            self._files.sync(handle)
            self._files.sync_folder(path.parent)
        return FileJournal(self, self._files, self._codec, state, path, handle, checksum)

    def _write(self, state: State) -> None:
        with self.report_write_errors():
            self._keep_previous()
            write_whole(
                self._files, self._path, self._codec.blocks(state), temporary=self._beside("new")
            )
            self._files.remove(self._beside("journal"))
        self._former.prune()
        self.set_present(state.version)

    def _keep_previous(self) -> None:
        """Keep the version to be replaced: give it a second name now, which becomes its only one."""
        if self._exists and self._version is not None:
            self._former.keep(self._version.serial)

        # A file system without hard links keeps no backup; the state itself is safe.
        backup = self._beside("backup")
        with suppress(OSError):
            self._files.remove(backup)
            self._files.link(self._path, backup)

    def _decode(self, data: bytes | None, journal: bytes | None) -> State | None:
        origin = self._origin + ".journal"
        leftover = None if journal is None else lines.parse(journal, origin, self._codec)
        if data is not None:
            state = self._codec.state(data, self._origin)
            return lines.replay(state, leftover, origin) if leftover else state
        if leftover:
            raise problems.journal_damaged(
                origin, f"the state that it continues, {self._origin}, is gone"
            )
        return None

    def _check_present(self, state: State) -> Lease:
        """Return the lease. Raises StateError unless this state is the present one. Closes an open
        journal.
        """
        lease = self.current_lease()
        if self._version is None:
            self.load()
        if self._version is None or not self._version.is_same(state.version):
            raise problems.state_moved(self._origin, str(self._version), str(state.version))

        if self._journal:
            self._journal.close()
        return lease

    def _check_folder(self) -> None:
        if not self._path.parent.is_dir():
            raise problems.state_unreadable(self._origin, f"there is no folder {self._path.parent}")
        # A pipe or a device would be read for ever.
        if os.path.exists(self._path) and not os.path.isfile(self._path):
            raise problems.state_unreadable(self._origin, "it is not a file")

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")


class FileJournal:
    """A `Journal` in a file of its own."""

    def __init__(
        self,
        store: FileStore,
        files: Files,
        codec: Codec,
        state: State,
        path: Path,
        handle: int | None,
        checksum: int,
    ) -> None:
        self._store, self._files, self._codec = store, files, codec
        self._state = msgspec.structs.replace(state, resources=dict(state.resources))
        self._path, self._handle, self._checksum = path, handle, checksum
        self._broken = False

    @property
    def state(self) -> State:
        """See `Journal`."""
        return self._state

    def append(self, records: Sequence[Record]) -> None:
        """See `Journal`. When writing fails, the records are kept for `fold` to write."""
        if self._handle is None:
            raise RuntimeError("the journal has ended")
        if not records:
            return

        line, self._checksum = lines.record_line(records, self._checksum, self._codec)
        self._add_to_state(records)
        with self._store.report_write_errors():
            # A line after half a line would be taken for damage.
            if self._broken:
                raise OSError("an earlier write failed")
            self._broken = True
            self._files.write(self._handle, line)
            self._files.sync(self._handle)
            self._broken = False

    def batch_size(self, outcomes: int) -> int:
        """See `Journal`: a line costs what it holds."""
        return 1

    def fold(self, more: Sequence[Record] = ()) -> State:
        """See `Journal`."""
        self._store.current_lease()
        self.close()
        self._add_to_state(more)
        if self._state.journal_records:
            self._state = self._store.write_version(self._state)
        else:
            with self._store.report_write_errors():
                self._files.remove(self._path)
        return self._state

    def close(self) -> None:
        """Accept no more records; what was appended stays for `fold` or the next run."""
        if self._handle is not None:
            self._files.close(self._handle)
            self._handle = None

    def _add_to_state(self, records: Sequence[Record]) -> None:
        apply_records(self._state.resources, records)
        unfolded = self._state.journal_records + len(records)
        self._state = msgspec.structs.replace(self._state, journal_records=unfolded)
        self._store.set_present(self._state.version)
