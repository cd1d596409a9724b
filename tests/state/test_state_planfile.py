"""Saved plans: read as they were written, refused when they are damaged, of another version, or stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateError
from reconciler.state.format.document import State, empty_state
from reconciler.state.plan_file import FORMAT, read, write
from reconciler.state.records import Saved
from reconciler.workflows.saved_plan_check import find_state_change

from .samples import plan


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def problem(path: Path) -> Diagnostic:
    with pytest.raises(StateError) as caught:
        read(path)
    return caught.value.diagnostics[0]


def test_reads_back_a_written_plan(path: Path) -> None:
    before = plan(
        diagnostics=[Diagnostic(severity="warning", code="tunnel", summary="x")],
        targets=["number/*"],
    )
    write(path, before)
    assert read(path) == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["plan.json"]


def test_the_same_plan_gives_the_same_bytes(path: Path) -> None:
    before = plan()
    write(path, before)
    first = path.read_bytes()
    write(
        path,
        replace(
            before,
            fingerprints={
                name: dict(reversed(f.items())) for name, f in before.fingerprints.items()
            },
        ),
    )
    assert path.read_bytes() == first


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format":%d}' % FORMAT, b"\xff"])
def test_a_damaged_plan_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    found = problem(path)
    assert found.code == "plan_damaged"
    assert f"reconciler plan --out {path}" in found.detail


def test_refuses_a_plan_changed_by_one_byte_anywhere(path: Path) -> None:
    write(path, plan())
    whole = path.read_bytes()
    for at in range(len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert problem(path).code in ("plan_damaged", "plan_too_new"), whole[at - 20 : at + 20]


@pytest.mark.parametrize("half", ["a.example", "number/+15550000001"])
def test_a_plan_edited_by_hand_is_refused(path: Path, half: str) -> None:
    write(path, plan())
    path.write_text(path.read_text().replace(half, half[:-1] + "x"))
    found = problem(path)
    assert (found.code, "checksum" in found.detail, half[:-1] + "x" in found.detail) == (
        "plan_damaged",
        True,
        False,
    )


def test_a_plan_whose_checksum_was_taken_out_is_refused(path: Path) -> None:
    write(path, plan())
    document = json.loads(path.read_text())
    del document["sha256"]
    path.write_text(json.dumps(document))
    assert problem(path).code == "plan_damaged"


def test_plan_without_checksums_has_a_different_format(path: Path) -> None:
    write(path, plan())
    document = json.loads(path.read_text()) | {"format": 1}
    del document["sha256"]
    path.write_text(json.dumps(document))
    found = problem(path)
    assert found.code == "plan_too_new"
    assert "reconciler plan --out" in found.detail


def test_changed_line_ends_do_no_harm(path: Path) -> None:
    write(path, plan())
    path.write_bytes(path.read_bytes().rstrip() + b"\r\n")
    assert read(path) == plan()


def test_unknown_field_is_damage(path: Path) -> None:
    write(path, plan())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"approve": True}))
    assert problem(path).code == "plan_damaged"


@pytest.mark.parametrize("other", [FORMAT + 1, FORMAT - 1])
def test_refuses_a_plan_of_a_different_format(path: Path, other: int) -> None:
    path.write_text(json.dumps({"format": other, "actions": []}))
    assert problem(path).code == "plan_too_new"


def test_reports_a_missing_plan(path: Path) -> None:
    assert problem(path).code == "plan_unreadable"
    assert problem(path.parent).code == "plan_unreadable"


def test_reports_a_plan_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="plan_unwritable"):
        write(tmp_path / "nowhere" / "plan.json", plan())


def at(**changes: object) -> State:
    return State(**{"project": "acme", "lineage": "one", "serial": 3, "resources": {}} | changes)


def test_plan_matches_the_state_that_it_was_made_from() -> None:
    assert find_state_change(plan(), at()) is None
    assert find_state_change(plan(journal_records=2), at(journal_records=2)) is None


@pytest.mark.parametrize("changes", [{"serial": 4}, {"lineage": "two"}, {"journal_records": 1}])
def test_a_plan_is_stale_once_the_state_moved(changes: dict[str, object]) -> None:
    found = find_state_change(plan(), at(**changes))
    assert found is not None
    assert found.code == "plan_stale"
    assert str(at(**changes).version) in found.detail


def test_stale_plan_names_the_author_of_the_newer_state() -> None:
    saved = Saved(
        "2026-03-02T08:00:00Z", "bob", "reconciler apply --auto-approve", "https://ci.example/7"
    )
    found = find_state_change(plan(), at(serial=4, saved=saved))
    assert found is not None
    words = "Serial 4 was written 2026-03-02T08:00:00Z by bob with `reconciler apply --auto-approve` (CI job https:"
    assert words in found.detail
    found = find_state_change(plan(), at(journal_records=2))
    assert found is not None
    assert "was written" not in found.detail, "nobody knows"
    assert "interrupted" in found.detail


def test_plan_of_an_empty_state_matches_only_an_empty_state() -> None:
    first = plan(lineage=empty_state("acme").lineage, serial=0)
    assert find_state_change(first, None) is None
    assert find_state_change(first, empty_state("acme")) is None
    assert find_state_change(first, at()) is not None
    assert find_state_change(plan(), None) is not None
