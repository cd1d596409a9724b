from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.state.backends import open_store
from reconciler.state.store import Store


@dataclass(frozen=True)
class Place:
    """Where a state is kept; every `open` is another client of it."""

    location: str
    base: Path

    def open(self, project: str = "acme") -> Store:
        return open_store(self.location, self.base, project)


@pytest.fixture(params=["file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind of store; one more kind is one more line here."""
    return {"file": Place("state.json", tmp_path)}[request.param]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a state that is not there yet."""
    return tmp_path / "state.json"
