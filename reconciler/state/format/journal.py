"""Encode and decode the lines of a run's journal, with chained checksums, and replay it on the
state that the run began with.

One line a batch of records, each with a checksum that also covers the lines before it, so a line
cut short, changed, lost or out of place is detected. Converts records to bytes and back; opens no
file.

| line | means |
|---|---|
| the last one, without its end or with a hole of zeros | written while the power went: never durable, ignored |
| any other bad one | damage: an error, nothing is replayed |
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.records import Record, apply_records

FORMAT = 1
_HOLE = b"\0\0"
"""Blocks that never reached the disk are read as zeros; one zero alone may be a damaged character.
"""
CLEAR = Codec("")
_NONE = msgspec.Raw(b"null")


class Header(msgspec.Struct, frozen=True):
    """The first line: upon which version of which state, by which run, begun when (RFC 3339)."""

    format: int
    lineage: str
    serial: int
    run: str
    started: str


class Leftover(msgspec.Struct, frozen=True):
    """The undamaged content of a journal."""

    header: Header
    records: list[Record]


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    crc: str
    header: msgspec.Raw = _NONE
    records: msgspec.Raw = _NONE


_LINES = msgspec.json.Decoder(_Line)
_HEADER = msgspec.json.Decoder(Header)
_encode = msgspec.json.Encoder(order="deterministic").encode


def header_line(header: Header) -> tuple[bytes, int]:
    """Return the first line, and the checksum that the next line continues."""
    return _line(b"header", _encode(header), 0)


def record_line(
    records: Sequence[Record], checksum: int, codec: Codec = CLEAR
) -> tuple[bytes, int]:
    """Return a line of records after a line with this checksum, and the checksum that the next line
    continues.
    """
    return _line(b"records", codec.records(records, checksum=False), checksum)


def parse(data: bytes, origin: str, codec: Codec = CLEAR) -> Leftover | None:
    """Decode a journal; None when not even its header became durable. Raises StateError when it is
    damaged.
    """
    lines = data.split(b"\n")
    torn = lines.pop()
    header: Header | None = None
    records: list[Record] = []
    checksum = 0
    for number, line in enumerate(lines, 1):
        body, checksum = _body(line, b"records" if header else b"header", checksum)
        if body is None:
            if number == len(lines) and not torn and _HOLE in line:
                break
            raise problems.journal_damaged(
                origin, f"line {number} is not what was written", line=number
            )
        if header is None:
            header = _header(body, origin)
        else:
            records += codec.read_records(bytes(body), origin)

    # A last line that is whole but for its line break was acknowledged, so it must not be ignored.
    name = b"records" if header else b"header"
    if len(torn) > 1 and _body(torn[:-1], name, checksum)[0] is not None:
        raise problems.journal_damaged(
            origin, f"line {len(lines) + 1} has lost its end", line=len(lines) + 1
        )
    return Leftover(header, records) if header else None


def replay(state: State, leftover: Leftover, origin: str) -> State:
    """Return the state with the journal's records; unchanged when it holds them already.

    Raises StateError when they do not continue this state.
    """
    header = leftover.header
    if header.lineage != state.lineage:
        reason = f"it continues another state, of lineage {header.lineage}, than the one beside it ({state.lineage})"
        raise problems.journal_damaged(origin, reason)
    if header.serial > state.serial:
        reason = f"it continues serial {header.serial}, but the state beside it is older: serial {state.serial}"
        raise problems.journal_damaged(origin, reason)

    # The run died after it had saved the state and before it removed the journal.
    if header.serial < state.serial:
        return state

    resources = dict(state.resources)
    apply_records(resources, leftover.records)
    return msgspec.structs.replace(
        state, resources=resources, journal_records=len(leftover.records)
    )


def _line(name: bytes, body: bytes, checksum: int) -> tuple[bytes, int]:
    checksum = zlib.crc32(body, checksum)
    return b'{"crc":"%08x","%b":%b}\n' % (checksum, name, body), checksum


def _body(line: bytes, name: bytes, checksum: int) -> tuple[msgspec.Raw | None, int]:
    """Return the content of a good line and its checksum; None for a bad one."""
    try:
        found = _LINES.decode(line)
    except DECODE_ERRORS:
        return None, checksum
    body = found.header if name == b"header" else found.records
    checksum = zlib.crc32(body, checksum)
    return (body if found.crc == f"{checksum:08x}" else None), checksum


def _header(body: msgspec.Raw, origin: str) -> Header:
    header = _HEADER.decode(body)
    if header.format > FORMAT:
        raise problems.state_too_new(origin, header.format, FORMAT)
    return header
