"""Compute, update and check the digest of a state that is kept in rows: it detects changed, missing
and added rows and a changed head.

Each row has its own checksum, which does not detect missing rows. A digest of all
rows in order would have to read them all to add one. Therefore the rows are summed: each
contributes the hash of its address and text, so that a batch of a journal changes the sum by its
own rows only. The digest is the sum with a hash of head and sum.

It detects damage, not an attacker: anyone who may write the rows can compute it. Pure; does not
depend on a database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from reconciler.errors import StateError
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.migrations import WITHOUT_DIGEST
from reconciler.state.format.sanitize import safe_address

_SIZE = 16
_MODULUS = 1 << 8 * _SIZE
_DIGITS = 2 * _SIZE

Row = tuple[str, str]
"""The address of a row, and its text as it is stored."""


class Top(NamedTuple):
    """The present version in the project's own row, in the order of the SELECT."""

    format: int
    serial: int
    unfolded: int
    lineage: str
    saved: str | None
    digest: str | None = None


def sum_of(rows: Iterable[Row]) -> int:
    """Return the sum of the hashes of these rows; the same in every order."""
    total = 0
    for address, text in rows:
        name = address.encode()
        # The length keeps the address and the text apart.
        found = hashlib.blake2b(b"%d:%b%b" % (len(name), name, text.encode()), digest_size=_SIZE)
        total += int.from_bytes(found.digest(), "big")
    return total % _MODULUS


def add_and_remove(total: int, added: Iterable[Row], removed: Iterable[Row]) -> int:
    """Return the sum after rows have been added and removed."""
    return (total + sum_of(added) - sum_of(removed)) % _MODULUS


def digest_of(project: str, top: Top, total: int) -> str:
    """Return the digest of a version whose rows have this sum."""
    covered = msgspec.json.encode((project, *top[:-1], f"{total:0{_DIGITS}x}"))
    return f"{total:0{_DIGITS}x}{hashlib.sha256(covered).hexdigest()}"


def sum_in_digest(project: str, top: Top, origin: str) -> int | None:
    """Return the sum that the digest was made for; None where an earlier version wrote the rows.

    Raises StateError when it is not the digest of this version.
    """
    if top.digest is None and top.format in WITHOUT_DIGEST:
        return None

    digest = top.digest or ""
    try:
        total = int(digest[:_DIGITS], 16)
    except ValueError:
        total = -1
    if total < 0 or digest_of(project, top, total) != digest:
        raise problems.state_damaged(
            origin, "its lineage, serial or origin does not match its digest"
        )
    return total


def check_rows(project: str, top: Top, found: Sequence[Row], codec: Codec, origin: str) -> None:
    """Raise StateError unless these are the rows of this version: none changed, missing or added."""
    total = sum_in_digest(project, top, origin)
    if total is None or sum_of(found) == total:
        return

    for address, text in found:
        try:
            codec.unseal(text.encode(), origin)
        except StateError as error:
            raise problems.state_damaged(
                origin, f"the row of {safe_address(address)} is not what was written"
            ) from error
    reason = (
        "its rows do not match its digest: one was deleted, added, or is in the place of another"
    )
    raise problems.state_damaged(origin, reason)
