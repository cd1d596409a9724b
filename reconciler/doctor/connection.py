"""Ask an account for the first row of everything that is needed of it; at once, so that what is silent is so once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from reconciler.doctor.permissions import Need
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Params
from reconciler.model.route import Json
from reconciler.remote.gateway import CallRecord, Gateway


class Answer(msgspec.Struct, frozen=True):
    """What came of reading something: an error, or the account whose row it was, where there was one."""

    need: Need
    error: RemoteError | None = None
    owner: str | None = None


class AnswerTimes:
    """What answers say besides: how fast they came, and what time it is there. Told of each call, from any thread."""

    def __init__(
        self, now: Callable[[], datetime], further: Callable[[CallRecord], None] | None = None
    ) -> None:
        self._now = now
        self._further = further
        self.seconds: dict[str, float] = {}
        self.ahead: dict[str, float] = {}
        """Account → how many seconds our clock is ahead of Twilio's, by the answer where that is least."""

    def __call__(self, call: CallRecord) -> None:
        """Remember one call, and pass it on."""
        if self._further is not None:
            self._further(call)
        if call.status:
            self.seconds[call.account] = min(
                call.seconds, self.seconds.get(call.account, call.seconds)
            )
        moment = _moment(call.date)
        if moment is not None:
            ahead = (self._now() - moment).total_seconds()
            self.ahead[call.account] = min(ahead, self.ahead.get(call.account, ahead), key=abs)


def read_first_rows(gateway: Gateway, needs: Sequence[Need]) -> list[Answer]:
    """What came of each."""
    with ThreadPoolExecutor(max(1, len(needs)), thread_name_prefix="doctor") as pool:
        return list(pool.map(lambda need: _one(gateway, need), needs))


def _one(gateway: Gateway, need: Need) -> Answer:
    params: Params = {"PageSize": 1} if need.endpoint.items else {}
    try:
        reply = gateway.call(need.endpoint, params, **need.path)
    except RemoteError as error:
        return Answer(need, error=error)
    return Answer(
        need, owner=_owner(reply.get(need.endpoint.items) if need.endpoint.items else None)
    )


def _owner(rows: Json) -> str | None:
    first = rows[0] if isinstance(rows, list) and rows else None
    owner = first.get("account_sid") if isinstance(first, dict) else None
    return owner if isinstance(owner, str) else None


def _moment(date: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
