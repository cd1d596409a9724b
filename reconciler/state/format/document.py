"""Define `State`, the recorded entry of every address, with its version, and encode and decode it
as one JSON document with a digest.

Converts a `State` to bytes and back; does not depend on files, locks or journals. The document
has one resource a line, sorted by address, so that a diff in version control shows only the
numbers that changed. Its last member is a digest of everything before it, so that one changed bit
is an error and never a wrong value.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from reconciler.errors import StateError
from reconciler.model.destination import Destination
from reconciler.model.entry import Entry
from reconciler.state import problems
from reconciler.state.format.former_names import rename_in_document
from reconciler.state.format.migrations import FORMAT, MIGRATIONS, WITHOUT_DIGEST, Step, migrate
from reconciler.state.format.rows import (
    DECODE_ERRORS,
    Row,
    RowError,
    UnknownKind,
    decode_entries,
    first_misfit,
)
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Saved

Serial = Annotated[int, msgspec.Meta(ge=0)]
_LINES_A_BLOCK = 256  # some 200 KB: fits a processor's cache, and the memory is used again


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a document. A `lineage` is one history of versions; `serial` counts them, 0 being the
    empty beginning.

    `saved` describes the origin of the version, `resources` holds the entry of each address.
    """

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    project: str
    lineage: str
    serial: Serial
    saved: Saved | None = None
    resources: dict[str, Entry]


class StoredDocument(Document, frozen=True, kw_only=True):
    """A document as it is stored: `digest` is the SHA-256 of the document as it is written without
    its digest.
    """

    digest: Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]


HEAD_BYTES = 65536
"""The number of bytes of a document that are enough for its head."""


class Version(NamedTuple):
    """The identity of a state: equal versions mean equal states. `journal_records` counts records of a
    journal upon the serial.
    """

    lineage: str
    serial: int
    journal_records: int = 0

    def is_same(self, other: Version) -> bool:
        """Return whether both are the same version; all empty states are, whatever their lineage."""
        return self == other or (0, 0) == self[1:] == other[1:]

    def __str__(self) -> str:
        if self[1:] == (0, 0):
            return "the empty state"
        journal = (
            f" and {self.journal_records} records of a journal" if self.journal_records else ""
        )
        return f"serial {self.serial}{journal} of lineage {self.lineage}"


class State(Document, frozen=True, kw_only=True):
    """The recorded entries. `journal_records` counts the records of a journal that are in `resources`
    but in no version yet.
    """

    journal_records: int = 0
    destinations: tuple[Destination, ...] | None = None
    """What the next version records of the destinations of secrets; None keeps what is recorded."""

    @property
    def recorded_destinations(self) -> tuple[Destination, ...]:
        """The destinations of secrets that this version records."""
        recorded = self.saved.destinations if self.saved is not None else msgspec.UNSET
        return () if recorded is msgspec.UNSET else recorded

    @property
    def version(self) -> Version:
        """The version of this state."""
        return Version(self.lineage, self.serial, self.journal_records)


class _Rows(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: int
    project: str
    lineage: str
    serial: Serial
    saved: Saved | None = None
    resources: dict[str, Row]
    digest: str | None = None


class _Parts(msgspec.Struct):
    resources: dict[str, msgspec.Raw] = {}


class Head(msgspec.Struct):
    """The first line of a document, without its resources."""

    format: int
    project: str = ""
    lineage: str = ""
    serial: int = 0
    saved: Saved | None = None


_OPENING = b',"resources":{'
SEALED = b',"sealed":'
"""The value in place of resources when they are encrypted."""
COMPRESSED = b',"compressed":'
"""The value in place of resources when the document is compressed."""
_TAIL = b"\n}}\n"
_DIGEST = re.compile(rb'\n\},"digest":"(sha256:[0-9a-f]{64})"\}\n\Z')
_DIGEST_LENGTH = len(b'\n},"digest":"sha256:"}\n') + hashlib.sha256().digest_size * 2
_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_Rows)


def empty_state(project: str) -> State:
    """Return a state without resources, with a lineage of its own."""
    return State(project=project, lineage=str(uuid.uuid4()), serial=0, resources={})


