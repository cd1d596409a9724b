"""Hold a lock on a file by the operating system, which ends with the process at the latest, and
read who holds it.

The file is never removed: otherwise a second process could lock a new file of the same name while a
third still holds the old one. The content of the file is for messages only; only the lock counts.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from reconciler.state.atomic_files import PRIVATE, share_permissions
from reconciler.state.stores.holder import Holder, lock_error
from reconciler.state.stores.store import LockInfo

_POLL = 0.1
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_LONGEST_TEXT = 65536

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # Windows forbids others to read what is locked: lock a byte behind the text

    def _take(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def file_lock(
    path: Path, holder: Holder, timeout: float, *, like: Path, origin: str
) -> Iterator[None]:
    """Hold the lock of this file, with the permissions of `like`. Raises StateLocked when it is not
    free in time.

    Raises OSError when the file cannot be opened or its file system has no locks. `origin` is for
    messages.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        deadline = time.monotonic() + timeout
        while not _try_lock(handle):
            if time.monotonic() >= deadline:
                raise lock_error(origin, _read_holder(handle))
            time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))

        share_permissions(handle, like)
        _write(handle, msgspec.json.encode(holder) + b"\n")
        try:
            yield
        finally:
            with suppress(OSError):
                _write(handle, b"")
    finally:
        os.close(handle)


def holder_of(path: Path) -> LockInfo | None:
    """Return the holder of the lock of this file; None when it is free. Raises OSError as
    `file_lock` does.
    """
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None

    # The lock is free exactly when we can take it.
    try:
        return None if _try_lock(handle) else LockInfo(_read_holder(handle))
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    """Take the lock if it is free; return whether it was."""
    try:
        _take(handle)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _write(handle: int, text: bytes) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, text)


def _read_holder(handle: int) -> Holder | None:
    """Return the holder that the file names. Reads twice: a run that has just taken the lock writes
    a moment later.
    """
    for attempt in range(2):
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            return msgspec.json.decode(os.read(handle, _LONGEST_TEXT), type=Holder)
        except msgspec.MsgspecError:
            time.sleep(0 if attempt else _POLL)
    return None
