"""Real servers, each started when the first test asks for it and ended with the session."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state import servers


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3-compatible server with the bucket `states`."""
    with servers.s3_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database."""
    with tempfile.TemporaryDirectory() as folder, servers.postgres_server(Path(folder)) as url:
        yield url


@pytest.fixture(scope="session")
def terraform() -> Iterator[str]:
    """The URL of a server of Terraform's HTTP protocol."""
    with servers.terraform_server() as url:
        yield url
