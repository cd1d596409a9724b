"""Vapi's list, which has no cursor: whatever the times of its numbers and the size of its pages, each number is found
once, and a server that does not sort or filter is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import RemoteError
from reconciler.remote.platforms import vapi_rows
from reconciler.remote.platforms.vapi_rows import list_all_rows

START = datetime(2026, 1, 1, tzinfo=UTC)
Read = Callable[[Any], Any]


def row(index: int, milliseconds: int) -> dict[str, Any]:
    moment = START + timedelta(milliseconds=milliseconds)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": f"id-{index}", "number": f"+1555{index:07d}", "createdAt": text}


def served(rows: Sequence[dict[str, Any]], asked: list[dict[str, Any]] | None = None) -> Read:
    """A server as documented: newest first, filtered by time, at most `limit`."""
    newest_first = sorted(rows, key=lambda each: each["createdAt"], reverse=True)

    def read(query: Any) -> Any:
        if asked is not None:
            asked.append(dict(query))
        before = query["createdAtLt"]
        found = [each for each in newest_first if before is None or each["createdAt"] < before]
        return found[: query["limit"]]

    return read


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vapi_rows, "_PAGE", 3)
    monkeypatch.setattr(vapi_rows, "_LARGEST_PAGE", 8)


@given(st.lists(st.integers(0, 12), max_size=40))
def test_finds_every_number_once_whatever_their_times(times: list[int]) -> None:
    most_alike = max((times.count(each) for each in times), default=0)
    rows = [row(index, each) for index, each in enumerate(times)]
    if most_alike >= 8:
        return  # no call shows more numbers of one moment than the largest page
    found = [each["id"] for each in list_all_rows("vapi", served(rows))]
    assert sorted(found) == sorted(each["id"] for each in rows)


def test_one_page_is_one_call() -> None:
    asked: list[dict[str, Any]] = []
    assert len(list_all_rows("vapi", served([row(1, 1), row(2, 2)], asked))) == 2
    assert asked == [{"limit": 3, "createdAtLt": None}]


def test_a_number_that_is_removed_or_added_meanwhile_hides_no_other() -> None:
    rows = [row(index, index) for index in range(9)]
    asked: list[dict[str, Any]] = []

    def read(query: Any) -> Any:
        answer = served(rows, asked)(query)
        if len(asked) == 1:
            rows.remove(answer[1])
            rows.append(row(99, 99))
        return answer

    found = {each["id"] for each in list_all_rows("vapi", read)}
    assert {f"id-{index}" for index in range(9)} <= found


def test_more_numbers_of_one_moment_than_a_page_holds_is_an_error() -> None:
    rows = [row(index, 5) for index in range(9)]
    with pytest.raises(RemoteError) as caught:
        list_all_rows("vapi", served(rows))
    assert caught.value.code == "inconsistent_listing"
    assert "the same time" in str(caught.value)


def endless(count: int) -> list[dict[str, Any]]:
    return [row(10**6 + count * 3 + index, 10**8 - count * 3 - index) for index in range(3)]


BROKEN: dict[str, tuple[Callable[[int, Any], Any], str]] = {
    "it ignores the filter": (
        lambda count, query: [row(index, 9 - index) for index in range(3)],
        "inconsistent_listing",
    ),
    "oldest first": (
        lambda count, query: [row(index, index) for index in range(3)],
        "inconsistent_listing",
    ),
    "no time": (lambda count, query: [{"id": str(n)} for n in range(3)], "unexpected_answer"),
    "no time that can be read": (
        lambda count, query: [{"id": str(n), "createdAt": "soon"} for n in range(3)],
        "unexpected_answer",
    ),
    "the end of time": (
        lambda count, query: [
            {"id": str(n), "createdAt": "9999-12-31T23:59:59.999999Z"} for n in range(3)
        ],
        "unexpected_answer",
    ),
    "no id": (lambda count, query: [{"number": "+15550100101"}], "unexpected_answer"),
    "a text": (lambda count, query: "nothing", "unexpected_answer"),
    "a list of lists": (lambda count, query: [[]], "unexpected_answer"),
    "the same ids for ever": (
        lambda count, query: [{**row(n, 10**6 - count * 3 - n), "id": str(n)} for n in range(3)],
        "endless_listing",
    ),
    "new numbers for ever": (lambda count, query: endless(count), "endless_listing"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_server_is_an_error_after_a_bounded_number_of_calls(case: str) -> None:
    answer, code = BROKEN[case]
    count = 0

    def read(query: Any) -> Any:
        nonlocal count
        count += 1
        return answer(count, query)

    with pytest.raises(RemoteError) as caught:
        list_all_rows("vapi", read)
    assert caught.value.code == code
    assert count <= 10_000
