from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.state.backends import open_store
from reconciler.state.store import Store

from . import servers


@dataclass(frozen=True)
class Place:
    """Where a state is kept; every `open` is another client of it."""

    location: str
    base: Path

    def open(self, project: str = "acme", *, lease: float = 30.0) -> Store:
        return open_store(self.location, self.base, project, lease=lease)

    @property
    def leased(self) -> bool:
        return "://" in self.location


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with servers.s3_server() as url:
        yield url


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty place of each kind of store; one more kind is one more line here."""
    if request.param == "s3":
        for name, value in {**servers.S3, "AWS_ENDPOINT_URL": request.getfixturevalue("s3")}.items():
            monkeypatch.setenv(name, value)
        return Place(f"s3://states/{uuid.uuid4().hex}/state.json", tmp_path)
    return Place("state.json", tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a state that is not there yet."""
    return tmp_path / "state.json"
