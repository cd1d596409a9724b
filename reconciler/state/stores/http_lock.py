"""Decode a lock of Terraform's HTTP protocol, and return its holder and whether the reconciler set
it; sends no requests and takes no lock.
"""

from __future__ import annotations

import msgspec

from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.stores.holder import Holder


class LockBody(msgspec.Struct, rename="pascal"):
    """The description of a lock, in Terraform's form."""

    id: str = msgspec.field(default="", name="ID")
    operation: str = ""
    info: str = ""
    who: str = ""
    version: str = ""
    created: str = ""
    path: str = ""


def decode_lock(answer: bytes) -> LockBody:
    """Return the lock that a refusal describes; an empty one where the server describes none."""
    try:
        return msgspec.json.decode(answer, type=LockBody)
    except DECODE_ERRORS:
        return LockBody()


def is_ours(seen: LockBody) -> bool:
    """Return whether the reconciler set the lock: its runs write themselves into it. Terraform does
    not.
    """
    try:
        return seen.id != "" and msgspec.json.decode(seen.info, type=Holder).run == seen.id
    except DECODE_ERRORS:
        return False


def holder_of(seen: LockBody) -> Holder | None:
    """Return the holder of a lock, as far as the lock names one."""
    try:
        return msgspec.json.decode(seen.info, type=Holder)
    except DECODE_ERRORS:
        who, _, host = seen.who.partition("@")
        if not who:
            return None
        return Holder(who, host or "unknown", 0, seen.operation, seen.created, seen.id)
