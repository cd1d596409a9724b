"""Keep a state in an object store by conditional writes, as a `Backing`: `KEY`, and beside it
`KEY.lock`, `KEY.journal/…` and `KEY.history/…`.

Object stores change one object at a time, conditionally: what must not happen twice is one write:

| what | one of |
|---|---|
| lock | `KEY.lock` is put over the version of it that was read; its token rises with every grant |
| a batch of the journal | a new object `KEY.journal/SERIAL/BATCH`, which fails when there is one of that number |
| the next version | `KEY` is put over the version of it that was read |

A run that takes over a lock cannot know whether the former holder still has a write in flight; nor
can a run that got no answer, which records that when it releases its lock. Before its first write
such a run therefore ends the journal (it takes the number of the next batch) and writes a new
version: a late write meets a number that is taken, or another version, and is refused.

Knows no vendor, and no clock but the store's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import msgspec

from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.remote.parallel import map_each
from reconciler.state import problems
from reconciler.state.format import journal as lines
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import HEAD_BYTES, State
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Record, StoredVersion
from reconciler.state.stores.backing import Grant
from reconciler.state.stores.bucket_contract import Bucket
from reconciler.state.stores.bucket_lock import BucketLock
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.store import KEPT_VERSIONS, LockInfo

_AT_ONCE = 16


class _Batch(msgspec.Struct):
    """An object of the journal; one without records ends the journal, so that late batches are
    refused.
    """

    lineage: str
    serial: int
    token: int
    id: str
    records: msgspec.Raw


_encode = msgspec.json.Encoder(order="deterministic").encode
_NOTHING = b"[]"


class BucketBacking:
    """A `Backing` in an object store."""

    def __init__(
        self, bucket: Bucket, key: str, codec: Codec, *, origin: str, lease: float
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._codec = codec
        self._origin = origin
        self._lock = BucketLock(bucket, key, origin=origin, lease=lease)
        self._tag: str | None = None  # of the version that was read or written last
        self._batches = 0  # in its journal, as far as we know
        self._end = ""
        """The batch that we put there to end the journal. It stays: the write that it keeps out may
        come late.
        """

    @property
    def origin(self) -> str:
        """See `Backing`."""
        return self._origin

    @property
    def most_appends(self) -> int | None:
        """See `Backing`: a batch costs what it holds."""
        return None

    def open(self) -> None:
        """Nothing to do: there are no sessions with an object store."""

    def close(self) -> None:
        """Nothing to do."""

    def read(self) -> State | None:
        """See `Backing`. The journal is read first, as in a file store."""
        while True:
            names = self._bucket.list(f"{self._key}.journal/")
            state = self._read_version()
            if state is None:
                if names:
                    reason = f"the state that it continues, {self._origin}, is gone"
                    raise problems.journal_damaged(f"{self._origin}.journal/", reason)
                return None

            # Another run may have saved a version meanwhile, and deleted the journal: read again.
            found = self._with_journal(state, names)
            if found is not None:
                return found

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        return self._lock.acquire(holder)

    def renew(self, grant: Grant) -> None:
        """See `Backing`."""
        self._lock.renew(grant)

    def release(self, grant: Grant) -> None:
        """See `Backing`."""
        self._lock.release(grant)

    def lock_info(self) -> LockInfo | None:
        """See `Backing`."""
        return self._lock.info()

    def break_lock(self, found: LockInfo) -> None:
        """See `Backing`."""
        self._lock.free(found)

    def create(self, state: State, grant: Grant) -> None:
        """See `Backing`."""
        self._put_version(state, None)
        grant.unfenced = False

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """See `Backing`."""
        self._lock.need(grant)
        if grant.unfenced:
            self._end_journal(state, grant)
        self._bucket.copy(self._key, self._former(state.serial - 1))
        self._put_version(state, self._tag)
        grant.unfenced = False
        self._clear(state.serial)

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """See `Backing`. The lock is read afterwards: if it is ours then, no other run has
        written in between.
        """
        body = msgspec.Raw(self._codec.records(records))
        mine = _Batch(state.lineage, state.serial, grant.token, uuid.uuid4().hex, body)

        written = self._put_new(self._batch(state.serial, batch), _encode(mine))
        self._lock.need(grant)
        if not written:
            raise problems.state_moved(
                self._origin, f"batch {batch} of a journal", f"the batches before {batch}"
            )
        self._batches = batch

    def newest(self) -> int | None:
        """See `Backing`."""
        found = self._bucket.get(self._key)
        self._tag = found.tag if found else None
        top = self._codec.head(found.data) if found else None
        journal = self._bucket.list(f"{self._key}.journal/")
        names = [*journal, *self._bucket.list(f"{self._key}.history/")]

        serials = [top.serial] if top is not None else []
        for name in names:
            digits = _serial_in(name.removeprefix(self._key))
            if digits:
                serials.append(int(digits))
        newest = max(serials, default=0)
        batches = [n for n in journal if n.startswith(f"{self._key}.journal/{newest:09d}/")]
        self._batches = len(batches)
        return newest if found else None

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        former = reversed(self._bucket.list(f"{self._key}.history/"))
        kept: list[StoredVersion] = []
        for key in (self._key, *former):
            found = self._bucket.get(key, HEAD_BYTES)
            top = self._codec.head(found.data) if found else None
            if top is not None and (not kept or top.serial < kept[-1].serial):
                kept.append(StoredVersion(top.serial, top.saved))
        return kept[: KEPT_VERSIONS + 1]

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`: an object is one project's."""
        return {}

    def version(self, serial: int) -> State | None:
        """See `Store`."""
        for key in (self._key, self._former(serial)):
            beginning = self._bucket.get(key, HEAD_BYTES)
            top = self._codec.head(beginning.data) if beginning else None
            found = self._bucket.get(key) if top is not None and top.serial == serial else None
            state = self._codec.state(found.data, self._origin) if found else None
            if state is not None and state.serial == serial:
                return state
        return None

    def _read_version(self) -> State | None:
        found = self._bucket.get(self._key)
        self._tag = found.tag if found else None
        return self._codec.state(found.data, self._origin) if found else None

    def _with_journal(self, state: State, names: Sequence[str]) -> State | None:
        """Return the state with the batches of its journal; None when those were deleted meanwhile."""
        journal = f"{self._key}.journal/{state.serial:09d}/"
        ours = [name for name in names if name.startswith(journal)]
        if names and names[-1] > f"{journal}~":
            reason = f"it continues a later version than the state beside it, which has serial {state.serial}"
            raise problems.journal_damaged(f"{self._origin}.journal/", reason)

        batches = map_each(self._bucket.get, ours, workers=_AT_ONCE, name="journal")

        records: list[Record] = []
        for number, (name, found) in enumerate(zip(ours, batches, strict=True), 1):
            if found is None:
                return None
            records += self._records(name, number, found.data, state)
        self._batches = len(ours)
        if not records:
            return state

        header = lines.Header(lines.FORMAT, state.lineage, state.serial, "", "")
        return lines.replay(state, lines.Leftover(header, records), self._origin)

    def _records(self, name: str, number: int, data: bytes, state: State) -> list[Record]:
        origin = f"{self._origin}{name.removeprefix(self._key)}"
        try:
            batch = msgspec.json.decode(data, type=_Batch)
        except DECODE_ERRORS as error:
            raise problems.journal_damaged(origin, safe_reason(error)) from error

        if batch.lineage != state.lineage or batch.serial != state.serial:
            raise problems.journal_damaged(
                origin, "it continues another state than the one beside it"
            )
        if name != self._batch(state.serial, number):
            raise problems.journal_damaged(origin, f"batch {number} before it is missing")
        return self._codec.read_records(bytes(batch.records), origin)

    def _end_journal(self, state: State, grant: Grant) -> None:
        """Take the number of the next batch. Raises StateError `state_moved` when another run has
        written it.
        """
        before = state.serial - 1
        end = _encode(
            _Batch(state.lineage, before, grant.token, uuid.uuid4().hex, msgspec.Raw(_NOTHING))
        )
        self._end = self._batch(before, self._batches + 1)
        while not self._put_new(self._end, end):
            found = self._bucket.get(self._end)
            if found is None or msgspec.json.decode(found.data, type=_Batch).token != grant.token:
                raise problems.state_moved(
                    self._origin, f"serial {before} and more records of a journal", "fewer"
                )
            self._batches += 1  # that one is ours, and the answer did not come
            self._end = self._batch(before, self._batches + 1)

    def _put_version(self, state: State, over: str | None) -> None:
        data = self._codec.document(state)
        tag = self._bucket.put(self._key, data, over)
        if tag is None:
            # It is a success when only the answer was lost, and the write was repeated.
            found = self._bucket.get(self._key)
            if found is None or found.data != data:
                there = self._codec.head(found.data) if found else None
                now = f"serial {there.serial}" if there else "another version"
                raise problems.state_moved(
                    self._origin, now, f"the version before serial {state.serial}"
                )
            tag = found.tag
        self._tag, self._batches = tag, 0

    def _put_new(self, key: str, data: bytes) -> bool:
        """Put an object where none is; return whether it is there now, also after a lost answer."""
        if self._bucket.put(key, data, None) is not None:
            return True
        found = self._bucket.get(key)
        return found is not None and found.data == data

    def _clear(self, serial: int) -> None:
        """Delete journals of former versions, and versions that are too old; leftovers do no harm."""
        with suppress(StateError):
            present = f"{self._key}.journal/{serial:09d}/"
            old: list[str] = []
            for key in self._bucket.list(f"{self._key}.journal/"):
                if key < present and key != self._end:
                    old.append(key)
            old += self._bucket.list(f"{self._key}.history/")[:-KEPT_VERSIONS]
            self._bucket.delete(old)

    def _former(self, serial: int) -> str:
        return f"{self._key}.history/{serial:09d}.json"

    def _batch(self, serial: int, batch: int) -> str:
        return f"{self._key}.journal/{serial:09d}/{batch:09d}"


def _serial_in(name: str) -> str:
    """Return the serial in `.journal/SERIAL/BATCH` or `.history/SERIAL.json` as digits; empty for
    another name.
    """
    digits = name.split("/")[1].removesuffix(".json")
    return digits if digits.isdecimal() else ""
