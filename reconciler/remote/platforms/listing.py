"""Read rows, numbers and pages of a platform's list strictly, each number once: anything else is an
error. A list that may lack a number is read again until it is steady.

A missing row would be planned as a number to import, so nothing is concluded from a listing that is
not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from reconciler.errors import RemoteError
from reconciler.remote.listing import ListingError, ListingGuard
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.contract import RegisteredNumber

Row = Mapping[str, Any]
_MOST_READINGS = 6


def list_rows(
    platform: str, answer: Any, key: str | None = None, *, absent: bool = False
) -> list[Row]:
    """Return the rows of an answer, or of the list under `key`.

    Raises RemoteError when there is no list of objects.

    `absent`: the platform leaves an empty list out.
    """
    value = answer
    if key is not None:
        value = answer.get(key) if isinstance(answer, Mapping) else None
        if absent and isinstance(answer, Mapping) and value is None:
            return []

    if not isinstance(value, list):
        place = f" under `{key}`" if key else ""
        raise _error(platform, "unexpected_answer", f"the answer has no list{place}")
    for index, row in enumerate(value):
        if not isinstance(row, Mapping):
            raise _error(platform, "unexpected_answer", f"row {index + 1} is no object")
    return value


def read_numbers(
    platform: str,
    rows: Sequence[Row],
    read: Callable[[Row], RegisteredNumber | None],
    texts: Iterable[str] = (),
) -> list[RegisteredNumber]:
    """Return what `read` makes of each row.

    Raises RemoteError for a row of which it makes nothing, and for one that has no text under one
    of `texts`: null and absent are allowed there.
    """
    numbers: list[RegisteredNumber] = []
    names = tuple(texts)
    for index, row in enumerate(rows):
        number = read(row)
        if number is None:
            raise _error(platform, "unexpected_answer", f"row {index + 1} has no number or no id")

        for name in names:
            value = row.get(name)
            if value is not None and not isinstance(value, str):
                raise _error(platform, "unexpected_answer", f"`{name}` of {number.key} is no text")

        numbers.append(number)
    return numbers


class NumberPages:
    """The numbers of one listing, each once."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._guard = ListingGuard()
        self._found: dict[str, RegisteredNumber] = {}
        self.count = 0

    def add(self, numbers: Iterable[RegisteredNumber], *, has_next: bool = False) -> None:
        """Add one page; `count` is how many pages there were.

        Raises RemoteError for contradicting numbers, and for pages without an end.
        """
        self.count += 1
        new = 0
        for number in numbers:
            known = self._found.setdefault(number.key, number)
            if known is number:
                new += 1
            elif known != number:
                message = f"{number.key} is in the list twice, with different content"
                raise _error(self._platform, "inconsistent_listing", message)

        try:
            self._guard.count(new, has_next=has_next)
        except ListingError as error:
            raise _error(self._platform, error.code, str(error)) from error

    @property
    def numbers(self) -> list[RegisteredNumber]:
        """Return all numbers so far."""
        return list(self._found.values())


def read_until_steady(
    platform: str, read: Callable[[], NumberPages], sought: Collection[str] = ()
) -> list[RegisteredNumber]:
    """Return the numbers of a listing, read again while it may lack one of `sought` (E.164).

    Pages are read by offset: when a number is removed from an earlier page, the next ones shift and
    one of them is never shown. So a listing of several pages that lacks a sought number is read
    again until a reading brings nothing new. Raises RemoteError for a listing that does not become
    steady.
    """
    first = read()
    known = {number.key: number for number in first.numbers}
    if first.count == 1 or all(key in known for key in sought):
        return first.numbers

    for _ in range(_MOST_READINGS):
        latest = {number.key: number for number in read().numbers}
        brings_new = not latest.keys() <= known.keys()
        known |= latest
        if not brings_new:
            return list(known.values())
    message = (
        f"each of {_MOST_READINGS + 1} readings shows other numbers, so the listing is unreliable"
    )
    raise _error(platform, "inconsistent_listing", message)


def read_single_page(platform: str, numbers: Iterable[RegisteredNumber]) -> list[RegisteredNumber]:
    """Return the numbers of a listing that has one page, each once.

    Raises RemoteError as `NumberPages.add` does.
    """
    pages = NumberPages(platform)
    pages.add(numbers)
    return pages.numbers


def _error(platform: str, code: str, message: str) -> RemoteError:
    return errors.number_error(platform, "the list", code, message)
