"""Compress and decompress what a remote store holds, as bytes or as text for JSON; bytes that are
not compressed are returned as they are.

A state shrinks to about a tenth: 100,000 numbers are 51 MB of JSON and 4 MB compressed. The
checksum of zlib detects every change.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode

from reconciler.state import problems

LEAST_BYTES = 512
"""Shorter values are not compressed: they would hardly shrink."""
_MOST_BYTES = 1 << 30
"""The most that a compressed value may grow to: damaged or hostile data must not fill the memory."""
_PREFIX = "zlib:"
_FIRST_BYTE = b"\x78"
"""Compressed data begins with it; JSON never does."""


def compress(data: bytes) -> bytes:
    """Return the data in its compressed form."""
    return zlib.compress(data)


def as_text(compressed: bytes) -> str:
    """Return compressed data as a text that fits into JSON."""
    return _PREFIX + b64encode(compressed).decode("ascii")


def is_compressed_text(text: str) -> bool:
    """Return whether `as_text` has made this text."""
    return text.startswith(_PREFIX)


def decompress_text(text: str, origin: str) -> bytes:
    """Return the data of a text that `as_text` has made. Raises StateError when it was changed."""
    try:
        data = b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise problems.checksum_mismatch(origin) from error
    if not is_compressed_text(text) or not data.startswith(_FIRST_BYTE):
        raise problems.checksum_mismatch(origin)
    return decompress(data, origin)


def decompress(data: bytes, origin: str) -> bytes:
    """Return the data as it was before `compress`. Raises StateError when it was changed."""
    if not data.startswith(_FIRST_BYTE):
        return data

    reader = zlib.decompressobj()
    try:
        whole = reader.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise problems.checksum_mismatch(origin) from error
    if reader.unconsumed_tail:
        raise problems.state_too_large(origin, _MOST_BYTES)
    if not reader.eof or reader.unused_data:
        raise problems.checksum_mismatch(origin)
    return whole
