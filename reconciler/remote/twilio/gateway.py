"""Implement `Gateway` for one Twilio account: read listings and events, make calls, and refuse
answers about another account; `connect` builds it.

Authentication, user agent and host names are those of Twilio's own client; connections, retries and
limits are ours. Reads no TWILIO_* variable.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import datetime
from threading import Event as Flag
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from twilio.base.client_base import ClientBase  # type: ignore[import-untyped]
from twilio.http import HttpClient  # type: ignore[import-untyped]

from reconciler.clock import Clock, SystemClock
from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.number import LISTING
from reconciler.kinds.number_row import NumberPage, NumberRow
from reconciler.model.credentials import Credentials
from reconciler.model.route import Json
from reconciler.remote.gateway import CallRecord, Event, Wait
from reconciler.remote.listing import ForeignRows, ListingError
from reconciler.remote.transport.caller import CallPolicy
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.pool import Pool
from reconciler.remote.transport.retry import RetryPolicy
from reconciler.remote.transport.time_limit import no_time_limit
from reconciler.remote.twilio import errors, events
from reconciler.remote.twilio.caller import Caller
from reconciler.remote.twilio.http import BaseUrl, Transport
from reconciler.remote.twilio.listings import NumberListing, RowListing
from reconciler.remote.twilio.paging import (
    PAGE_SIZE,
    PagePrefetch,
    find_next_link,
    iterate_pages,
    rows_in_page,
)
from reconciler.remote.twilio.response import Request
from reconciler.version import __version__

_EDGES = {"ie1": "dublin", "au1": "sydney"}
"""A region's own edge, if none is given: the hosts without an edge (api.ie1.twilio.com) are off."""
_NO_ENVIRONMENT = {"TWILIO_ACCOUNT_SID": ""}
"""Twilio's client takes os.environ for an empty mapping, so this one is not empty."""

_Numbers = tuple[list[NumberRow], str | None]
_Rows = tuple[list[dict[str, Json]], str | None]
"""New rows of a page, and the target of the page after it."""


