"""A state behind Terraform's HTTP protocol, as GitLab keeps one for every project: GET, POST, and LOCK and UNLOCK.

The protocol knows one document and one lock, so everything is in that document: the state, the journal, what former
versions held of the addresses that changed after them, and when the holder of the lock was last heard of. Each write is
a write of all of it: good for some thousands of numbers. The server refuses a POST without the lock's ID; that is the
fence. Names of environment variables are Terraform's own (TF_HTTP_USERNAME …); in a GitLab job its token will do.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import RLock
from typing import Protocol

import msgspec

from reconciler import __version__
from reconciler.clock import Clock
from reconciler.errors import StateError
from reconciler.model.entry import Entry
from reconciler.remote.transport.body import STATE_BYTES
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.retry import FailureKind
from reconciler.state import problems
from reconciler.state.format.codec import Codec
from reconciler.state.format.document import State
from reconciler.state.format.former_names import CHANGED_ENTRIES
from reconciler.state.format.rows import DECODE_ERRORS
from reconciler.state.format.sanitize import safe_reason
from reconciler.state.records import Record, StoredVersion, apply_records
from reconciler.state.stores.backing import Grant, LeaseLost
from reconciler.state.stores.holder import Holder
from reconciler.state.stores.http_envelope import (
    Envelope,
    FormerVersion,
    LastSeen,
    read_envelope,
    with_digest,
)
from reconciler.state.stores.http_lock import LockBody, decode_lock, holder_of, is_ours
from reconciler.state.stores.store import KEPT_VERSIONS, LockInfo

LEASE = 120.0
"""Seconds: every renewal writes the whole document, and GitLab keeps every one that is written."""

_ATTEMPTS = 3
_WITHIN = 25.0
_LEAST = 1.0
_LOST = (409, 412, 423)
_CLOCKS_AGREE = 10.0
_WHOLE_SECONDS = 1.0  # more exactly, the server does not say what time it is
_encode = msgspec.json.Encoder(order="deterministic").encode

Answer = tuple[int, Mapping[str, str], bytes]


class Sender(Protocol):
    """One request out, one answer in; raises NoAnswer."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> Answer:
        """Status, headers and body."""

    def close(self) -> None:
        """Close what is open."""


class _Unanswered(StateError):
    """No answer came."""


class HttpEndpoints(msgspec.Struct, frozen=True):
    """Where and how to ask."""

    state: str
    lock: str
    unlock: str
    lock_method: str = "LOCK"
    unlock_method: str = "UNLOCK"
    update_method: str = "POST"
    authorization: str = ""


def read_endpoints(location: str, environ: Mapping[str, str]) -> HttpEndpoints:
    """What Terraform's variables say; for GitLab's own addresses nothing needs to be said."""
    gitlab = "/api/v4/projects/" in location and "/terraform/state/" in location
    lock = environ.get("TF_HTTP_LOCK_ADDRESS") or (f"{location}/lock" if gitlab else location)
    user, password = environ.get("TF_HTTP_USERNAME", ""), environ.get("TF_HTTP_PASSWORD", "")
    api = environ.get("CI_API_V4_URL")
    if not password and api and location.startswith(f"{api}/"):
        user, password = "gitlab-ci-token", environ.get("CI_JOB_TOKEN", "")
    basic = b64encode(f"{user}:{password}".encode()).decode()
    return HttpEndpoints(
        state=location,
        lock=lock,
        unlock=environ.get("TF_HTTP_UNLOCK_ADDRESS") or lock,
        lock_method=environ.get("TF_HTTP_LOCK_METHOD") or ("POST" if gitlab else "LOCK"),
        unlock_method=environ.get("TF_HTTP_UNLOCK_METHOD") or ("DELETE" if gitlab else "UNLOCK"),
        update_method=environ.get("TF_HTTP_UPDATE_METHOD") or "POST",
        authorization=f"Basic {basic}" if user or password else "",
    )


