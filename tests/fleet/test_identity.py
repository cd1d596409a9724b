"""What is known of each stack before it runs, also beside one that ends its reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.config.load.fleet import Stack
from reconciler.errors import ConfigInvalid, UsageError
from reconciler.fleet import identity
from reconciler.fleet.identity import find_shared, find_unread
from reconciler.model.position import Position
from reconciler.workflows.output_guard import Output


def stack(folder: Path, name: str, project: str, state: str = "") -> Stack:
    file = folder / f"{name}.yaml"
    state = state or f"./{name}.json"
    file.write_text(f"version: 1\nproject: {project}\nstate: {state}\n", encoding="utf-8")
    return Stack(name, folder, file.name, Position("fleet.yaml", 1, 1))


def endless_stack(folder: Path) -> Stack:
    """A stack whose configuration never ends."""
    os.mkfifo(folder / "endless.yaml")
    return Stack("endless", folder, "endless.yaml", Position("fleet.yaml", 1, 1))


def test_stacks_beside_one_that_never_ends_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_SECONDS", 2.0)
    stacks = [stack(tmp_path, "a", "one"), stack(tmp_path, "b", "one"), stack(tmp_path, "c", "two")]
    stacks.insert(1, endless_stack(tmp_path))
    with pytest.raises(ConfigInvalid) as caught:
        find_shared(stacks, {}, (), 2)
    assert [each.code for each in caught.value.diagnostics] == ["fleet_shares_project"]


def test_a_stack_that_cannot_be_read_is_named_and_protects_files_that_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_SECONDS", 1.0)
    stacks = [endless_stack(tmp_path), stack(tmp_path, "a", "one")]
    new = Output(tmp_path / "new.html", "--report html")
    found = find_shared(stacks, {}, (), 2, [new])
    [warning] = find_unread(stacks, found)
    assert (warning.code, warning.severity) == ("fleet_not_compared", "warning")
    assert "`endless`" in warning.detail

    (tmp_path / "new.html").touch()
    with pytest.raises(UsageError, match="may be a file of the stack `endless`"):
        find_shared(stacks, {}, (), 2, [new])


def test_stacks_with_projects_of_their_own_are_no_problem(tmp_path: Path) -> None:
    stacks = [stack(tmp_path, "a", "one"), stack(tmp_path, "b", "two")]
    (tmp_path / "b.yaml").write_text("version: [\n", encoding="utf-8")
    found = find_shared(stacks, {}, (), 2)
    assert found["a"] is not None
    assert found["a"].project == "one"
    assert found["b"] is None
    assert list(find_unread(stacks, found)) == [], "its own command reports why"


@pytest.mark.parametrize("report", ["deep/b.json", "deep/b.json.journal", "b.yaml"])
def test_a_report_that_is_a_file_of_a_stack_is_refused_by_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the configuration of a stack is read beside the fleet itself")

    monkeypatch.setattr(identity, "check_outputs", fail)
    (tmp_path / "deep").mkdir()
    stacks = [stack(tmp_path, "a", "one"), stack(tmp_path, "b", "two", "./deep/b.json")]
    outputs = [Output(tmp_path / report, "--report json")]
    with pytest.raises(UsageError, match="Stack `b`: --report json"):
        find_shared(stacks, {}, (), 2, outputs)
    find_shared(stacks, {}, (), 2, [Output(tmp_path / "deep/c.json", "--report json")])
