"""Two stacks that share a project or a state are found, also beside one that ends its reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.config.load.fleet import Stack
from reconciler.errors import ConfigInvalid
from reconciler.fleet.identity import find_shared
from reconciler.model.position import Position


def stack(folder: Path, name: str, project: str) -> Stack:
    file = folder / f"{name}.yaml"
    file.write_text(f"version: 1\nproject: {project}\nstate: ./{name}.json\n", encoding="utf-8")
    return Stack(name, folder, file.name, Position("fleet.yaml", 1, 1))


def test_stacks_beside_one_that_never_ends_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.fleet.identity._SECONDS", 3.0)
    stacks = [stack(tmp_path, "a", "one"), stack(tmp_path, "b", "one"), stack(tmp_path, "c", "two")]
    endless = tmp_path / "endless.yaml"
    os.mkfifo(endless)
    stacks.insert(1, Stack("endless", tmp_path, endless.name, Position("fleet.yaml", 1, 1)))

    with pytest.raises(ConfigInvalid) as caught:
        find_shared(stacks, {}, (), 2)
    assert [each.code for each in caught.value.diagnostics] == ["fleet_shares_project"]


def test_stacks_with_projects_of_their_own_are_no_problem(tmp_path: Path) -> None:
    find_shared([stack(tmp_path, "a", "one"), stack(tmp_path, "b", "two")], {}, (), 2)
