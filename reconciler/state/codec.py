"""Between states and records and the bytes that a store keeps: the one place where they are encrypted, if they are.

| | in clear | with a cipher |
|---|---|---|
| document | head and resources | head and `sealed`, one text; the head is bound to it |
| record, entry | JSON | a JSON string |

A document that is not sealed is read with a cipher, too, and sealed when it is written next. Opens no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from reconciler.state import problems
from reconciler.state.document import (
    LONGEST_HEAD,
    SEALED,
    Document,
    Head,
    State,
    blocks,
    decode,
    encode,
    head,
    head_line,
    head_of,
)
from reconciler.state.harmless import said
from reconciler.state.rows import DAMAGE
from reconciler.state.store import Record


class Cipher(Protocol):
    """Keeps a secret, and notices any change to it or to what it is bound to."""

    def seal(self, data: bytes, bound_to: bytes) -> str:
        """A text that only a holder of the key can read."""

    def sealed_last(self, text: str) -> bool:
        """Whether it was sealed with the key that seals now."""

    def open(self, text: str, bound_to: bytes, origin: str) -> bytes:
        """What was sealed; StateError when no key of ours fits, or something was changed."""


class _Sealed(Head):
    sealed: str | None = None


_RECORD = b"reconciler record"
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_records = msgspec.json.Decoder(list[Record]).decode


class Codec:
    """How the states of one project are written and read."""

    def __init__(self, project: str, cipher: Cipher | None = None) -> None:
        self.project = project
        self._cipher = cipher

    def blocks(self, document: Document) -> Iterator[bytes]:
        """The document piece by piece, as it is stored."""
        if self._cipher is None:
            yield from blocks(document)
            return
        top = head_of(document)
        yield head_line(top, SEALED)
        yield _encode(self._cipher.seal(encode(document), _encode(top))) + b"}\n"

    def document(self, document: Document) -> bytes:
        """The document in one piece."""
        return b"".join(self.blocks(document))

    def state(self, data: bytes, origin: str) -> State:
        """The state that was stored; StateError as of `decode`, and when it cannot be decrypted."""
        return decode(self._opened(data, origin), self.project, origin)

    def head(self, beginning: bytes) -> Head | None:
        """The head of a document that begins like this; needs no key."""
        return head(beginning)

    def seal(self, text: bytes) -> bytes:
        """A JSON value as it is stored: itself, or a JSON string."""
        return text if self._cipher is None else _encode(self._cipher.seal(text, _RECORD))

    def unseal(self, stored: bytes, origin: str) -> bytes:
        """The JSON value that was stored."""
        if not stored.startswith(b'"'):
            return stored
        return self._key(origin).open(msgspec.json.decode(stored, type=str), _RECORD, origin)

    def is_current(self, stored: bytes) -> bool:
        """Whether a JSON value is stored as it would be now: in clear without a cipher, else with our first key."""
        if self._cipher is None or not stored.startswith(b'"'):
            return self._cipher is None
        return self._cipher.sealed_last(msgspec.json.decode(stored, type=str))

    def records(self, records: Sequence[Record]) -> bytes:
        """Records as they are stored: JSON."""
        return self.seal(_encode(records))

    def read_records(self, stored: bytes, origin: str) -> list[Record]:
        """The records that were stored; StateError when they are damaged or cannot be decrypted."""
        try:
            return _decode_records(self.unseal(stored, origin))
        except DAMAGE as error:
            raise problems.journal_damaged(origin, said(error)) from error

    def _opened(self, data: bytes, origin: str) -> bytes:
        if data.find(b'"sealed"', 0, LONGEST_HEAD) < 0:
            return data
        try:
            found = msgspec.json.decode(data, type=_Sealed)
        except DAMAGE:
            return data  # no JSON: whoever decodes it says where
        if found.sealed is None:
            return data
        top = Head(found.format, found.project, found.lineage, found.serial, found.saved)
        if found.project != self.project:
            raise problems.state_wrong_project(origin, found.project, self.project)
        return self._key(origin).open(found.sealed, _encode(top), origin)

    def _key(self, origin: str) -> Cipher:
        if self._cipher is None:
            raise problems.key_missing(origin)
        return self._cipher
