"""Return the rows of a table as pages in Twilio's two envelopes, fetch one row of an account, and
render it.

Page tokens hold a rank, so they stay valid while rows are added and removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.store import Cursor, Page, R, Row, Table
from reconciler.sandbox.twilio.auth import TwilioCall
from reconciler.sandbox.twilio.refusals import not_found, refusal

DEFAULT_SIZE = 50
LARGEST_SIZE = 1000

_PAGING = frozenset({"Page", "PageSize", "PageToken"})
_TOKEN = re.compile(r"P([AB])[A-Z]{2}([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class _PageRequest:
    """The page that a query asks for: its number and its beginning."""

    number: int
    cursor: Cursor


def v2010_page(
    call: TwilioCall,
    table: Table[R],
    *,
    key: str = "",
    owner: str = "",
    wanted: Callable[[R], bool] | None = None,
    among: Iterable[R] | None = None,
    view: Callable[[R], bytes] | None = None,
) -> Reply:
    """Return a page of the 2010 API: relative links, rows as stored or as `view` shows them."""
    asked = _read_page_request(call)
    page = table.page(owner or call.account.sid, asked.cursor, wanted=wanted, among=among)
    size, number = asked.cursor.size, asked.number
    next_query, previous_query = _neighbours(call, page, asked, table.shelf.prefix)
    start = number * size

    def link(query: str | None) -> str | None:
        return None if query is None else f"{call.request.path}?{query}"

    return json_reply(
        200,
        {
            "first_page_uri": link(_query(call, 0, size)),
            "end": start + max(len(page.rows) - 1, 0),
            "previous_page_uri": link(previous_query),
            key or table.shelf.name: _join(view or table.to_json, page.rows),
            "uri": link(urlencode({**call.request.query, "PageSize": size, "Page": number})),
            "page_size": size,
            "start": start,
            "next_page_uri": link(next_query),
            "page": number,
        },
    )


def v1_page(
    call: TwilioCall,
    table: Table[R],
    *,
    view: Callable[[R, str], Mapping[str, object]],
    key: str = "",
    owner: str = "",
    wanted: Callable[[R], bool] | None = None,
    among: Iterable[R] | None = None,
) -> Reply:
    """Return a page of the newer products: `meta` with absolute links.

    `view` returns a row as the API sends it, below a base URL.
    """
    asked = _read_page_request(call)
    page = table.page(owner or call.account.sid, asked.cursor, wanted=wanted, among=among)
    next_query, previous_query = _neighbours(call, page, asked, table.shelf.prefix)

    def link(query: str | None) -> str | None:
        return None if query is None else f"{call.request.base_url}{call.request.path}?{query}"

    meta = {
        "page": asked.number,
        "page_size": asked.cursor.size,
        "first_page_url": link(_query(call, 0, asked.cursor.size)),
        "previous_page_url": link(previous_query),
        "url": link(
            urlencode({**call.request.query, "PageSize": asked.cursor.size, "Page": asked.number})
        ),
        "next_page_url": link(next_query),
        "key": key or table.shelf.name,
    }
    return json_reply(
        200,
        {
            key or table.shelf.name: [view(row, call.request.base_url) for row in page.rows],
            "meta": meta,
        },
    )


def fetch_row(call: TwilioCall, table: Table[R], sid: str, *, owner: str = "") -> R:
    """Return the row with this SID.

    Refuses with 20404 unless it exists and belongs to the owner or the account.
    """
    row = table.get(sid)
    if row is None or str(getattr(row, table.shelf.owner)) != (owner or call.account.sid):
        raise not_found(call.request.path)
    return row


def render_row(table: Table[R], row: R, status: int = 200) -> Reply:
    """Return a reply with a row of the 2010 API."""
    return Reply(status, table.to_json(row))


def plain_fields(row: Row) -> dict[str, object]:
    """Return the fields of a row, for a view that differs from the stored form."""
    return msgspec.structs.asdict(row)


def _read_page_request(call: TwilioCall) -> _PageRequest:
    query = call.request.query
    size = _number(query.get("PageSize", str(DEFAULT_SIZE)), "PageSize")
    if size > LARGEST_SIZE:
        raise refusal(20007, f"Page size too large: the maximum is {LARGEST_SIZE}")

    number = _number(query.get("Page", "0"), "Page")
    token = query.get("PageToken")
    if token is None:
        if number:
            raise refusal(21481, "Paged requests must include a PageToken")
        return _PageRequest(number, Cursor(max(size, 1)))

    found = _TOKEN.fullmatch(token)
    if not found:
        raise refusal(21481, f"Invalid PageToken: {token}")

    rank = int(found[2], 16)
    if found[1] == "A":
        return _PageRequest(number, Cursor(max(size, 1), older_than=rank))
    return _PageRequest(number, Cursor(max(size, 1), newer_than=rank))


def _number(value: str, name: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise refusal(20001, f"Invalid parameter: {name} must be a number")
    return int(value)


def _neighbours(
    call: TwilioCall, page: Page[R], asked: _PageRequest, prefix: str
) -> tuple[str | None, str | None]:
    """Return the queries of the next and of the previous page, None where there is none."""
    size, number = asked.cursor.size, asked.number
    following = (
        _query(call, number + 1, size, f"PA{prefix}{page.oldest:032x}") if page.more else None
    )
    if not number or not page.rows:
        return following, None
    return following, _query(call, number - 1, size, f"PB{prefix}{page.newest:032x}")


def _query(call: TwilioCall, number: int, size: int, token: str | None = None) -> str:
    filters = {name: value for name, value in call.request.query.items() if name not in _PAGING}
    query = {**filters, "PageSize": size, "Page": number}
    return urlencode({**query, "PageToken": token} if token else query)


def _join(view: Callable[[R], bytes], rows: list[R]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(map(view, rows)) + b"]")
