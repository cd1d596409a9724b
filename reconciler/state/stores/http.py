"""Keep a state, its journal and former versions in one document behind Terraform's HTTP protocol,
which GitLab offers, as a `Backing`: GET, POST, LOCK and UNLOCK.

The protocol has one document and one lock, so everything is in that document: the state, the
journal, what former versions held of the addresses that changed after them, and when the holder of
the lock last answered. Each write sends all of it, compressed, so a run makes few writes. The
server refuses a POST without the lock's ID, which keeps out a run that has lost the lock.
Environment variables are Terraform's own (TF_HTTP_USERNAME …); a GitLab job needs none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from threading import RLock

import msgspec

from reconciler.clock import Clock
from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.former_names import CHANGED_ENTRIES
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Record, StoredVersion, apply_records
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.http_client import (
    ATTEMPTS,
    WHOLE_SECONDS,
    HttpClient,
    Sender,
    Unanswered,
    explain_status,
)
from reconciler.state.stores.http_endpoints import HttpEndpoints
from reconciler.state.stores.http_envelope import (
    Envelope,
    FormerVersion,
    LastSeen,
    read_envelope,
    with_digest,
)
from reconciler.state.stores.http_lock import LockBody, decode_lock, holder_of, is_ours
from reconciler.state.stores.store import KEPT_VERSIONS, LockInfo
from reconciler.version import __version__

LEASE = 120.0
"""Seconds: every renewal writes the whole document, and GitLab keeps every one that is written."""

_APPENDS = 8
"""How often a run appends its outcomes. Each append sends the whole document: 3,000 changes in
batches of a dozen sent 402 MB, 268 times the state. The intents are durable before the first call,
so a run that dies loses no prior value and no binding with the outcomes of its last batch.
"""

_OK = (200, 201, 204)
_LOCK_TAKEN = (409, 423)
_LOCK_LOST = (409, 412, 423)
_NO_DOCUMENT = b"null"
_MAX_CLOCK_OFFSET = 10.0
_encode = msgspec.json.Encoder(order="deterministic").encode


class HttpBacking:
    """A `Backing` on a server with Terraform's HTTP protocol."""

    def __init__(
        self,
        endpoints: HttpEndpoints,
        codec: Codec,
        sender: Sender,
        *,
        origin: str,
        lease: float,
        clock: Clock,
    ) -> None:
        self._endpoints = endpoints
        self._client = HttpClient(endpoints, sender, origin=origin, clock=clock)
        self._codec = codec
        self._origin = origin
        self._lease = lease
        self._clock = clock
        self._envelope = Envelope()
        """The document on the server, as it was read or written last."""
        self._base: dict[str, Entry] | None = {}
        """The resources of its state, without the journal; None when the state is damaged."""
        self._serial = 0
        self._refusing_lock = LockBody()
        """The lock that stood in the way of the last attempt to take it."""
        self._mutex = RLock()  # the lease is renewed in a thread of its own

    @property
    def origin(self) -> str:
        """See `Backing`."""
        return self._origin

    @property
    def most_appends(self) -> int | None:
        """See `Backing`."""
        return _APPENDS

    def open(self) -> None:
        """See `Backing`; connections open by themselves."""

    def close(self) -> None:
        """See `Backing`."""
        self._client.close()

    def read(self) -> State | None:
        """See `Backing`."""
        with self._mutex:
            self._envelope = envelope = self._get()
            self._serial = max(self._serial, envelope.serial)
            base = self._state_in(envelope)
            if base is None:
                return None
            self._base = base.resources

            records: list[Record] = []
            for batch in envelope.journal:
                records += self._codec.read_records(bytes(batch), self._origin)
            resources = dict(base.resources)
            apply_records(resources, records)
            return msgspec.structs.replace(base, resources=resources, journal_records=len(records))

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        result = self._lock(holder)
        if isinstance(result, LockInfo) and result.expired:
            self._unlock(self._refusing_lock)
            result = self._lock(holder)
        if isinstance(result, LockInfo):
            return result

        self._envelope = self._get()
        self._serial = max(self._serial, self._envelope.serial)
        # The lock holds its time by our clock only. When that differs from the server's, other runs
        # need a time by
        # the server's clock, which a renewal writes.
        if abs(self._client.clock_offset) > _MAX_CLOCK_OFFSET:
            self.renew(result)
        return result

    def renew(self, grant: Grant) -> None:
        """See `Backing`."""
        with self._mutex:
            self._post(self._envelope, grant)

    def release(self, grant: Grant) -> None:
        """See `Backing`."""
        if not self._unlock(self._lock_body(grant.holder)):
            raise LeaseLost(grant)

    def lock_info(self) -> LockInfo | None:
        """See `Backing`. The protocol cannot show the lock: take it, and give it back at once."""
        probe = Holder("", "", 0, "state unlock", "", f"asking-{self._clock.wall():.6f}")
        result = self._lock(probe)
        if isinstance(result, LockInfo):
            return result
        self._unlock(self._lock_body(probe))
        return None

    def break_lock(self, found: LockInfo) -> None:
        """See `Backing`; the lock that `lock_info` found, and no other."""
        self._unlock(self._refusing_lock)

    def create(self, state: State, grant: Grant) -> None:
        """See `Backing`."""
        with self._mutex:
            if self._state_in(self._envelope) is not None:
                raise problems.state_moved(self._origin, "a first version", "the empty state")
            self._write(state, [], grant)

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """See `Backing`."""
        with self._mutex:
            base, after = self._base, state.resources
            if base is None:
                # Former versions are kept as changes to the present one, which cannot be read.
                self._write(state, [], grant)
                return

            changed: dict[str, Entry | None] = {}
            for address in {**base, **after}:
                if base.get(address) != after.get(address):
                    changed[address] = base.get(address)

            present = self._codec.head(bytes(self._envelope.state))
            former = FormerVersion(
                state.serial - 1,
                present.saved if present else None,
                msgspec.Raw(self._codec.seal(_encode(changed))),
            )
            kept = [former, *self._envelope.former][:KEPT_VERSIONS]
            self._write(state, kept, grant)

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """See `Backing`."""
        with self._mutex:
            journal = [*self._envelope.journal, msgspec.Raw(self._codec.records(records))]
            self._post(msgspec.structs.replace(self._envelope, journal=journal), grant)

    def newest(self) -> int | None:
        """See `Backing`."""
        with self._mutex:
            self._envelope = envelope = self._get()
            try:
                base = self._state_in(envelope)
                self._base = dict(base.resources) if base is not None else {}
            except StateError:
                self._base = None

            if bytes(envelope.state) == _NO_DOCUMENT:
                return None
            top = self._codec.head(bytes(envelope.state))
            serials = [former.serial for former in envelope.former]
            serials.append(top.serial if top is not None else 0)
            return max(serials)

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        envelope = self._get()
        present = self._state_in(envelope)
        if present is None:
            return []

        versions = [StoredVersion(present.serial, present.saved)]
        for former in envelope.former:
            versions.append(StoredVersion(former.serial, former.saved))
        return versions

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`: a URL belongs to one project."""
        return {}

    def version(self, serial: int) -> State | None:
        """See `Store`: start from the present version and take its changes back step by step."""
        envelope = self._get()
        state = self._state_in(envelope)

        for former in envelope.former:
            if state is None or state.serial <= serial:
                break
            resources = dict(state.resources)
            for address, entry in self._unseal(former.changed).items():
                if entry is None:
                    resources.pop(address, None)
                else:
                    resources[address] = entry
            state = msgspec.structs.replace(
                state, serial=former.serial, saved=former.saved, resources=resources
            )
        return state if state is not None and state.serial == serial else None

    def _write(self, state: State, former: list[FormerVersion], grant: Grant) -> None:
        document = msgspec.Raw(self._codec.document(state))
        self._post(Envelope(lineage=state.lineage, state=document, former=former), grant)
        self._base = dict(state.resources)

    def _state_in(self, envelope: Envelope) -> State | None:
        data = bytes(envelope.state)
        return None if data == _NO_DOCUMENT else self._codec.state(data, self._origin)

    def _unseal(self, changed: msgspec.Raw) -> dict[str, Entry | None]:
        try:
            return self._codec.value(bytes(changed), self._origin, CHANGED_ENTRIES)
        except DECODE_ERRORS as error:
            raise problems.state_damaged(self._origin, safe_reason(error)) from error

    def _get(self) -> Envelope:
        status, _, body = self._client.request("GET", self._endpoints.state)
        # Servers answer for a state that does not exist with 204, with 404, or with an empty 200.
        if status in (204, 404) or (status == 200 and not body.strip()):
            return Envelope()
        if status != 200:
            raise problems.state_unreadable(self._origin, explain_status(status))
        return read_envelope(body, self._codec.project, self._origin)

    def _post(self, envelope: Envelope, grant: Grant) -> None:
        """Write the document over the present one.

        After a lost answer or a server error, read whether the write has arrived before sending it
        again.
        """
        separator = "&" if "?" in self._endpoints.state else "?"
        url = f"{self._endpoints.state}{separator}ID={grant.holder.run}"
        reason = ""
        for _ in range(ATTEMPTS):
            # GitLab refuses a document with a serial that it has already, so every attempt has a
            # new one.
            self._serial += 1
            sent = with_digest(
                msgspec.structs.replace(
                    envelope,
                    project=self._codec.project,
                    serial=self._serial,
                    heard=LastSeen(grant.holder.run, self._client.server_time()),
                )
            )
            try:
                status, _, answer = self._client.request(
                    self._endpoints.update_method, url, _encode(sent)
                )
                reason = explain_status(status)
            except Unanswered as error:
                status, reason, answer = 0, error.reason, b""

            if status in _LOCK_LOST:
                raise LeaseLost(grant, holder_of(decode_lock(answer)))
            unclear = status == 0 or status >= 500
            if status in _OK or (unclear and self._has_arrived(self._serial)):
                self._envelope = sent
                return
            if not unclear:
                break
        raise problems.state_unwritable(self._origin, reason)

    def _has_arrived(self, serial: int) -> bool:
        try:
            return self._get().serial == serial
        except Unanswered:
            return False

    def _lock(self, holder: Holder) -> Grant | LockInfo:
        status, _, answer = self._client.request(
            self._endpoints.lock_method, self._endpoints.lock, _encode(self._lock_body(holder))
        )
        if status in _OK:
            return Grant(holder, 0)
        if status not in _LOCK_TAKEN:
            reason = f"the server does not lock it: {explain_status(status)}"
            raise problems.state_unwritable(self._origin, reason)

        self._refusing_lock = lock = decode_lock(answer)
        if lock.id == holder.run:
            # The first attempt took the lock, and its answer was lost.
            return Grant(holder, 0)
        if not is_ours(lock):
            return LockInfo(holder_of(lock), foreign=True)
        return LockInfo(holder_of(lock), self._is_expired(lock))

    def _unlock(self, body: LockBody) -> bool:
        status, _, _ = self._client.request(
            self._endpoints.unlock_method, self._endpoints.unlock, _encode(body)
        )
        if status >= 500 or status in (401, 403):
            raise problems.state_unwritable(self._origin, explain_status(status))
        return status in (200, 204)

    def _is_expired(self, lock: LockBody) -> bool:
        """Return whether a lease has ended, by the server's clock.

        It began when its holder wrote last, or, before the first write, when the lock says that it
        was taken.
        """
        envelope = self._get()
        if envelope.heard is not None and envelope.heard.run == lock.id:
            since = envelope.heard.at
        else:
            try:
                since = datetime.fromisoformat(lock.created.replace("Z", "+00:00")).timestamp()
            except ValueError:
                return False

        return self._client.server_time() - since > self._lease + WHOLE_SECONDS

    def _lock_body(self, holder: Holder) -> LockBody:
        now = datetime.fromtimestamp(self._client.server_time(), UTC).isoformat()
        who = f"{holder.who}@{holder.host}"
        return LockBody(holder.run, holder.command, _encode(holder).decode(), who, __version__, now)
