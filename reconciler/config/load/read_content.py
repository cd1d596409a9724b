"""Read the bytes of one file of a configuration, in bounded time and memory whatever the name leads
to.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_FILE = 1 << 29
"""Bytes of one file; a million numbers need a fifth of it."""


def read_content(path: Path, *, included: bool) -> bytes:
    """Return the bytes of a file. An included one must be a regular file: a pipe may never end.

    Raises OSError and ValueError (a name that no file can have).
    """
    # Without O_NONBLOCK, opening an included pipe waits for its writer without end.
    nonblock = getattr(os, "O_NONBLOCK", 0) if included else 0
    handle = os.open(path, os.O_RDONLY | nonblock | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if included and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST_FILE:,} bytes")
    return data