def head_of(document: Document) -> Head:
    """Return a document without its resources."""
    return Head(FORMAT, document.project, document.lineage, document.serial, document.saved)


def head_line(top: Head, opening: bytes) -> bytes:
    """Return the first line of a document, which ends with `opening`."""
    return _ENCODER.encode(top)[:-1] + opening + b"\n"


def encode_blocks(document: Document) -> Iterator[bytes]:
    """Yield the document piece by piece, so that writing it needs little memory; same state, same
    bytes.
    """
    digest = hashlib.sha256()
    for block in _without_digest(document):
        digest.update(block)
        yield block

    digest.update(_TAIL)
    yield b'\n},"digest":"sha256:%b"}\n' % digest.hexdigest().encode()


def _without_digest(document: Document) -> Iterator[bytes]:
    """Yield the document up to the end of its last resource."""
    yield head_line(head_of(document), _OPENING)

    resources, addresses = document.resources, sorted(document.resources)
    add = _ENCODER.encode_into
    for start in range(0, len(addresses), _LINES_A_BLOCK):
        block = bytearray(b",\n" if start else b"")
        for address in addresses[start : start + _LINES_A_BLOCK]:
            add(address, block, -1)
            block += b":"
            add(resources[address], block, -1)
            block += b",\n"
        yield bytes(block[:-2])


def encode(document: Document) -> bytes:
    """Return the document in one piece."""
    return b"".join(encode_blocks(document))


def decode(
    data: bytes,
    project: str,
    origin: str,
    *,
    migrations: Mapping[int, Step] = MIGRATIONS,
    check_digest: bool = True,
) -> State:
    """Decode the state of this project; `origin` names the document in messages.

    `check_digest` is False for a document that a person edited, and for rows that have a checksum
    each.

    StateError: `state_damaged` with the place, `state_too_new`, `state_too_old`,
    `state_wrong_project`.
    """
    rows, migrated = _read(data, origin, migrations, check_digest)
    if rows.project != project:
        raise problems.state_wrong_project(origin, rows.project, project)

    state = State(
        project=project, lineage=rows.lineage, serial=rows.serial, saved=rows.saved, resources={}
    )
    try:
        state.resources.update(decode_entries(rows.resources))
    except UnknownKind as error:
        # The digest proves that the kind is what was written, so a newer version wrote it.
        if check_digest and rows.digest is not None and _is_as_written(data):
            raise problems.kind_too_new(origin, error.kind) from error
        raise _misfit(data, origin, error) from error
    except RowError as error:
        raise _misfit(data, origin, error) from error

    if check_digest and not migrated and not _has_its_digest(data, rows, state):
        raise problems.digest_mismatch(origin)
    return state


def _has_its_digest(data: bytes, rows: _Rows, state: State) -> bool:
    """Return whether the document is what was written. Documents of the first format have no
    digest.
    """
    if rows.digest is None:
        return rows.format in WITHOUT_DIGEST
    if _is_as_written(data):
        return True

    # A tool may have written the same JSON with other spaces or in another order: compare with our
    # own form of it.
    again = hashlib.sha256()
    for block in _without_digest(state):
        again.update(block)
    again.update(_TAIL)
    return rows.digest == f"sha256:{again.hexdigest()}"


def _is_as_written(data: bytes) -> bool:
    """Return whether the bytes themselves match the digest at their end: fast, and true for what we
    wrote.
    """
    found = _DIGEST.search(data, max(0, len(data) - _DIGEST_LENGTH))
    if found is None:
        return False
    digest = hashlib.sha256(memoryview(data)[: found.start()])
    digest.update(_TAIL)
    return found[1].decode() == f"sha256:{digest.hexdigest()}"


def read_head(beginning: bytes) -> Head | None:
    """Return the head of a document that begins with these bytes; None when they hold no whole
    first line.
    """
    try:
        line = beginning.split(b"\n", 1)[0]
        for opening in (_OPENING, SEALED, COMPRESSED):
            line = line.removesuffix(opening)
        return msgspec.json.decode(line + b"}", type=Head)
    except DECODE_ERRORS:
        return None


