"""Read the first row of everything that an account needs, in parallel; record each error or owner,
the fastest answer, and the difference of the clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from reconciler.doctor.permissions import Need
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Params
from reconciler.model.route import Json
from reconciler.remote.gateway import CallRecord, Gateway
from reconciler.remote.parallel import map_each


class Answer(msgspec.Struct, frozen=True):
    """The result of one read: an error, or the account that owns the first row, if there is a row."""

    need: Need
    error: RemoteError | None = None
    owner: str | None = None


class AnswerTimes:
    """Speed of an account's answers, and the time on the server; receives each call, from any
    thread.
    """

    def __init__(
        self, now: Callable[[], datetime], forward: Callable[[CallRecord], None] | None = None
    ) -> None:
        self._now = now
        self._forward = forward
        self.seconds: dict[str, float] = {}
        """Account → seconds of its fastest answer."""
        self.ahead: dict[str, float] = {}
        """Account → seconds that our clock is ahead of Twilio's; of several answers, the smallest
        difference.
        """

    def __call__(self, call: CallRecord) -> None:
        """Record one call, and forward it."""
        if self._forward is not None:
            self._forward(call)

        account = call.account
        if call.status:
            self.seconds[account] = min(call.seconds, self.seconds.get(account, call.seconds))

        # The header `Date` was set before the answer travelled: the smallest difference is the most
        # exact.
        server_time = _parse_date(call.date)
        if server_time is not None:
            ahead = (self._now() - server_time).total_seconds()
            self.ahead[account] = min(ahead, self.ahead.get(account, ahead), key=abs)


def read_first_rows(gateway: Gateway, needs: Sequence[Need]) -> list[Answer]:
    """Read the first row of each need, in parallel."""

    def read(need: Need) -> Answer:
        return _read_first_row(gateway, need)

    return map_each(read, needs, workers=len(needs), name="doctor")


def _read_first_row(gateway: Gateway, need: Need) -> Answer:
    params: Params = {"PageSize": 1} if need.endpoint.items else {}
    try:
        reply = gateway.call(need.endpoint, params, **need.path)
    except RemoteError as error:
        return Answer(need, error=error)

    rows = reply.get(need.endpoint.items) if need.endpoint.items else None
    return Answer(need, owner=_find_owner(rows))


def _find_owner(rows: Json) -> str | None:
    first = rows[0] if isinstance(rows, list) and rows else None
    owner = first.get("account_sid") if isinstance(first, dict) else None
    return owner if isinstance(owner, str) else None


def _parse_date(date: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
