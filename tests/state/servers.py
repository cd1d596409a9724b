"""Real servers for the tests of the stores: each is started on a free port and ended by its process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

S3 = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
"""Credentials that the S3 server of the tests takes."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3-compatible server with the bucket `states`; its URL."""
    pytest.importorskip("moto.server", reason="no S3 server: moto[server] is not installed (it is in the extra `test`)")
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: urllib.request.urlopen(url, timeout=5).close(), process)
        create = urllib.request.Request(f"{url}/states", method="PUT")
        urllib.request.urlopen(create, timeout=30).close()
        yield url
    finally:
        process.kill()
        process.wait()


def wait_for(probe: object, process: subprocess.Popen[bytes]) -> None:
    """Return once the probe succeeds; fail when the server has ended or takes longer than a minute."""
    assert callable(probe)
    for _ in range(600):
        try:
            probe()
            return
        except OSError:
            assert process.poll() is None, "the server has ended"
            time.sleep(0.1)
    pytest.fail("the server does not answer")
