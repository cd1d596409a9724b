"""The lock of Terraform's HTTP protocol: what it says, and whose it is; its form only, asks nobody."""

from __future__ import annotations

import msgspec

from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.stores.holder import Holder


class LockBody(msgspec.Struct, rename="pascal"):
    """What Terraform writes about a lock."""

    id: str = msgspec.field(default="", name="ID")
    operation: str = ""
    info: str = ""
    who: str = ""
    version: str = ""
    created: str = ""
    path: str = ""


def decode_lock(answer: bytes) -> LockBody:
    """Whose lock a refusal is about; empty where the server does not say."""
    try:
        return msgspec.json.decode(answer, type=LockBody)
    except DECODE_ERRORS:
        return LockBody()


def is_ours(seen: LockBody) -> bool:
    """Whether a run of ours set the lock: it wrote itself into it. Terraform's locks, and unreadable ones, are not."""
    try:
        return seen.id != "" and msgspec.json.decode(seen.info, type=Holder).run == seen.id
    except DECODE_ERRORS:
        return False


def holder_of(seen: LockBody) -> Holder | None:
    """Return who holds a lock, as far as it says so."""
    try:
        return msgspec.json.decode(seen.info, type=Holder)
    except DECODE_ERRORS:
        who, _, host = seen.who.partition("@")
        return (
            Holder(who, host or "unknown", 0, seen.operation, seen.created, seen.id)
            if who
            else None
        )