def _read(
    data: bytes, origin: str, migrations: Mapping[int, Step], check_digest: bool
) -> tuple[_Rows, bool]:
    """The rows in the present format, and whether they had to be migrated; then the digest is
    checked here.
    """
    try:
        rows = _DECODER.decode(data)
        if rows.format == FORMAT:
            _refuse_duplicates(data, origin, len(rows.resources))
            return rows, False
    except DECODE_ERRORS as error:
        try:
            found = msgspec.json.decode(data)
        except DECODE_ERRORS:
            raise _damage(data, origin, error) from error
        if not isinstance(found, dict) or _format_of(data) is None:
            raise _damage(data, origin, error) from error
        failure: Exception | None = error
    else:
        found, failure = msgspec.json.decode(data), None

    # An earlier format; or rows of an earlier format, which a store keeps beside those that were
    # written since.
    current = rename_in_document(migrate(found, origin, migrations))
    resources = current.get("resources")
    if failure is not None and current == found:
        raise _damage(data, origin, failure) from failure
    _refuse_duplicates(data, origin, len(resources) if isinstance(resources, dict) else 0)
    if check_digest:
        _check_bytes(data, found, origin)
    try:
        return _DECODER.decode(_ENCODER.encode(current)), True
    except DECODE_ERRORS as error:
        raise _damage(data, origin, error) from error


def _check_bytes(data: bytes, found: dict[str, Any], origin: str) -> None:
    """Check the digest of an earlier document by its bytes: its own form cannot be written again.

    Raises StateError when it does not match, or when it is not there although the format has one.
    """
    if "digest" not in found and found["format"] <= max(WITHOUT_DIGEST):
        return
    if not _is_as_written(data):
        raise problems.digest_mismatch(origin)


def _refuse_duplicates(data: bytes, origin: str, resources: int) -> None:
    """A merge that kept both sides has an address twice, and JSON takes the last: detect it by the
    number of lines.
    """
    as_written = data.endswith(_TAIL) or _DIGEST.search(data, max(0, len(data) - _DIGEST_LENGTH))
    if not as_written or data.count(b"\n") == resources + 2:
        return
    twice: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        twice.extend(
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        )

    json.loads(data, object_pairs_hook=note)
    if twice:
        raise _misfit(data, origin, RowError(twice[0], "it is there twice"))


def _format_of(data: bytes) -> int | None:
    try:
        return msgspec.json.decode(data, type=Head).format
    except DECODE_ERRORS:
        return None


def _damage(data: bytes, origin: str, error: Exception) -> StateError:
    """Return the error of a damaged document, with the place as exactly as possible."""
    if not data.strip():
        return problems.state_damaged(origin, "the file is empty")

    marker = re.search(rb"^<{7} ", data, re.MULTILINE)
    if marker:
        line, _ = _position(data, marker.start())
        return problems.state_damaged(
            origin, f"line {line} begins a merge conflict", line=line, column=1
        )

    if isinstance(error, msgspec.ValidationError):
        misfit = first_misfit(_resources(data))
        return (
            _misfit(data, origin, misfit)
            if misfit
            else problems.state_damaged(origin, safe_reason(error))
        )

    # It is no JSON: the message of the decoder has the place.
    place = re.search(r" \(byte (\d+)\)", str(error))
    line, column = _position(data, int(place[1]) if place else len(data))
    reason = safe_reason(error).replace(place[0] if place else "", "")
    return problems.state_damaged(
        origin, f"line {line}, column {column}: {reason}", line=line, column=column
    )


def _resources(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(data, type=_Parts).resources
    except DECODE_ERRORS:
        return {}


def _misfit(data: bytes, origin: str, error: RowError) -> StateError:
    offset = data.find(_ENCODER.encode(error.address))
    if offset < 0:  # written with other escapes
        return problems.state_damaged(origin, str(error))
    line, column = _position(data, offset)
    return problems.state_damaged(origin, f"line {line}: {error}", line=line, column=column)


def _position(data: bytes, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset."""
    return data.count(b"\n", 0, offset) + 1, offset - data.rfind(b"\n", 0, offset)
