"""Read the body of an answer up to a size limit, decompress it, and decode its JSON; a body that is
too large, broken or too deeply nested is an error.

A server may be broken or hostile: its body may never end, may be a small file that decompresses to
gigabytes, or may be JSON that takes 30 times its size in memory. Nothing here knows Twilio,
platforms or retries.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

T = TypeVar("T")

ANSWER_BYTES = 64 << 20
"""The most bytes of an ordinary answer or of one page of a listing, decompressed."""
STATE_BYTES = 1 << 30
"""The most bytes of a state document, decompressed."""

_PIECE = 1 << 18
_UNCOUNTED = 4 << 20
"""Bodies up to this size are decoded without counting their values: they take at most about 140 MB
in memory.
"""
_MOST_VALUES = 1_000_000
"""A page of 1,000 numbers has about 60,000 values."""

_GZIP = 16 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS


class BodyError(Exception):
    """An unusable body: another attempt would bring the same."""


class BodyTooLarge(BodyError):
    """A body that is larger than allowed."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is larger than {_size(most)}")


class BodyUndecodable(BodyError):
    """A body with a compression that cannot be undone."""


def read_body(response: BaseHTTPResponse, most: int) -> bytes:
    """Return the whole body, decompressed.

    Raises BodyTooLarge, BodyUndecodable and what urllib3 raises.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
    length = response.headers.get("Content-Length", "")
    stated = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None

    if stated is not None and stated > most:
        raise BodyTooLarge(most)
    if encoding == "identity" and stated is not None:
        return response.read(decode_content=False)  # the usual answer: one read, no copy
    if encoding == "identity":
        return _read_pieces(response, most, lambda piece, room: [piece])
    return _read_pieces(response, most, _Inflater(encoding))


def decode_json(body: bytes, decode: Callable[[bytes], T]) -> T:
    """Return what `decode` makes of the body.

    Raises ValueError (msgspec.DecodeError is one) for any other body.
    """
    if len(body) > _UNCOUNTED:
        values = body.count(b",") + body.count(b"[") + body.count(b"{")
        if values > _MOST_VALUES:
            raise ValueError(f"it has more than {_MOST_VALUES:,} values")

    try:
        return decode(body)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read_pieces(
    response: BaseHTTPResponse, most: int, unpack: Callable[[bytes, int], list[bytes]]
) -> bytes:
    """Read a body piece by piece.

    `unpack` returns at most `room` bytes, or one more as a sign that there are more.
    """
    pieces: list[bytes] = []
    size = 0
    while piece := response.read(_PIECE, decode_content=False):
        for part in unpack(piece, most - size):
            size += len(part)
            if size > most:
                raise BodyTooLarge(most)
            pieces.append(part)

    if isinstance(unpack, _Inflater):
        unpack.check_end()
    return b"".join(pieces)


class _Inflater:
    """Decompressor for gzip and deflate that never produces more than there is room for."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise BodyUndecodable("the answer has a compression that was not requested")
        self._gzip = encoding != "deflate"
        self._unpack = zlib.decompressobj(_GZIP if self._gzip else zlib.MAX_WBITS)
        self._has_output = False

    def __call__(self, piece: bytes, room: int) -> list[bytes]:
        """Return what the piece decompresses to: at most one byte more than there is room for."""
        parts: list[bytes] = []
        while piece and room >= 0:
            part = self._decompress(piece, room + 1)
            parts.append(part)
            room -= len(part)
            piece = self._rest()
        return parts

    def check_end(self) -> None:
        """Raise BodyUndecodable for a body that ends too early."""
        if self._has_output and not self._unpack.eof:
            raise BodyUndecodable("the compressed answer ends too early")

    def _decompress(self, piece: bytes, most: int) -> bytes:
        try:
            part = self._unpack.decompress(piece, most)
        except zlib.error:
            # Some servers send deflate without its header (RFC 9110, section 8.4.1.2).
            if self._gzip or self._has_output:
                raise BodyUndecodable("the answer cannot be decompressed") from None
            self._unpack = zlib.decompressobj(_RAW_DEFLATE)
            self._has_output = True
            return self._decompress(piece, most)

        self._has_output = True
        return part

    def _rest(self) -> bytes:
        """Return the bytes still to decompress.

        After the end of a gzip member that is the next member; anything else is padding.
        """
        if not self._unpack.eof:
            return self._unpack.unconsumed_tail

        rest = self._unpack.unused_data
        if not (self._gzip and rest.startswith(b"\x1f\x8b")):
            return b""
        self._unpack = zlib.decompressobj(_GZIP)
        return rest


def _size(count: int) -> str:
    return f"{count >> 30} GB" if count >= 1 << 30 else f"{count >> 20} MB"
