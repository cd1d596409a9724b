"""The journal's lines: what is torn is ignored, what is damaged or does not fit is an error."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconciler.errors import StateError
from reconciler.state.format.document import State
from reconciler.state.format.journal import (
    FORMAT,
    Header,
    Leftover,
    header_line,
    parse,
    record_line,
    replay,
)
from reconciler.state.records import Drop, Put, Record

from .samples import NOW, address, entry, state

HEADER = Header(FORMAT, "one", 4, "run-1", NOW)
BATCHES: list[list[Record]] = [
    [Put(address(1), entry(1, pending={"voice": "x"})), Drop(address(2))],
    [Put(address(1), entry(1))],
    [Drop(address(3))],
]


def lines(header: Header = HEADER) -> list[bytes]:
    line, checksum = header_line(header)
    found = [line]
    for batch in BATCHES:
        line, checksum = record_line(batch, checksum)
        found.append(line)
    return found


def good(data: bytes) -> Leftover:
    leftover = parse(data, "state.json.journal")
    assert leftover is not None
    return leftover


def damage(data: bytes) -> str:
    with pytest.raises(StateError) as caught:
        parse(data, "state.json.journal")
    problem = caught.value.diagnostics[0]
    assert problem.code == "state_damaged"
    assert "mv state.json.journal" in problem.detail
    return problem.detail


def test_reads_back_written_records() -> None:
    leftover = good(b"".join(lines()))
    assert leftover.header == HEADER
    assert leftover.records == [record for batch in BATCHES for record in batch]


def test_every_line_is_separate_json() -> None:
    assert all(line.count(b"\n") == 1 and line.endswith(b"}\n") for line in lines())


@pytest.mark.parametrize("missing", [1, 2, 20])
def test_a_last_line_cut_short_is_ignored(missing: int) -> None:
    assert len(good(b"".join(lines())[:-missing]).records) == 3


def test_a_last_line_with_a_hole_is_ignored() -> None:
    data = b"".join(lines())
    hole = len(data) - 30
    assert len(good(data[:hole] + b"\0" * 10 + data[hole + 10 :]).records) == 3


@pytest.mark.parametrize("length", [0, 1, 50])
def test_journal_with_an_incomplete_header_counts_as_absent(length: int) -> None:
    assert parse(lines()[0][:length], "state.json.journal") is None


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_bad_line_before_the_last_is_damage(bad: int) -> None:
    found = lines()
    found[bad] = found[bad][:-9] + b"x" + found[bad][-8:]
    assert f"line {bad + 1}" in damage(b"".join(found))


def test_invalid_line_before_a_torn_one_is_damage() -> None:
    found = lines()
    found[2] = found[2].replace(b"5", b"6")
    assert "line 3" in damage(b"".join(found[:3]) + found[3][:10])


def test_missing_line_is_damage() -> None:
    found = lines()
    assert "line 3" in damage(found[0] + found[1] + found[3] + found[2])


def test_line_of_a_different_journal_is_damage() -> None:
    found, other = lines(), lines(replace(HEADER, run="run-2"))
    assert "line 2" in damage(found[0] + other[1] + found[2])


def test_a_line_that_is_not_json_is_damage() -> None:
    found = lines()
    assert "line 2" in damage(found[0] + b"}\n" + found[1])


def test_a_second_header_is_damage() -> None:
    found = lines()
    assert "line 2" in damage(found[0] + found[0] + found[1])


def test_a_newer_format_is_not_read() -> None:
    with pytest.raises(StateError) as caught:
        parse(b"".join(lines(replace(HEADER, format=FORMAT + 1))), "state.json.journal")
    assert caught.value.diagnostics[0].code == "state_too_new"


def base(**changes: object) -> State:
    return State(
        **{"project": "acme", "lineage": "one", "serial": 4, "resources": state(4).resources}
        | changes
    )


LEFTOVER = Leftover(HEADER, [record for batch in BATCHES for record in batch])


def test_replays_records_on_the_version_that_they_continue() -> None:
    after = replay(base(), LEFTOVER, "state.json.journal")
    assert set(after.resources) == {address(0), address(1)}
    assert after.resources[address(1)] == entry(1)
    assert after.version == ("one", 4, 4)


def test_skips_a_journal_older_than_the_state() -> None:
    after = base(serial=5)
    assert replay(after, LEFTOVER, "state.json.journal") is after


@pytest.mark.parametrize(
    ("changes", "reason"), [({"lineage": "two"}, "another state"), ({"serial": 3}, "is older")]
)
def test_journal_that_does_not_match_the_state_is_an_error(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(StateError, match=reason):
        replay(base(**changes), LEFTOVER, "state.json.journal")
