"""Count the pages, rows and bytes of a listing, so that one without an end raises an error; also
defines the other errors of unreliable listings. Reads nothing.

Pure, and the same for Twilio and for platforms.
"""

from __future__ import annotations

MOST_PAGES = 10_000
MOST_ROWS = 500_000
MOST_BYTES = 512 << 20
"""Limit of all pages of one listing together; 100,000 numbers are 100 pages and about 160 MB."""
MOST_REPEATED = 3
"""Most pages in a row without a new row that still name a next page.

Rows that shift while a listing is read repeat only few pages.
"""


class ListingError(Exception):
    """A listing whose rows cannot be relied on. `code` is that of the diagnostic."""

    code = "inconsistent_listing"


class EndlessListing(ListingError):
    """A listing without an end."""

    code = "endless_listing"


class ForeignRows(ListingError):
    """A listing with rows that were not requested."""

    code = "foreign_rows"


class ListingGuard:
    """Counter of the pages, rows and bytes of one listing."""

    def __init__(self) -> None:
        self._pages = 0
        self._rows = 0
        self._bytes = 0
        self._repeated = 0

    def count(self, new_rows: int, *, has_next: bool, size: int = 0) -> None:
        """Count one page. Raises EndlessListing when a limit is exceeded."""
        self._pages += 1
        self._rows += new_rows
        self._bytes += size
        self._repeated = 0 if new_rows else self._repeated + 1

        if not has_next:
            return
        if self._repeated > MOST_REPEATED:
            raise EndlessListing(
                f"{self._repeated} pages in a row bring no new row and name a next page"
            )
        if self._pages >= MOST_PAGES:
            raise EndlessListing(f"it goes on after {MOST_PAGES:,} pages")
        if self._rows >= MOST_ROWS or self._bytes >= MOST_BYTES:
            raise EndlessListing(f"it goes on after {self._rows:,} rows of {self._bytes >> 20} MB")
