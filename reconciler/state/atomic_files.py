"""Define and implement the few file operations of a store, and replace a file in one step; small,
so that tests can simulate a failure of each operation or of the power.

Knows nothing of states, journals or formats.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from reconciler.remote.transport.body import STATE_BYTES

if sys.platform == "darwin":  # there fsync alone leaves the data in the drive's cache
    import fcntl

    def _fsync(handle: int) -> None:
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
else:
    _fsync = os.fsync

PRIVATE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)


class Files(Protocol):
    """The interface of a file system. Content is durable after `sync`, a name after `sync_folder`."""

    def read(self, path: Path, most: int = -1) -> bytes | None:
        """Return the content, or its first `most` bytes; None when there is no such file.

        Raises OSError for anything but a regular file, and with EFBIG for a whole content above
        STATE_BYTES.
        """

    def create(self, path: Path, like: Path) -> int:
        """Create an empty, private file, open for writing; with the permissions of `like` when that
        exists.
        """

    def write(self, handle: int, data: bytes) -> None:
        """Append all of it."""

    def sync(self, handle: int) -> None:
        """Return once the content is on disk."""

    def close(self, handle: int) -> None:
        """Close the handle."""

    def replace(self, source: Path, target: Path) -> None:
        """Rename in one step, and replace an existing file."""

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name."""

    def remove(self, path: Path) -> None:
        """Remove the name; nothing to do when it is not there."""

    def sync_folder(self, folder: Path) -> None:
        """Return once the names in the folder are on disk."""

    def make_folder(self, folder: Path, like: Path) -> None:
        """Make a folder that is open to those who may use the file `like`; nothing to do when it is
        there.
        """

    def listing(self, folder: Path) -> list[str]:
        """Return the names in the folder, sorted; none when there is no such folder."""


class Disk:
    """The real file system."""

    def read(self, path: Path, most: int = -1) -> bytes | None:
        """See `Files`."""
        try:
            # O_NONBLOCK: a pipe would be waited for without end.
            handle = os.open(path, os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            return None

        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            if most < 0 and found.st_size > STATE_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            return file.read(most)

    def create(self, path: Path, like: Path) -> int:
        """See `Files`."""
        handle = os.open(
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _BINARY, PRIVATE
        )
        share_permissions(handle, like)
        return handle

    def write(self, handle: int, data: bytes) -> None:
        """See `Files`."""
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]

    def sync(self, handle: int) -> None:
        """See `Files`."""
        _fsync(handle)

    def close(self, handle: int) -> None:
        """See `Files`."""
        os.close(handle)

    def replace(self, source: Path, target: Path) -> None:
        """See `Files`."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """See `Files`."""
        os.link(source, target)

    def remove(self, path: Path) -> None:
        """See `Files`."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """See `Files`; Windows has no such call and writes names through by itself."""
        if sys.platform == "win32":
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def make_folder(self, folder: Path, like: Path) -> None:
        """See `Files`."""
        if not folder.is_dir():
            mode = like.stat().st_mode & 0o777
            folder.mkdir(exist_ok=True)
            # Reading in a folder takes the right to search it.
            folder.chmod(mode | (mode & 0o444) >> 2)

    def listing(self, folder: Path) -> list[str]:
        """See `Files`."""
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []


def share_permissions(handle: int, like: Path) -> None:
    """Keep the permissions that somebody gave the file `like` on purpose; without it the file stays
    private.
    """
    if sys.platform == "win32":
        return
    try:
        mode = like.stat().st_mode & 0o777
    except FileNotFoundError:
        return

    if mode != PRIVATE:
        os.fchmod(handle, mode)


def write_whole(
    files: Files, path: Path, blocks: Iterable[bytes], *, temporary: Path, private: bool = False
) -> None:
    """Replace the content of a file in one step: after a crash the file has either the old or the
    new content.

    `private`: for its owner alone, also when the old file had other permissions.
    """
    files.remove(temporary)

    # A private file does not take over the permissions of the old one.
    handle = files.create(temporary, temporary if private else path)
    try:
        try:
            for block in blocks:
                files.write(handle, block)
            files.sync(handle)
        finally:
            files.close(handle)
        files.replace(temporary, path)
    except Exception:
        files.remove(temporary)
        raise

    # Without this a crash of the machine may bring the old name back.
    files.sync_folder(path.parent)
