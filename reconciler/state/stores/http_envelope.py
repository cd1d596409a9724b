"""Decode and check the one document that holds a state, its journal and former versions behind
Terraform's HTTP protocol, and add its digest; sends no requests.

Its own `serial` counts writes, not versions: GitLab refuses a write with a serial that it has
already.
"""

from __future__ import annotations

import hashlib

import msgspec

from reconciler.state import problems
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Saved

FORMAT = 3
"""Since 2 the document has a digest of all that has none of its own; since 3 the state, the journal
and the former versions are compressed.
"""
_WITH_DIGEST = 2
_NULL = msgspec.Raw(b"null")


class LastSeen(msgspec.Struct, frozen=True):
    """The run that wrote last, and the time of that write in seconds by the server's clock."""

    run: str
    at: float


class FormerVersion(msgspec.Struct, frozen=True):
    """A former version: its entries of the addresses that the next version changed, null for an
    absent one.
    """

    serial: int
    saved: Saved | None
    changed: msgspec.Raw


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The document: the state with its journal, its former versions, and the last write of the
    lock's holder.

    The state has a digest of its own, and so has every batch of the journal and every former
    version; `digest` covers the rest.
    """

    reconciler: int = FORMAT
    project: str = ""
    lineage: str = ""
    serial: int = 0
    heard: LastSeen | None = None
    state: msgspec.Raw = _NULL
    journal: list[msgspec.Raw] = []
    former: list[FormerVersion] = []
    digest: str | None = None


class _Mark(msgspec.Struct):
    reconciler: int | None = None


def with_digest(envelope: Envelope) -> Envelope:
    """Return the document in the present format, with its digest."""
    present = msgspec.structs.replace(envelope, reconciler=FORMAT)
    return msgspec.structs.replace(present, digest=_digest_of(present))


def _digest_of(envelope: Envelope) -> str:
    former = [(each.serial, each.saved) for each in envelope.former]
    heads = (
        envelope.reconciler,
        envelope.project,
        envelope.lineage,
        envelope.serial,
        envelope.heard,
    )
    covered = msgspec.json.encode((*heads, len(envelope.journal), former))
    return f"sha256:{hashlib.sha256(covered).hexdigest()}"


def read_envelope(data: bytes, project: str, origin: str) -> Envelope:
    """Decode the document of this project.

    Raises StateError: `state_damaged`, `state_too_new`, `state_wrong_project`.
    """
    try:
        mark = msgspec.json.decode(data, type=_Mark).reconciler
        if mark is None:
            raise problems.state_damaged(origin, "the document is not a state of the reconciler")
        if mark > FORMAT:
            raise problems.state_too_new(origin, mark, FORMAT)
        found = msgspec.json.decode(data, type=Envelope)
    except DECODE_ERRORS as error:
        raise problems.state_damaged(origin, safe_reason(error)) from error

    # Documents of the first format have no digest.
    if (found.digest is not None or mark >= _WITH_DIGEST) and found.digest != _digest_of(found):
        raise problems.state_damaged(origin, "the document does not match its digest")
    if found.project != project:
        raise problems.state_wrong_project(origin, found.project, project)
    return found