class TwilioGateway:
    """One Twilio account; see `reconciler.remote.gateway.Gateway`. Made by `connect`."""

    def __init__(
        self, credentials: Credentials, caller: Caller, base: BaseUrl, close: Callable[[], None]
    ) -> None:
        self.account = credentials.name
        self.account_sid = credentials.sid
        self._caller = caller
        self._base = base
        self._close = close
        self._decode_page = msgspec.json.Decoder(NumberPage).decode
        self._ahead: list[PagePrefetch[_Numbers]] = []
        self._pages: dict[str, int] = {}

    def number_pages(self) -> Iterator[list[NumberRow]]:
        """Return all numbers in pages of up to 1,000, each number once.

        Fetching starts at once and runs ahead.
        """
        pages = PagePrefetch(self._number_fetcher(), _next_target, self._listing(LISTING, {}))
        self._ahead.append(pages)
        return self._rows_of_each(pages)

    def rows(self, endpoint: Endpoint, **path: str) -> list[dict[str, Json]]:
        """Return all rows of a listing; a row whose SID came before is left out."""
        rows: list[dict[str, Json]] = []
        pages = 0
        for page in self._json_pages(endpoint, {}, path):
            for row in page:
                self._check_owner(endpoint, row)
            rows += page
            pages += 1
        self._pages[self._path(endpoint, path)] = pages
        return rows

    def took_pages(self, endpoint: Endpoint, **path: str) -> bool:
        """Return whether the last reading of this listing took more than one page."""
        return self._pages.get(self._path(endpoint, path), 0) > 1

    def call(
        self, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        """Make one call; return its reply, empty for an empty body.

        None in `params` is not sent, "" clears a field.
        """
        request = Request(
            endpoint.method,
            endpoint.product,
            self._path(endpoint, path),
            _encode_params(params),
            endpoint.idempotent,
            endpoint.optional,
        )

        reply = self._caller.send(request, _decode_object_or_empty)
        self._check_owner(endpoint, reply)
        self._check_sid(request, reply, path.get("sid"))
        return reply

    def find_numbers(self, e164: str) -> list[NumberRow]:
        """Return the numbers that are exactly this one.

        Twilio's own filter also matches parts of a number.
        """
        pages = iterate_pages(
            self._number_fetcher(), _next_target, self._listing(LISTING, {"PhoneNumber": e164})
        )

        found: list[NumberRow] = []
        for page in self._rows_of_each(pages):
            found += [row for row in page if row.phone_number == e164]
        return found

    def events(
        self,
        *,
        event_type: str | None = None,
        since: datetime | None = None,
        resource_sid: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """Return up to `limit` recorded changes, in Twilio's order."""
        query = events.event_query(event_type=event_type, since=since, resource_sid=resource_sid)
        query["PageSize"] = str(min(limit, PAGE_SIZE))

        found: dict[str, Event] = {}
        for page in self._json_pages(events.EVENTS, query, {}):
            for row in page:
                event = events.read_event(row)
                if event and events.is_wanted(
                    event, event_type=event_type, resource_sid=resource_sid
                ):
                    found.setdefault(event.sid, event)
            if len(found) >= limit:
                break

        return list(found.values())[:limit]

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._caller.close()
        for pages in self._ahead:
            pages.close()
        self._close()

    def _check_owner(self, endpoint: Endpoint, row: dict[str, Json]) -> None:
        """Raise RemoteError for an answer about another account than ours."""
        owner = row.get("account_sid")
        if not isinstance(owner, str) or owner.lower() == self.account_sid.lower():
            return

        # The 2010 API has the account in its path, so the credentials cannot be the cause.
        if endpoint.product == "api":
            raise errors.listing_error(
                self.account, endpoint.path, ForeignRows(f"it answers for {owner}")
            )
        made = str(row.get("sid", "")) if endpoint.method == "POST" else ""
        raise errors.wrong_account_error(
            self.account, endpoint.path, owner, self.account_sid, made=made
        )

    def _check_sid(self, request: Request, reply: dict[str, Json], sid: str | None) -> None:
        """Raise RemoteError for an answer about another resource than the one in the path."""
        found = reply.get("sid", sid)
        if sid is None or not reply or (isinstance(found, str) and found.lower() == sid.lower()):
            return
        raise errors.wrong_resource_error(
            self.account, f"{request.method} {request.path}", str(found or "")
        )

    def _path(self, endpoint: Endpoint, path: dict[str, str]) -> str:
        return endpoint.path.format(
            account_sid=self.account_sid, **{k: quote(v, safe="") for k, v in path.items()}
        )

    def _listing(
        self, endpoint: Endpoint, query: dict[str, str], path: dict[str, str] | None = None
    ) -> str:
        return f"{self._path(endpoint, path or {})}?{urlencode({'PageSize': PAGE_SIZE, **query})}"

    def _number_fetcher(self) -> Callable[[str], _Numbers]:
        """Return a function that fetches and checks the pages of one listing of numbers."""
        listing, path = NumberListing(self.account_sid), self._path(LISTING, {})

        def read(body: bytes) -> tuple[NumberPage, str | None, int]:
            page = self._decode_page(body)
            # An invalid link is detected here, while the page can still be requested again.
            link = page.next_page_uri
            return page, self._base.target(link, path) if link else None, len(body)

        def fetch(target: str) -> _Numbers:
            page, following, size = self._caller.send(Request("GET", LISTING.product, target), read)
            return listing.accept(page, size), following

        return fetch

    def _rows_of_each(
        self, pages: PagePrefetch[_Numbers] | Generator[_Numbers]
    ) -> Iterator[list[NumberRow]]:
        """Yield the rows of each page; fetching stops when the consumer stops."""
        with closing(pages):
            try:
                for rows, _ in pages:
                    yield rows
            except ListingError as error:
                raise errors.listing_error(self.account, self._path(LISTING, {}), error) from error

    def _json_pages(
        self, endpoint: Endpoint, query: dict[str, str], path: dict[str, str]
    ) -> Iterator[list[dict[str, Json]]]:
        """Yield the checked rows of each page of a listing."""
        listing = RowListing()
        place = self._path(endpoint, path)

        def read(body: bytes) -> tuple[list[dict[str, Json]], str | None, int]:
            page = _decode_object(body)
            link = find_next_link(page)
            return (
                rows_in_page(page, endpoint.items),
                self._base.target(link, place) if link else None,
                len(body),
            )

        def fetch(target: str) -> _Rows:
            request = Request("GET", endpoint.product, target, optional=endpoint.optional)
            rows, following, size = self._caller.send(request, read)
            return listing.accept(rows, has_next=following is not None, size=size), following

        try:
            for rows, _ in iterate_pages(fetch, _next_target, self._listing(endpoint, query, path)):
                yield rows
        except ListingError as error:
            raise errors.listing_error(self.account, place, error) from error


def connect(
    credentials: Credentials,
    *,
    concurrency: int = 16,
    start: int | None = None,
    connect_timeout: float = 5.0,
    read_timeout: float = 15.0,
    give_up_after: float = 30.0,
    retry_policy: RetryPolicy | None = None,
    stop: Flag | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    clock: Clock | None = None,
    jitter: Callable[[], float] = random.random,
    http_client: HttpClient | None = None,
    seconds_left: Callable[[], float] = no_time_limit,
    on_wait: Callable[[Wait], None] | None = None,
) -> TwilioGateway:
    """Return a gateway to one account; nothing is sent yet.

    At most `concurrency` calls are in flight at once, `start` of them at first if it is given, and
    more while Twilio answers well. Times are in seconds: to connect, between two pieces of an
    answer, and in all for a server that does not answer, or not to the end.

    Once `stop` is set nothing is tried a second time: calls between two attempts end as
    `interrupted`. `on_call` is notified of each attempt, from the thread that made it, and
    `on_wait` of each wait before another one. `seconds_left` returns how long the run may still
    last; at 0 nothing more is sent. Tests replace `clock`, `jitter` (0 to 1) and `http_client`.
    Raises RemoteError for an invalid base URL.
    """
    clock = clock or SystemClock()
    base = _base_url(credentials)
    pool = Pool(
        connections=concurrency,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        answer_timeout=give_up_after,
        clock=clock,
    )

    retries, stop = retry_policy or RetryPolicy(), stop or Flag()
    policy = CallPolicy(retries, give_up_after, clock, jitter, stop, on_call, on_wait, seconds_left)
    client = _client(credentials, http_client or Transport(pool, base))
    caller = Caller(client, credentials.name, ConcurrencyLimiter(concurrency, start), policy)
    return TwilioGateway(credentials, caller, base, pool.close)


def _client(credentials: Credentials, http_client: HttpClient) -> ClientBase:
    """Return Twilio's own client, which adds authentication, user agent and host names."""
    return ClientBase(
        username=credentials.username,
        password=credentials.password,
        account_sid=credentials.sid,
        region=credentials.region,
        edge=credentials.edge or _EDGES.get(credentials.region or ""),
        environment=_NO_ENVIRONMENT,
        http_client=http_client,
        user_agent_extensions=[f"reconciler/{__version__}"],
    )


def _base_url(credentials: Credentials) -> BaseUrl:
    try:
        return BaseUrl(credentials.base_url)
    except ValueError as error:
        raise errors.base_url_error(credentials.name, str(error)) from None


def _next_target(page: tuple[object, str | None]) -> str | None:
    return page[1]


def _encode_params(params: Params | None) -> dict[str, str]:
    """Return parameters as Twilio writes them: true and false in small letters, None left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (params or {}).items()
        if value is not None
    }


def _decode_object(body: bytes) -> dict[str, Any]:
    value = msgspec.json.decode(body)
    if not isinstance(value, dict):
        raise msgspec.ValidationError("not an object")
    return value


def _decode_object_or_empty(body: bytes) -> dict[str, Json]:
    return _decode_object(body) if body else {}
