"""Yield the pages of a listing, on request or fetched ahead by a thread, and find links and rows in
both of Twilio's styles; the caller fetches each page.

v2010 writes ``next_page_uri`` (relative), the newer APIs ``meta.next_page_url`` (absolute); both
end with null. Knows neither HTTP nor numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Any, NamedTuple, TypeVar

import msgspec

from reconciler.remote.listing import EndlessListing

T = TypeVar("T")
PAGE_SIZE = 1000
"""The most rows that Twilio puts into one page."""
_COURTESY = 1.0
"""Seconds to wait for an unused page, so that its connection returns to the pool."""


class PagePrefetch(Iterator[T]):
    """Pages from the target `first` on, fetched by a thread that keeps up to `DEPTH` of them.

    Fetching starts at once, so work before the first page is asked for costs no extra time. A
    caller that stops early calls `close`, which leaves at most one request unused. Raises what
    `fetch` raises, and EndlessListing for pages that lead in a circle.
    """

    DEPTH = 4

    def __init__(
        self, fetch: Callable[[str], T], following: Callable[[T], str | None], first: str
    ) -> None:
        self._room = Semaphore(self.DEPTH)
        self._fetched: SimpleQueue[T | _FetchFailure | None] = SimpleQueue()
        self._unwanted = Event()
        self._worker = Thread(
            target=self._serve, args=(fetch, following, first), name="reconciler-pages", daemon=True
        )
        self._worker.start()

    def __next__(self) -> T:
        page = self._fetched.get()
        if page is None or isinstance(page, _FetchFailure):
            self._fetched.put(None)
            if page is None:
                raise StopIteration
            raise page.error
        self._room.release()
        return page

    def close(self) -> None:
        """Stop fetching."""
        self._unwanted.set()
        self._room.release()
        self._worker.join(_COURTESY)

    def _serve(
        self, fetch: Callable[[str], T], following: Callable[[T], str | None], first: str
    ) -> None:
        last: _FetchFailure | None = None
        try:
            trail, target = PageTrail(first), first
            while target is not None and self._room.acquire() and not self._unwanted.is_set():
                page = fetch(target)
                target = trail.follow(following(page))  # type: ignore[assignment]
                self._fetched.put(page)
        except BaseException as error:  # noqa: BLE001
            # Handed to the caller, which is in another thread.
            last = _FetchFailure(error)
        self._fetched.put(last)


def iterate_pages(
    fetch: Callable[[str], T], following: Callable[[T], str | None], first: str
) -> Generator[T]:
    """Yield pages from the target `first` on, each fetched on request.

    Raises as `PagePrefetch` does.
    """
    trail = PageTrail(first)
    target: str | None = first

    while target is not None:
        page = fetch(target)
        yield page
        target = trail.follow(following(page))


class PageTrail:
    """The targets that were fetched so far."""

    def __init__(self, first: str) -> None:
        self._seen = {first}

    def follow(self, target: str | None) -> str | None:
        """Return the target, None at the end.

        Raises EndlessListing for one that was fetched before.
        """
        if target is None:
            return None
        if target in self._seen:
            raise EndlessListing("its pages lead in a circle")
        self._seen.add(target)
        return target


def find_next_link(page: Mapping[str, Any]) -> str | None:
    """Return the link to the next page, in either style; None at the end."""
    meta = page.get("meta")
    link = meta.get("next_page_url") if isinstance(meta, dict) else page.get("next_page_uri")
    return link if isinstance(link, str) and link else None


def rows_in_page(page: Mapping[str, Any], items: str) -> list[dict[str, Any]]:
    """Return the rows of a page: under `items`, else under the key that the page names.

    Raises msgspec.ValidationError when there are none.
    """
    meta = page.get("meta")
    key = items or (meta.get("key") if isinstance(meta, dict) else None)
    rows = page.get(key) if isinstance(key, str) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise msgspec.ValidationError(f"no rows under {key!r}")
    return rows


class _FetchFailure(NamedTuple):
    error: BaseException
