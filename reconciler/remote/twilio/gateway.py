"""One Twilio account behind the `Gateway` promise: endpoints and parameters in, typed rows and plain JSON out.

Authentication, user agent and host names are those of Twilio's own client; the connections, retries and limits are
ours. Reads no TWILIO_* variable.
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

from reconciler import __version__
from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.number import LISTING, NumberPage, NumberRow
from reconciler.model import Credentials, Json
from reconciler.remote.clock import Clock, SystemClock
from reconciler.remote.gateway import CallRecord, Event, Wait
from reconciler.remote.limit import Limiter
from reconciler.remote.pool import Pool
from reconciler.remote.retry import Patience
from reconciler.remote.timelimit import unlimited
from reconciler.remote.twilio import errors, events
from reconciler.remote.twilio.call import Caller, Manners
from reconciler.remote.twilio.http import BaseUrl, Transport
from reconciler.remote.twilio.judge import Request
from reconciler.remote.twilio.paging import PAGE_SIZE, Ahead, in_turn, next_link, rows_of

_EDGES = {"ie1": "dublin", "au1": "sydney"}
"""A region's own edge, where none is given: Twilio switched off the hosts without an edge (api.ie1.twilio.com)."""
_NO_ENVIRONMENT = {"TWILIO_ACCOUNT_SID": ""}
"""Twilio's client takes os.environ for an empty mapping, so this one is not empty."""

_Page = tuple[list[dict[str, Json]], str | None]
"""Rows, and the target of the page after them."""


