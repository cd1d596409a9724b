from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.state.format.cipher import Aes
from reconciler.state.stores.open import open_store
from reconciler.state.stores.store import Store

from . import servers


@dataclass(frozen=True)
class Place:
    """Where a state is kept; every `open` is another client of it."""

    location: str
    base: Path
    key: str = ""

    def open(self, project: str = "acme", *, lease: float | None = None) -> Store:
        cipher = Aes([self.key]) if self.key else None
        return open_store(self.location, self.base, project, lease=lease, cipher=cipher)

    @property
    def leased(self) -> bool:
        return "://" in self.location

    @property
    def of_many(self) -> bool:
        """Whether several projects have their state in one place."""
        return self.location.startswith("postgresql:")


KINDS = ("file", "s3", "postgres", "http")
KEY = "a key of the tests, and of nothing else"


@pytest.fixture(params=[*KINDS, "gitlab", *(f"encrypted {kind}" for kind in KINDS)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty place of each kind of store, in clear and encrypted."""
    kind = request.param.removeprefix("encrypted ")
    made = new_place(kind, request, tmp_path, monkeypatch)
    return made if kind == request.param else replace(made, key=KEY)


@pytest.fixture(params=KINDS)
def plain_place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """An empty place of each kind of store, in clear."""
    return new_place(request.param, request, tmp_path, monkeypatch)


@pytest.fixture(params=["s3", "postgres", "http"])
def leased_place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """An empty place of each kind of store that is locked by a lease."""
    return new_place(request.param, request, tmp_path, monkeypatch)


def new_place(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """An empty place; its server is started when the first one is asked for."""
    if kind == "s3":
        for name, value in {
            **servers.S3,
            "AWS_ENDPOINT_URL": request.getfixturevalue("s3"),
        }.items():
            monkeypatch.setenv(name, value)
        return Place(f"s3://states/{uuid.uuid4().hex}/state.json", tmp_path)
    if kind == "postgres":
        return Place(new_schema(request.getfixturevalue("postgres")), tmp_path)
    if kind in ("http", "gitlab"):
        for name, value in servers.HTTP.items():
            monkeypatch.setenv(name, value)
        paths = {"http": "/states", "gitlab": "/api/v4/projects/1/terraform/state"}
        return Place(
            f"{request.getfixturevalue('terraform')}{paths[kind]}/{uuid.uuid4().hex}", tmp_path
        )
    return Place("state.json", tmp_path)


def new_schema(url: str) -> str:
    """An empty corner of the server, as the URL that leads to it."""
    import psycopg

    name = f"s{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {name}")
    return f"{url}?options=-csearch_path%3D{name}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a state that is not there yet."""
    return tmp_path / "state.json"
