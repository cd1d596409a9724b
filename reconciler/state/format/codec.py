"""Convert states, journal records and single values to the bytes that a store keeps, and back: with
checksums, and the only place that encrypts or compresses them.

| | in clear | with a cipher |
|---|---|---|
| document | head, resources and digest | head and `sealed`, one text; the head is bound to it |
| compressed document | head and `compressed`, one text | as above; compressed, then sealed |
| records of a file's journal | JSON; the line has a checksum | a JSON string |
| other records, entries | `{"crc": CHECKSUM, "value": JSON}` | a JSON string |

A document that is not sealed is read with a cipher, too, and sealed when it is written next; so is
a value without a checksum, as former versions wrote it. What a cipher sealed needs no checksum: it
notices every change.

A codec of a remote store also compresses documents, records and entries (`compression`); every
codec reads both forms. Opens no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec

from reconciler.state import problems
from reconciler.state.format.compression import (
    LEAST_BYTES,
    as_text,
    compress,
    decompress,
    decompress_text,
    is_compressed_text,
)
from reconciler.state.format.document import (
    COMPRESSED,
    HEAD_BYTES,
    SEALED,
    Document,
    Head,
    State,
    decode,
    encode,
    encode_blocks,
    head_line,
    head_of,
    read_head,
)
from reconciler.state.format.former_names import RECORDS
from reconciler.state.format.rows import DECODE_ERRORS, RowError, check_address
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Put, Record


class Cipher(Protocol):
    """Encrypts data, and detects any change to it or to the context that it is bound to."""

    def seal(self, data: bytes, bound_to: bytes) -> str:
        """Return a text that only a holder of the key can read."""

    def uses_current_key(self, text: str) -> bool:
        """Return whether a text was sealed with the key that `seal` uses."""

    def open(self, text: str, bound_to: bytes, origin: str) -> bytes:
        """Return the sealed data. Raises StateError when no key fits, or when something was
        changed.
        """


class _Sealed(Head):
    sealed: str | None = None
    compressed: str | None = None


class _Checked(msgspec.Struct, forbid_unknown_fields=True):
    """A value with the CRC-32 of its JSON as it was written."""

    crc: str
    value: msgspec.Raw


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Decoder(Protocol[T_co]):
    """Decodes JSON."""

    def decode(self, data: bytes | msgspec.Raw, /) -> T_co:
        """Return the value. Raises msgspec.MsgspecError."""


_RECORD = b"reconciler record"
_CHECKED = b'{"crc":"'
_VALUE_AT = len(b'{"crc":"00000000","value":')
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_checked = msgspec.json.Decoder(_Checked).decode


class Codec:
    """Writes and reads the states of one project."""

    def __init__(
        self, project: str, cipher: Cipher | None = None, *, compress: bool = False
    ) -> None:
        self.project = project
        self._cipher = cipher
        self._compress = compress

    def blocks(self, document: Document) -> Iterator[bytes]:
        """Yield the document piece by piece, as it is stored."""
        if self._cipher is None and not self._compress:
            yield from encode_blocks(document)
            return

        top, data = head_of(document), encode(document)
        if self._compress:
            data = compress(data)
        if self._cipher is None:
            yield head_line(top, COMPRESSED)
            yield _encode(as_text(data)) + b"}\n"
            return
        yield head_line(top, SEALED)
        yield _encode(self._cipher.seal(data, _encode(top))) + b"}\n"

    def document(self, document: Document) -> bytes:
        """Return the document in one piece."""
        return b"".join(self.blocks(document))

    def state(self, data: bytes, origin: str, *, check_digest: bool = True) -> State:
        """Return the stored state. Raises StateError as `decode` does, and when it cannot be
        decrypted.
        """
        return decode(
            self._decrypt_document(data, origin), self.project, origin, check_digest=check_digest
        )

    def head(self, beginning: bytes) -> Head | None:
        """Return the head of a document that begins with these bytes; needs no key."""
        return read_head(beginning)

    def seal(self, text: bytes) -> bytes:
        """Return a JSON value as it is stored: with a checksum, or as a JSON string."""
        is_long = self._compress and len(text) >= LEAST_BYTES
        if self._cipher is not None:
            return _encode(self._cipher.seal(compress(text) if is_long else text, _RECORD))
        if is_long:
            return _encode(as_text(compress(text)))
        return b'%b%08x","value":%b}' % (_CHECKED, zlib.crc32(text), text)

    def unseal(self, stored: bytes, origin: str) -> bytes:
        """Return a stored JSON value; the store must keep every byte. Raises StateError when it was
        changed.
        """
        if stored.startswith(b'"'):
            return self._decrypt_value(stored, origin)
        if not stored.startswith(_CHECKED):
            return stored

        text = stored[_VALUE_AT:-1]
        if stored != b'%b%08x","value":%b}' % (_CHECKED, zlib.crc32(text), text):
            raise problems.checksum_mismatch(origin)
        return text

    def value(self, stored: bytes, origin: str, decoder: Decoder[T]) -> T:
        """Decode a value that was stored, also where the store wrote the same JSON with other
        spaces.

        StateError when it was changed; what the decoder raises.
        """
        if stored.startswith(b'"'):
            return decoder.decode(self._decrypt_value(stored, origin))
        try:
            checked = _decode_checked(stored)
        except msgspec.ValidationError:  # written by a version that knew no checksums
            return decoder.decode(stored)

        found = decoder.decode(checked.value)
        as_written = f"{zlib.crc32(checked.value):08x}" == checked.crc
        if not as_written and f"{zlib.crc32(_encode(found)):08x}" != checked.crc:
            raise problems.checksum_mismatch(origin)
        return found

    def is_current(self, stored: bytes) -> bool:
        """Return whether a JSON value is stored in the present form: with a checksum, or sealed
        with our first key.
        """
        if self._cipher is None:
            return stored.startswith(_CHECKED)
        if not stored.startswith(b'"'):
            return False
        return self._cipher.uses_current_key(msgspec.json.decode(stored, type=str))

    def records(self, records: Sequence[Record], *, checksum: bool = True) -> bytes:
        """Return records as they are stored: JSON. `checksum` is False where their line has one
        already.
        """
        data = _encode(records)
        return data if self._cipher is None and not checksum else self.seal(data)

    def read_records(self, stored: bytes, origin: str) -> list[Record]:
        """Return stored records. Raises StateError when they are damaged or cannot be decrypted."""
        try:
            found = self.value(stored, origin, RECORDS)
            for record in found:
                if isinstance(record, Put):
                    entry = record.entry
                    check_address(record.address, entry.kind, entry.key, entry.parent)
        except DECODE_ERRORS as error:
            raise problems.journal_damaged(origin, safe_reason(error)) from error
        except RowError as error:
            raise problems.journal_damaged(origin, str(error)) from error

        return found

    def _decrypt_value(self, stored: bytes, origin: str) -> bytes:
        try:
            text = msgspec.json.decode(stored, type=str)
        except DECODE_ERRORS as error:
            raise problems.ciphertext_damaged(origin) from error
        if is_compressed_text(text):
            return decompress_text(text, origin)
        return decompress(self._key(origin).open(text, _RECORD, origin), origin)

    def _decrypt_document(self, data: bytes, origin: str) -> bytes:
        beginning = data[:HEAD_BYTES]
        if b'"sealed"' not in beginning and b'"compressed"' not in beginning:
            return data
        try:
            found = msgspec.json.decode(data, type=_Sealed)
        except DECODE_ERRORS:
            return data  # no JSON: the decoder reports the place
        if found.sealed is None and found.compressed is None:
            return data
        top = Head(found.format, found.project, found.lineage, found.serial, found.saved)
        if found.project != self.project:
            raise problems.state_wrong_project(origin, found.project, self.project)
        if found.sealed is not None:
            return decompress(self._key(origin).open(found.sealed, _encode(top), origin), origin)

        # Only what is inside has a digest: the head before it must be the same.
        inside = decompress_text(found.compressed or "", origin)
        if read_head(inside[:HEAD_BYTES]) != top:
            raise problems.state_damaged(origin, "its first line does not match its content")
        return inside

    def _key(self, origin: str) -> Cipher:
        if self._cipher is None:
            raise problems.key_missing(origin)
        return self._cipher