class TwilioGateway:
    """One Twilio account; see `reconciler.remote.gateway.Gateway`. Made by `connect`."""

    def __init__(self, credentials: Credentials, caller: Caller, base: BaseUrl, close: Callable[[], None]) -> None:
        self.account = credentials.name
        self.account_sid = credentials.sid
        self._caller = caller
        self._base = base
        self._close = close
        self._decode_page = msgspec.json.Decoder(NumberPage).decode
        self._ahead: list[Ahead[NumberPage]] = []

    def number_pages(self) -> Iterator[list[NumberRow]]:
        """All numbers in pages of up to 1,000, each number once; fetching begins at once and runs ahead."""
        pages = Ahead(self._fetch_numbers, self._after_numbers, self._listing(LISTING, {}))
        self._ahead.append(pages)
        return _each_once(pages)

    def rows(self, endpoint: Endpoint, **path: str) -> list[dict[str, Json]]:
        """All rows of a listing; a row whose SID came before is left out."""
        rows: dict[object, dict[str, Json]] = {}
        for page in self._json_pages(endpoint, {}, path):
            for row in page:
                self._check_owner(endpoint, row)
                rows.setdefault(row.get("sid", len(rows)), row)
        return list(rows.values())

    def call(self, endpoint: Endpoint, params: Params | None = None, **path: str) -> dict[str, Json]:
        """One call; None in `params` is not sent, "" clears a field. Empty for an empty body."""
        request = Request(
            endpoint.method,
            endpoint.product,
            self._path(endpoint, path),
            _strings(params),
            endpoint.idempotent,
            endpoint.optional,
        )
        reply = self._caller.send(request, _object_or_nothing)
        self._check_owner(endpoint, reply)
        return reply

    def find_numbers(self, e164: str) -> list[NumberRow]:
        """The numbers that are exactly this one: Twilio's own filter also takes parts of a number."""
        pages = in_turn(self._fetch_numbers, self._after_numbers, self._listing(LISTING, {"PhoneNumber": e164}))
        return [row for page in _each_once(pages) for row in page if row.phone_number == e164]

    def events(
        self,
        *,
        event_type: str | None = None,
        since: datetime | None = None,
        resource_sid: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """Up to `limit` recorded changes, in Twilio's order."""
        query = events.query(event_type=event_type, since=since, resource_sid=resource_sid)
        query["PageSize"] = str(min(limit, PAGE_SIZE))
        found: dict[str, Event] = {}
        for page in self._json_pages(events.EVENTS, query, {}):
            for row in page:
                event = events.event(row)
                if event and events.wanted(event, event_type=event_type, resource_sid=resource_sid):
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
        """Raise RemoteError for an answer about another account: only the 2010 API has ours in its path."""
        owner = row.get("account_sid")
        if endpoint.product == "api" or not isinstance(owner, str) or owner.lower() == self.account_sid.lower():
            return
        made = str(row.get("sid", "")) if endpoint.method == "POST" else ""
        raise errors.wrong_account(self.account, endpoint.path, owner, self.account_sid, made=made)

    def _path(self, endpoint: Endpoint, path: dict[str, str]) -> str:
        return endpoint.path.format(account_sid=self.account_sid, **{k: quote(v, safe="") for k, v in path.items()})

    def _listing(self, endpoint: Endpoint, query: dict[str, str], path: dict[str, str] | None = None) -> str:
        return f"{self._path(endpoint, path or {})}?{urlencode({'PageSize': PAGE_SIZE, **query})}"

    def _target(self, link: str | None) -> str | None:
        return self._base.target(link) if link else None

    def _fetch_numbers(self, target: str) -> NumberPage:
        return self._caller.send(Request("GET", LISTING.product, target), self._read_numbers)

    def _read_numbers(self, body: bytes) -> NumberPage:
        page = self._decode_page(body)
        self._after_numbers(page)  # a link that is none is noticed while the page can still be asked for again
        return page

    def _after_numbers(self, page: NumberPage) -> str | None:
        return self._target(page.next_page_uri)

    def _json_pages(
        self, endpoint: Endpoint, query: dict[str, str], path: dict[str, str]
    ) -> Iterator[list[dict[str, Json]]]:
        def read(body: bytes) -> _Page:
            page = _object(body)
            return rows_of(page, endpoint.items), self._target(next_link(page))

        def fetch(target: str) -> _Page:
            return self._caller.send(Request("GET", endpoint.product, target, optional=endpoint.optional), read)

        for rows, _ in in_turn(fetch, lambda page: page[1], self._listing(endpoint, query, path)):
            yield rows


def connect(
    credentials: Credentials,
    *,
    concurrency: int = 16,
    start: int | None = None,
    connect_timeout: float = 5.0,
    read_timeout: float = 15.0,
    give_up_after: float = 30.0,
    patience: Patience | None = None,
    stop: Flag | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    clock: Clock | None = None,
    jitter: Callable[[], float] = random.random,
    http_client: HttpClient | None = None,
    left: Callable[[], float] = unlimited,
    on_wait: Callable[[Wait], None] | None = None,
) -> TwilioGateway:
    """A gateway to one account; nothing is sent yet.

    At most `concurrency` calls are under way at once; `start` of them at first, where it is given, and more while
    Twilio answers well. Times in seconds: to connect, between two pieces of an answer,
    and in all for a server that does not answer, or not to its end. Once `stop` is set nothing is tried a second
    time: calls between two attempts end as `interrupted`. `on_call` is told of each attempt, from the thread that
    made it, and `on_wait` of each wait before another one. `left` is how many seconds the run still has; at 0 nothing
    more is sent. `clock`, `jitter` (0 to 1) and `http_client` can be replaced by tests. Raises RemoteError for a base
    URL that is none.
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
    client = ClientBase(
        username=credentials.username,
        password=credentials.password,
        account_sid=credentials.sid,
        region=credentials.region,
        edge=credentials.edge or _EDGES.get(credentials.region or ""),
        environment=_NO_ENVIRONMENT,
        http_client=http_client or Transport(pool, base),
        user_agent_extensions=[f"reconciler/{__version__}"],
    )
    manners = Manners(patience or Patience(), give_up_after, clock, jitter, stop or Flag(), on_call, left, on_wait)
    caller = Caller(client, credentials.name, Limiter(concurrency, start), manners)
    return TwilioGateway(credentials, caller, base, pool.close)


def _base_url(credentials: Credentials) -> BaseUrl:
    try:
        return BaseUrl(credentials.base_url)
    except ValueError as error:
        raise errors.bad_address(credentials.name, str(error)) from None


def _each_once(pages: Ahead[NumberPage] | Generator[NumberPage]) -> Iterator[list[NumberRow]]:
    """The rows of each page without those of an earlier one: numbers bought meanwhile shift the pages."""
    seen: set[str] = set()
    with closing(pages):
        for page in pages:
            rows = page.incoming_phone_numbers
            sids = [row.sid for row in rows]
            if not seen.isdisjoint(sids) or len(set(sids)) < len(sids):
                rows = [row for sid, row in dict(zip(sids, rows, strict=True)).items() if sid not in seen]
            seen.update(sids)
            yield rows


def _strings(params: Params | None) -> dict[str, str]:
    """Parameters as Twilio writes them: true and false in small letters, None left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (params or {}).items()
        if value is not None
    }


def _object(body: bytes) -> dict[str, Any]:
    value = msgspec.json.decode(body)
    if not isinstance(value, dict):
        raise msgspec.ValidationError("not an object")
    return value


def _object_or_nothing(body: bytes) -> dict[str, Json]:
    return _object(body) if body else {}
