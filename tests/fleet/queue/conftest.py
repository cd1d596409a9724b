"""A real PostgreSQL server for the tests of the queue, and an empty database for each of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from reconciler.fleet.queue.address import QueueAddress, read_queue_address
from reconciler.fleet.queue.store import QueueStore


@pytest.fixture
def address(postgres: str) -> QueueAddress:
    """The address of an empty database."""
    return read_queue_address(new_database(postgres), {})


def new_database(url: str) -> str:
    """The URL of a new database on the server of this URL."""
    name = f"q{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture
def store(address: QueueAddress) -> Iterator[QueueStore]:
    opened = QueueStore(address)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The folder where each start of a stack is recorded."""
    folder = tmp_path / "log"
    folder.mkdir()
    return folder
