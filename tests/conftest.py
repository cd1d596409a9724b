"""Real servers, each started when the first test asks for it and ended with the session."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.state import servers
from tests.support.examples import few_examples

settings.register_profile("few", few_examples())
settings.load_profile("few")

# Compiled modules are kept, also where the environment forbids it: each worker and each command that a test
# starts would compile the same 600 files again, which takes 15 seconds of a worker.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def heed_interrupts() -> None:
    """Have commands that tests start heed SIGINT, also when a shell has started the tests with `&`.

    Such a shell has SIGINT ignored, and every process below inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
