"""Run a command as a process until it ends, with nothing on its standard input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from tests.support.processes.fork_server import can_fork, fork_server

LONGEST = 120.0


def run_to_end(
    args: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    timeout: float = LONGEST,
    memory: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Return how the command ended, and its output. `memory`: the most bytes of addresses that it may add.

    Raises TimeoutExpired, after it has ended the process.
    """
    assert can_fork(environ), "a command that changes the interpreter needs a process of its own"
    with TemporaryFile() as out, TemporaryFile() as err, open("/dev/null", "rb") as nothing:
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        process = fork_server().start(args, folder, environ, streams, memory=memory)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()

        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([sys.executable, *args], code, out.read(), err.read())


def run_to_text(
    args: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Return how the command ended, and its output as text."""
    done = run_to_end(args, folder, environ)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
