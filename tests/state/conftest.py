from __future__ import annotations

import tempfile
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

    def open(self, project: str = "acme", *, lease: float | None = None) -> Store:
        return open_store(self.location, self.base, project, lease=lease)

    @property
    def leased(self) -> bool:
        return "://" in self.location

    @property
    def of_many(self) -> bool:
        """Whether several projects have their state in one place."""
        return self.location.startswith("postgresql:")


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with servers.s3_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, servers.postgres_server(Path(folder)) as url:
        yield url


@pytest.fixture(scope="session")
def terraform() -> Iterator[str]:
    with servers.terraform_server() as url:
        yield url


@pytest.fixture(params=["file", "s3", "postgres", "http", "gitlab"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty place of each kind of store; one more kind is one more line here."""
    if request.param == "s3":
        for name, value in {**servers.S3, "AWS_ENDPOINT_URL": request.getfixturevalue("s3")}.items():
            monkeypatch.setenv(name, value)
        return Place(f"s3://states/{uuid.uuid4().hex}/state.json", tmp_path)
    if request.param == "postgres":
        return Place(_new_database(request.getfixturevalue("postgres")), tmp_path)
    if request.param in ("http", "gitlab"):
        for name, value in servers.HTTP.items():
            monkeypatch.setenv(name, value)
        paths = {"http": "/states", "gitlab": "/api/v4/projects/1/terraform/state"}
        return Place(f"{request.getfixturevalue('terraform')}{paths[request.param]}/{uuid.uuid4().hex}", tmp_path)
    return Place("state.json", tmp_path)


def _new_database(url: str) -> str:
    import psycopg

    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return url.replace("/postgres", f"/{name}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a state that is not there yet."""
    return tmp_path / "state.json"
