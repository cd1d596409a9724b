"""Define the `Gateway` protocol: list, find, call, and read recorded changes of one Twilio account;
also `Event`, `CallRecord` and `Wait`. No implementation.

Only the protocol: no HTTP and no import of Twilio's package here, so that everything above can be
typed against it and tests can use another gateway. Every method raises
`reconciler.errors.RemoteError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import msgspec

from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.number_row import NumberRow
from reconciler.model.route import Json


class Event(msgspec.Struct, frozen=True):
    """One change that Twilio recorded.

    `actor_type` is user (somebody in the console), account (the API), twilio-admin …; `source` web,
    api or twilio. `changes` gives for each field what it was (None where Twilio does not say) and
    what it became.
    """

    sid: str
    event_type: str
    when: datetime
    actor_type: str
    actor_sid: str
    source: str
    ip: str
    resource_sid: str
    changes: dict[str, tuple[Json, Json]]


class CallRecord(msgspec.Struct, frozen=True):
    """One attempt of a call, for ``-v``: never its parameters.

    `status` is 0 when no answer came. `date` is the time of the server, as its header states it.
    """

    account: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str | None
    attempt: int
    date: str | None = None


class Wait(msgspec.Struct, frozen=True):
    """A wait before the next attempt of a call that failed. All times are seconds.

    Attempt `attempt` of at most `attempts` comes next; `status` is 0 when no answer came. The call
    has already waited `before`; `at` is the present time of a clock that never goes back.
    """

    account: str
    seconds: float
    attempt: int
    attempts: int
    status: int
    before: float
    at: float


class Gateway(Protocol):
    """One Twilio account. May be used from any thread."""

    account: str
    """Its name in the configuration."""
    account_sid: str

    def number_pages(self) -> Iterator[list[NumberRow]]:
        """Return all numbers page by page, each once; fetching starts at once and runs ahead."""
        ...

    def rows(self, endpoint: Endpoint, **path: str) -> list[dict[str, Json]]:
        """Return all rows of a listing as plain JSON, each SID once."""
        ...

    def took_pages(self, endpoint: Endpoint, **path: str) -> bool:
        """Return whether the last reading of this listing took several pages.

        Such a reading may have missed a row.
        """
        ...

    def call(
        self, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        """Make one call and return its reply as plain JSON, empty for an empty body.

        None in `params` is not sent; "" clears a field.
        """
        ...

    def find_numbers(self, e164: str) -> list[NumberRow]:
        """Return the numbers that are exactly this one: one, or none."""
        ...

    def events(
        self,
        *,
        event_type: str | None = None,
        since: datetime | None = None,
        resource_sid: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """Return up to `limit` recorded changes, in Twilio's order."""
        ...

    def close(self) -> None:
        """Close the connections; calls that still wait for another attempt end as interrupted."""
        ...