class HttpBacking:
    """A `Backing` behind such a server."""

    def __init__(
        self,
        where: HttpEndpoints,
        codec: Codec,
        sender: Sender,
        *,
        origin: str,
        lease: float,
        clock: Clock,
    ) -> None:
        self._where = where
        self._codec = codec
        self._sender = sender
        self._origin = origin
        self._lease = lease
        self._clock = clock
        self._ahead = 0.0  # the server's clock over ours
        self._there = Envelope()  # what the server has, as far as we know
        self._base: (
            dict[str, Entry] | None
        ) = {}  # its state without the journal; None: it is damaged
        self._serial = 0
        self._seen = LockBody()
        self._one_at_a_time = RLock()  # the lease is renewed in a thread of its own

    @property
    def origin(self) -> str:
        """See `Backing`."""
        return self._origin

    def open(self) -> None:
        """See `Backing`; connections open by themselves."""

    def close(self) -> None:
        """See `Backing`."""
        self._sender.close()

    def read(self) -> State | None:
        """See `Backing`."""
        with self._one_at_a_time:
            there = self._get()
            self._there, self._serial = there, max(self._serial, there.serial)
            base = self._state_of(there)
            if base is None:
                return None
            self._base = base.resources
            records = [
                r
                for batch in there.journal
                for r in self._codec.read_records(bytes(batch), self._origin)
            ]
            resources = dict(base.resources)
            apply_records(resources, records)
            return msgspec.structs.replace(base, resources=resources, journal_records=len(records))

    def acquire(self, holder: Holder) -> Grant | LockInfo:
        """See `Backing`."""
        found = self._lock(holder)
        if isinstance(found, LockInfo) and found.expired:
            self._unlock(self._seen)
            found = self._lock(holder)
        if isinstance(found, LockInfo):
            return found
        self._there = self._get()
        self._serial = max(self._serial, self._there.serial)
        if (
            abs(self._ahead) > _CLOCKS_AGREE
        ):  # the lock says when it was taken by our clock, which nobody else has
            self.renew(found)
        return found

    def renew(self, grant: Grant) -> None:
        """See `Backing`."""
        with self._one_at_a_time:
            self._post(self._there, grant)

    def release(self, grant: Grant) -> None:
        """See `Backing`."""
        if not self._unlock(self._body(grant.holder)):
            raise LeaseLost(grant)

    def lock_info(self) -> LockInfo | None:
        """See `Backing`. The protocol has no question for that: take the lock and give it back at once."""
        asking = Holder("", "", 0, "state unlock", "", f"asking-{self._clock.wall():.6f}")
        found = self._lock(asking)
        if isinstance(found, LockInfo):
            return found
        self._unlock(self._body(asking))
        return None

    def break_lock(self, found: LockInfo) -> None:
        """See `Backing`; the lock that `lock_info` saw, and no other."""
        self._unlock(self._seen)

    def create(self, state: State, grant: Grant) -> None:
        """See `Backing`."""
        with self._one_at_a_time:
            if self._state_of(self._there) is not None:
                raise problems.state_moved(self._origin, "a first version", "the empty state")
            self._write(state, [], grant)

    def replace(self, state: State, known: Mapping[str, Entry] | None, grant: Grant) -> None:
        """See `Backing`."""
        with self._one_at_a_time:
            present = self._codec.head(bytes(self._there.state))
            new = state.resources
            if self._base is None:  # former versions are changes to what cannot be read
                self._write(state, [], grant)
                return
            base = self._base
            changed = {a: base.get(a) for a in {**base, **new} if base.get(a) != new.get(a)}
            former = FormerVersion(
                state.serial - 1,
                present.saved if present else None,
                msgspec.Raw(self._sealed(changed)),
            )
            self._write(state, [former, *self._there.former][:KEPT_VERSIONS], grant)

    def append(self, state: State, batch: int, records: Sequence[Record], grant: Grant) -> None:
        """See `Backing`."""
        with self._one_at_a_time:
            journal = [*self._there.journal, msgspec.Raw(self._codec.records(records))]
            self._post(msgspec.structs.replace(self._there, journal=journal), grant)

    def newest(self) -> int | None:
        """See `Backing`."""
        with self._one_at_a_time:
            self._there = there = self._get()
            top = self._codec.head(bytes(there.state))
            serials = [
                top.serial if top is not None else 0,
                *(each.serial for each in there.former),
            ]
            try:
                base = self._state_of(there)
                self._base = dict(base.resources) if base is not None else {}
            except StateError:
                self._base = None
            return max(serials) if bytes(there.state) != b"null" else None

    def history(self) -> list[StoredVersion]:
        """See `Store`."""
        there = self._get()
        present = self._state_of(there)
        if present is None:
            return []
        return [
            StoredVersion(present.serial, present.saved),
            *(StoredVersion(each.serial, each.saved) for each in there.former),
        ]

    def find_claims(self, sids: Collection[str]) -> Mapping[str, str]:
        """See `Store`: an address is one project's."""
        return {}

    def version(self, serial: int) -> State | None:
        """See `Store`: the present version, and what it changed taken back step by step."""
        there = self._get()
        state = self._state_of(there)
        for former in there.former:
            if state is None or state.serial <= serial:
                break
            resources: dict[str, Entry | None] = {
                **state.resources,
                **self._unsealed(former.changed),
            }
            kept = {address: entry for address, entry in resources.items() if entry is not None}
            state = msgspec.structs.replace(
                state, serial=former.serial, saved=former.saved, resources=kept
            )
        return state if state is not None and state.serial == serial else None

    def _write(self, state: State, former: list[FormerVersion], grant: Grant) -> None:
        document = msgspec.Raw(self._codec.document(state))
        self._post(Envelope(lineage=state.lineage, state=document, former=former), grant)
        self._base = dict(state.resources)

    def _state_of(self, there: Envelope) -> State | None:
        data = bytes(there.state)
        return None if data == b"null" else self._codec.state(data, self._origin)

    def _sealed(self, changed: Mapping[str, Entry | None]) -> bytes:
        return self._codec.seal(_encode(changed))

    def _unsealed(self, changed: msgspec.Raw) -> dict[str, Entry | None]:
        try:
            return self._codec.value(bytes(changed), self._origin, CHANGED_ENTRIES)
        except DECODE_ERRORS as error:
            raise problems.state_damaged(self._origin, safe_reason(error)) from error

    def _get(self) -> Envelope:
        status, _, body = self._ask("GET", self._where.state)
        if status in (204, 404) or (status == 200 and not body.strip()):
            return Envelope()
        if status != 200:
            raise problems.state_unreadable(self._origin, _refusal(status))
        return read_envelope(body, self._codec.project, self._origin)

    def _post(self, envelope: Envelope, grant: Grant) -> None:
        """Put the document in the place of the one that is there; when no answer comes, look whether it is."""
        separator = "&" if "?" in self._where.state else "?"
        url = f"{self._where.state}{separator}ID={grant.holder.run}"
        reason = ""
        for _ in range(_ATTEMPTS):
            self._serial += 1
            heard = LastSeen(grant.holder.run, self._clock.wall() + self._ahead)
            sent = msgspec.structs.replace(
                envelope, project=self._codec.project, serial=self._serial, heard=heard
            )
            sent = with_digest(sent)
            try:
                status, _, answer = self._ask(self._where.update_method, url, _encode(sent))
            except _Unanswered as error:
                status, reason, answer = 0, _why(error), b""
            if status in _LOST:
                raise LeaseLost(grant, holder_of(decode_lock(answer)))
            if status in (200, 201, 204) or (
                (status == 0 or status >= 500) and self._is_there(self._serial)
            ):
                self._there = sent
                return
            reason = reason if status == 0 else _refusal(status)
            if 0 < status < 500:
                break
        raise problems.state_unwritable(self._origin, reason)

    def _is_there(self, serial: int) -> bool:
        try:
            return self._get().serial == serial
        except _Unanswered:
            return False

    def _lock(self, holder: Holder) -> Grant | LockInfo:
        status, _, answer = self._ask(
            self._where.lock_method, self._where.lock, _encode(self._body(holder))
        )
        if status in (200, 201, 204):
            return Grant(holder, 0)
        if status not in (409, 423):
            reason = f"the server does not lock it: {_refusal(status)}"
            raise problems.state_unwritable(self._origin, reason)
        self._seen = decode_lock(answer)
        if self._seen.id == holder.run:  # only the answer to our first try was lost
            return Grant(holder, 0)
        if not is_ours(self._seen):
            return LockInfo(holder_of(self._seen), foreign=True)
        return LockInfo(holder_of(self._seen), self._ran_out(self._seen))

    def _unlock(self, body: LockBody) -> bool:
        status, _, _ = self._ask(self._where.unlock_method, self._where.unlock, _encode(body))
        if status >= 500 or status in (401, 403):
            raise problems.state_unwritable(self._origin, _refusal(status))
        return status in (200, 204)

    def _ran_out(self, seen: LockBody) -> bool:
        """By the server's clock, from when its holder was last heard of; else from when he says that he locked it."""
        there = self._get()
        if there.heard is not None and there.heard.run == seen.id:
            since = there.heard.at
        else:
            try:
                since = datetime.fromisoformat(seen.created.replace("Z", "+00:00")).timestamp()
            except ValueError:
                return False
        return self._clock.wall() + self._ahead - since > self._lease + _WHOLE_SECONDS

    def _body(self, holder: Holder) -> LockBody:
        now = datetime.fromtimestamp(self._clock.wall() + self._ahead, UTC).isoformat()
        who = f"{holder.who}@{holder.host}"
        return LockBody(holder.run, holder.command, _encode(holder).decode(), who, __version__, now)

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": f"twilio-reconciler/{__version__}"}
        if self._where.authorization:
            headers["Authorization"] = self._where.authorization
        if body is not None:
            digest = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
            headers |= {"Content-Type": "application/json", "Content-MD5": digest}
        until = (
            self._clock.monotonic() + _WITHIN
        )  # for all attempts: a server that is silent is given up once
        for attempt in range(_ATTEMPTS):
            sent = self._clock.wall()
            within = max(_LEAST, until - self._clock.monotonic())
            try:
                status, found, answer = self._sender.send(
                    method, url, headers=headers, body=body, within=within
                )
            except NoAnswer as error:
                if error.failure is FailureKind.OVERSIZED:
                    raise problems.state_too_large(self._origin, STATE_BYTES) from error
                over = self._clock.monotonic() >= until or attempt == _ATTEMPTS - 1
                if method == self._where.update_method or over:
                    raise _Unanswered(
                        *problems.state_unreadable(self._origin, str(error)).diagnostics
                    ) from error
                continue
            self._hear(found, sent)
            return status, found, answer
        raise AssertionError("there is at least one attempt")

    def _hear(self, headers: Mapping[str, str], sent: float) -> None:
        """Note the least difference of clocks that explains the header, which was written since `sent`."""
        date = headers.get("Date")
        if date:
            try:
                second = parsedate_to_datetime(date).timestamp()
            except (ValueError, OverflowError):
                return  # the clock of this machine has to do
            least, most = second - self._clock.wall(), second + _WHOLE_SECONDS - sent
            self._ahead = min(max(0.0, least), most)


def _why(error: _Unanswered) -> str:
    cause = error.__cause__
    return f"no answer: {cause}"


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"the server refused the credentials ({status}); they come from TF_HTTP_USERNAME and TF_HTTP_PASSWORD"
    return f"the server answered {status}"
