"""Listings, page after page: following the links of both of Twilio's styles, and fetching one page ahead.

v2010 writes ``next_page_uri`` (relative), the newer APIs ``meta.next_page_url`` (absolute); both end with null.
Knows neither HTTP nor numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

import msgspec

from reconciler.remote.twilio.errors import circular

T = TypeVar("T")
PAGE_SIZE = 1000
"""The most rows that Twilio puts into one page."""
_COURTESY = 1.0
"""Seconds to wait for a page that nobody wants any more, so that its connection is given back."""


def ahead(fetch: Callable[[str], T], following: Callable[[T], str | None], first: str) -> Generator[T]:
    """Pages from the target `first` on; while the caller holds one, a thread fetches the one after it.

    A caller that stops early leaves at most that one request unused. Raises what `fetch` raises, and RemoteError for
    pages that lead in a circle.
    """
    trail = Trail(first)
    asked: SimpleQueue[str | None] = SimpleQueue()
    fetched: SimpleQueue[T | _Failed] = SimpleQueue()
    worker = Thread(target=_serve, args=(fetch, asked, fetched), name="reconciler-pages", daemon=True)
    worker.start()
    asked.put(first)
    try:
        target: str | None = first
        while target is not None:
            page = fetched.get()
            if isinstance(page, _Failed):
                raise page.error
            target = trail.onward(following(page))
            asked.put(target)
            yield page
    finally:
        asked.put(None)
        worker.join(_COURTESY)


def in_turn(fetch: Callable[[str], T], following: Callable[[T], str | None], first: str) -> Generator[T]:
    """Pages from the target `first` on, each fetched when it is asked for; raises as `ahead` does."""
    trail = Trail(first)
    target: str | None = first
    while target is not None:
        page = fetch(target)
        yield page
        target = trail.onward(following(page))


class Trail:
    """The targets that were fetched."""

    def __init__(self, first: str) -> None:
        self._seen = {first}

    def onward(self, target: str | None) -> str | None:
        """The target as it is, None at the end. Raises RemoteError for one that was fetched before."""
        if target is None:
            return None
        if target in self._seen:
            raise circular(target)
        self._seen.add(target)
        return target


def next_link(page: Mapping[str, Any]) -> str | None:
    """The link to the page after this one, in either style; None at the end."""
    meta = page.get("meta")
    link = meta.get("next_page_url") if isinstance(meta, dict) else page.get("next_page_uri")
    return link if isinstance(link, str) and link else None


def rows_of(page: Mapping[str, Any], items: str) -> list[dict[str, Any]]:
    """The rows of a page: under `items`, else under the key that the page itself names.

    Raises msgspec.ValidationError when there are none.
    """
    meta = page.get("meta")
    key = items or (meta.get("key") if isinstance(meta, dict) else None)
    rows = page.get(key) if isinstance(key, str) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise msgspec.ValidationError(f"no rows under {key!r}")
    return rows


class _Failed(NamedTuple):
    error: BaseException


def _serve(fetch: Callable[[str], T], asked: SimpleQueue[str | None], fetched: SimpleQueue[T | _Failed]) -> None:
    while (target := asked.get()) is not None:
        try:
            fetched.put(fetch(target))
        except BaseException as error:  # noqa: BLE001  (handed to the caller, who is in another thread)
            fetched.put(_Failed(error))
