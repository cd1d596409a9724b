"""Take, renew, release and break the lock of a state in an object store: one object, written only
over the version of it that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec

from reconciler.state import problems
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.bucket_contract import Bucket, StoredObject
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.store import LockInfo

_WHOLE_SECONDS = 1.0  # more exactly, stores do not say when an object was put
_TRIES = 3


class _Lock(msgspec.Struct, forbid_unknown_fields=True):
    """`KEY.lock`. `beat` counts renewals; `unfenced` as in `Grant`."""

    token: int
    holder: Holder | None
    beat: int = 0
    unfenced: bool = False


_encode = msgspec.json.Encoder(order="deterministic").encode


class BucketLock:
    """The object `KEY.lock`. Its token rises with every grant; a lease lasts `lease` seconds."""

    def __init__(self, bucket: Bucket, key: str, *, origin: str, lease: float) -> None:
        self._bucket = bucket
        self._key = f"{key}.lock"
        self._origin = origin
        self._lease = lease

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        found, lock = self._read()
        if lock.holder is not None and found is not None and not self._is_expired(found):
            return LockInfo(lock.holder)

        mine = _Lock(lock.token + 1, holder, unfenced=lock.unfenced or lock.holder is not None)
        over = found.tag if found else None
        tag = self._put(mine, over)
        if tag is None:
            _, winner = self._read()
            return LockInfo(winner.holder)

        # Test the store: the same condition no longer holds, so a second put must be refused.
        if self._bucket.put(self._key, _encode(mine), over) is not None:
            self._put(_Lock(mine.token, None, unfenced=mine.unfenced), tag)
            raise problems.conditions_ignored(self._origin)
        return Grant(holder, mine.token, tag, mine.unfenced)

    def renew(self, grant: Grant) -> None:
        """See `Backing`."""
        self._change(
            grant, lambda lock: _Lock(lock.token, lock.holder, lock.beat + 1, grant.unfenced)
        )

    def release(self, grant: Grant) -> None:
        """See `Backing`. The token stays, so that the next one is higher."""
        self._change(grant, lambda lock: _Lock(lock.token, None, unfenced=grant.unfenced))

    def info(self) -> LockInfo | None:
        """See `Backing.lock_info`."""
        found, lock = self._read()
        if found is None or lock.holder is None:
            return None
        return LockInfo(lock.holder, self._is_expired(found))

    def free(self, found: LockInfo) -> None:
        """See `Backing.break_lock`."""
        grant = Grant(found.holder, self._read()[1].token) if found.holder else None
        with suppress(LeaseLost):  # it is given back, or somebody else's by now
            if grant:
                self._change(grant, lambda lock: _Lock(lock.token + 1, None, unfenced=True))

    def need(self, grant: Grant) -> None:
        """Raise LeaseLost unless the lock is still this one."""
        _, lock = self._read()
        if not _is_of(lock, grant):
            raise LeaseLost(grant, lock.holder)

    def _read(self) -> tuple[StoredObject | None, _Lock]:
        found = self._bucket.get(self._key)
        if found is None:
            return None, _Lock(0, None)
        try:
            lock = msgspec.json.decode(found.data, type=_Lock)
        except DECODE_ERRORS as error:
            raise problems.lock_unreadable(f"{self._origin}.lock", safe_reason(error)) from error
        return found, lock

    def _change(self, grant: Grant, change: Callable[[_Lock], _Lock]) -> None:
        """Write our lock again; retry when an earlier renewal that got no answer arrived in
        between.
        """
        for _ in range(_TRIES):
            found, lock = self._read()
            if found is None or not _is_of(lock, grant):
                raise LeaseLost(grant, lock.holder)
            if self._put(change(lock), found.tag) is not None:
                return
        raise problems.state_unwritable(self._origin, "its lock is ours and cannot be renewed")

    def _put(self, lock: _Lock, over: str | None) -> str | None:
        data = _encode(lock)
        tag = self._bucket.put(self._key, data, over)
        if tag is None:
            found = self._bucket.get(self._key)
            return found.tag if found is not None and found.data == data else None
        return tag

    def _is_expired(self, found: StoredObject) -> bool:
        """Return whether a lease has ended, by the store's clock: those of two machines may differ
        too much.
        """
        return self._bucket.now() - found.modified > self._lease + _WHOLE_SECONDS


def _is_of(lock: _Lock, grant: Grant) -> bool:
    return lock.holder is not None and (lock.token, lock.holder.run) == (
        grant.token,
        grant.holder.run,
    )
