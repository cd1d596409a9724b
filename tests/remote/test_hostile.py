"""Whatever a hostile or broken server answers: a clear error, in bounded time and memory and with few requests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciler.kinds.table import KINDS
from reconciler.remote.listing import (
    MOST_BYTES,
    MOST_PAGES,
    MOST_REPEATED,
    MOST_ROWS,
    EndlessListing,
    ListingGuard,
)
from tests.remote.hostile import CASES, Hostile

ROOT = Path(__file__).parents[2]
MOST_MEMORY = 400
"""MB of the whole process."""
PLATFORMS = ("nixflex", "feather", "butter", "dasha", "livekit", "vapi", "elevenlabs")


class Expected(NamedTuple):
    """`requests` is the most there may be."""

    code: str
    requests: int = 2


ANY = {
    "gzip_bomb": Expected("answer_too_large", 1),
    "gzip_bomb_of_small_members": Expected("answer_too_large", 1),
    "unknown_encoding": Expected("unexpected_answer"),
    "broken_gzip": Expected("unexpected_answer"),
    "endless_body": Expected("answer_too_large", 1),
    "stated_size": Expected("answer_too_large", 1),
    "endless_trickle": Expected("network_error", 2),
    "many_small_values": Expected("unexpected_answer"),
    "deep_nesting": Expected("unexpected_answer"),
    "no_json": Expected("unexpected_answer"),
}
"""What any call may meet."""
LISTED = {
    **ANY,
    "no_rows": Expected("unexpected_answer"),
    "rows_of_text": Expected("unexpected_answer"),
    "rows_without_a_key": Expected("unexpected_answer"),
    "wrong_types": Expected("unexpected_answer"),
}
PAGED = {
    "circle": Expected("endless_listing", 10),
    "known_rows_under_new_links": Expected("endless_listing", MOST_REPEATED + 2),
    "empty_pages_without_end": Expected("endless_listing", MOST_REPEATED + 2),
    "one_sid_two_contents": Expected("inconsistent_listing"),
    "rows_of_another_account": Expected("foreign_rows"),
    "link_to_another_host": Expected("unexpected_answer"),
    "link_to_another_path": Expected("unexpected_answer"),
}
PLATFORM = {**LISTED, "one_number_two_sids": Expected("inconsistent_listing")}
PAGING_PLATFORMS = ("nixflex", "dasha", "elevenlabs")
"""The other platforms answer with one page. Vapi's pages have tests of their own."""
PAGED_PLATFORM = {"known_rows_under_new_links": Expected("endless_listing", MOST_REPEATED + 3)}
BELOW = {case: expected for case, expected in PAGED.items() if case != "rows_of_another_account"}
"""What lies below a trunk or a list; its rows need not name the account."""
CHILDREN = sorted(
    name for name, kind in KINDS.items() if kind.parent is not None and not kind.singleton
)
TABLE = {
    "numbers": {
        **LISTED,
        **PAGED,
        "one_number_two_sids": Expected("inconsistent_listing"),
        "one_number_two_sids_on_two_pages": Expected("inconsistent_listing"),
    },
    "trunks": {**LISTED, **PAGED, "rows_of_another_account": Expected("twilio_wrong_account")},
    "applications": {**LISTED, **PAGED},
    "events": {
        name: expected
        for name, expected in {**ANY, **PAGED}.items()
        if name != "rows_of_another_account"
    },
    "one number": ANY,
    **{f"below:{name}": BELOW for name in CHILDREN},
    **{
        f"platform:{name}": {**PLATFORM, **(PAGED_PLATFORM if name in PAGING_PLATFORMS else {})}
        for name in PLATFORMS
    },
}
EXEMPT = {
    ("platform:livekit", "no_rows"),  # its empty lists look like that
    ("platform:livekit", "rows_without_a_key"),  # trunks of several numbers, or none, are not ours
    ("platform:livekit", "wrong_types"),
    ("platform:livekit", "one_number_two_sids"),
    ("platform:vapi", "one_number_two_sids"),  # an error for requested numbers only: `test_vapi`
    ("platform:nixflex", "one_number_two_sids"),  # the number is its id
}


@pytest.mark.parametrize("what", TABLE)
def test_each_hostile_answer_is_a_clear_error_at_a_bounded_cost(what: str) -> None:
    cases = {case: expected for case, expected in TABLE[what].items() if (what, case) not in EXEMPT}
    servers = {case: Hostile(CASES[case]) for case in cases}
    try:
        found = read(what, servers)
    finally:
        for server in servers.values():
            server.close()

    assert found.keys() == cases.keys()
    for case, expected in cases.items():
        assert found[case]["code"] == expected.code, found[case]
        assert servers[case].requests <= expected.requests, (servers[case].requests, found[case])
        assert found[case]["peak"] <= MOST_MEMORY, found[case]
        assert found[case]["seconds"] < 60, found[case]


def test_stops_reading_endless_new_rows() -> None:
    server = Hostile(CASES["new_rows_without_end"])
    try:
        found = read("numbers", {"new_rows_without_end": server})["new_rows_without_end"]
    finally:
        server.close()
    assert found["code"] == "endless_listing", found
    assert server.requests <= MOST_ROWS // 1000 + 5
    assert found["peak"] <= MOST_MEMORY


def test_stops_reading_endless_pages_of_any_size() -> None:
    for rows, size, most in ((1, 1000, MOST_PAGES), (1, 64 << 20, MOST_BYTES >> 26)):
        guard = ListingGuard()
        for _ in range(most - 1):
            guard.count(rows, has_next=True, size=size)
        with pytest.raises(EndlessListing):
            guard.count(rows, has_next=True, size=size)


def test_every_case_is_used() -> None:
    assert set(CASES) == {case for cases in TABLE.values() for case in cases} | {
        "new_rows_without_end"
    }


def read(what: str, servers: Mapping[str, Hostile]) -> dict[str, dict[str, Any]]:
    """Read all cases in a process of its own; what it found, by case."""
    command = [sys.executable, "-m", "tests.remote.hostile", what]
    command += [f"{case}={server.url}" for case, server in servers.items()]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    return {each["case"]: each for each in map(json.loads, done.stdout.splitlines())}
