"""Real servers for the tests of the stores: each is started on a free port and ended by its process."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

S3 = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
"""Credentials that the S3 server of the tests takes."""


HTTP = {"TF_HTTP_USERNAME": "test", "TF_HTTP_PASSWORD": "test"}
"""Credentials that the HTTP server of the tests takes."""
AUTHORIZATION = f"Basic {base64.b64encode(b'test:test').decode()}"
"""The same as a header."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def s3_server(put_seconds: float = 0.0) -> Iterator[str]:
    """An S3-compatible server with the bucket `states`, which takes its time to put; its URL."""
    pytest.importorskip(
        "moto.server",
        reason="no S3 server: moto[server] is not installed (it is in the extra `test`)",
    )
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("s3_server.py"), str(port), str(put_seconds)],
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


class PostgresServer:
    """A PostgreSQL server of its own, which an ordinary user runs on loopback; it can be restarted.

    With `sockets` it has a Unix socket in the folder too.
    """

    def __init__(self, folder: Path, encoding: str = "", *, sockets: bool = False) -> None:
        self._folder, self._port, self._sockets = folder, free_port(), sockets
        self._programs = _postgres_programs()
        self._as_user = _ordinary_user(folder)
        make = [*self._as_user, self._programs / "initdb", "-D", folder / "data"]
        make += ["-U", "reconciler", "-A", "trust", "-N"]
        make += ["--encoding", encoding, "--locale", "C"] if encoding else []
        subprocess.run(make, check=True, capture_output=True, cwd=folder)
        self.start()

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://reconciler@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        place = ["-D", self._folder / "data", "-p", str(self._port), "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [
                *self._as_user,
                self._programs / "postgres",
                *place,
                "-k",
                self._folder if self._sockets else "",
                "-F",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(
            lambda: socket.create_connection(("127.0.0.1", self._port), timeout=5).close(),
            self._process,
        )
        _wait_until_it_answers(self.url)

    def stop(self) -> None:
        """End it as an operator does: every connection is cut, and all data stays."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def end(self) -> None:
        """End it at once: nobody needs what is in it."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()


@contextmanager
def postgres_server(folder: Path, encoding: str = "", *, sockets: bool = False) -> Iterator[str]:
    """The URL of an empty database on a server of its own."""
    server = PostgresServer(folder, encoding, sockets=sockets)
    try:
        yield server.url
    finally:
        server.end()


def _postgres_programs() -> Path:
    """Where initdb and postgres are; skip, saying so, when they are not."""
    found = shutil.which("initdb")
    places = (
        [Path(found).resolve().parent]
        if found
        else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    )
    if not places:
        pytest.skip(
            "no PostgreSQL server: neither `initdb` on the PATH nor /usr/lib/postgresql/*/bin"
        )
    return places[-1]


def _ordinary_user(folder: Path) -> list[str]:
    """What goes before a command so that it does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip(
            "no PostgreSQL server: the tests run as root, and there is no `setpriv` to become another user"
        )
    os.chown(folder, 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]


def _wait_until_it_answers(url: str) -> None:
    import psycopg

    for _ in range(600):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail("PostgreSQL does not answer")


@contextmanager
def terraform_server(user: str = "test:test") -> Iterator[str]:
    """A server of Terraform's HTTP protocol, for this user with this password; its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("terraform_server.py"), str(port), user]
    )
    try:
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close(), process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
