"""Start commands as forks of one process that has imported the program, which saves most of their time.

    python -m tests.support.processes.fork_server HANDLE

Each command is still a process of its own: it has its own streams, environment, folder, signals and exit code, and can
be killed. A command whose environment changes the interpreter itself has to be started by `subprocess`.

HANDLE is a socket that keeps the bounds of messages. An order is JSON (`args`, `folder`, `environ`, `umask`, the
`ignored` signals and the limit of `memory`) with four handles: standard input, output and error, and a pipe. The pipe
gets the number of the process, and its exit code at its end; each on a line.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import pkgutil
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

WAIT_FACTOR = "TEST_WAIT_FACTOR"
"""A variable of a command for tests that are not about time: its waits before a retry are shortened by this factor."""
HANDLES = 4
LONGEST_ORDER = 100_000
_INHERITED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_ROOT = Path(__file__).parents[3]


class ForkedProcess:
    """A command that was forked: the part of the interface of `subprocess.Popen` that tests use."""

    def __init__(self, report: int) -> None:
        self._report = os.fdopen(report, "rb", buffering=0)
        self._text = b""
        self._code: int | None = None
        self._lock = threading.Lock()
        self.pid = int(self._line(None) or -1)
        assert self.pid > 0, "the fork server has ended"

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float) -> int:
        """Return the exit code, negative for a signal. Raises TimeoutExpired."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float) -> int | None:
        with self._lock:
            if self._code is None:
                line = self._line(timeout)
                if line is not None:
                    self._code = int(line)
                    self._report.close()
            return self._code

    def _line(self, timeout: float | None) -> bytes | None:
        """Return the next line of the report; None when it does not come in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._text:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._report], [], [], left)[0]:
                return None
            piece = self._report.read(64)
            assert piece, "the fork server has ended"
            self._text += piece
        line, _, self._text = self._text.partition(b"\n")
        return line


class ForkServer:
    """The process that forks. Started at the first command, and ended with this process."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.processes.fork_server", str(theirs.fileno())],
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self.close)

    def start(
        self,
        args: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        streams: tuple[int, int, int],
        *,
        memory: int | None = None,
    ) -> ForkedProcess:
        """Start a command with these streams. `memory`: the most bytes of addresses that it may add."""
        # What a child process inherits besides its streams.
        umask = os.umask(0o077)
        os.umask(umask)
        ignored = [each for each in _INHERITED if signal.getsignal(each) is signal.SIG_IGN]
        words = {
            "args": args,
            "folder": str(folder),
            "environ": dict(environ),
            "umask": umask,
            "ignored": ignored,
            "memory": memory,
        }
        order = json.dumps(words).encode()
        assert len(order) < LONGEST_ORDER
        report, theirs = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._socket, [order], [*streams, theirs])
        finally:
            os.close(theirs)
        return ForkedProcess(report)

    def close(self) -> None:
        """End the server; commands that run go on."""
        self._socket.close()
        self._process.wait(60)


@cache
def fork_server() -> ForkServer:
    """Return the server of this process."""
    return ForkServer()


def can_fork(environ: Mapping[str, str]) -> bool:
    """Return whether nothing in the environment changes the interpreter itself."""
    for name, value in environ.items():
        is_special = name.startswith(("PYTHON", "LC_", "COVERAGE")) or name == "LANG"
        if is_special and value != os.environ.get(name):
            return False
    return True


def serve(handle: int) -> None:
    """Carry out orders until the other side closes."""
    _import_everything()
    assert threading.active_count() == 1, "only a process without threads may be forked"
    gc.collect()
    gc.freeze()

    listening = socket.socket(fileno=handle)
    running: dict[int, tuple[int, int]] = {}
    while True:
        ready, _, _ = select.select([listening, *running], [], [])
        for found in ready:
            if isinstance(found, int):
                pid, report = running.pop(found)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                _tell(report, code)
                os.close(report)
                os.close(found)
                continue

            order, handles, _, _ = socket.recv_fds(listening, LONGEST_ORDER, HANDLES)
            if not order:
                return
            *streams, report = handles
            child = os.fork()
            if not child:
                for inherited in (*running, *[other for _, other in running.values()], report):
                    os.close(inherited)
                listening.close()
                _become(json.loads(order), streams)
            for stream in streams:
                os.close(stream)
            running[os.pidfd_open(child)] = (child, report)
            _tell(report, child)


def _tell(report: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(report, b"%d\n" % number)


def _become(order: dict[str, Any], streams: Sequence[int]) -> None:
    """Carry out the order in this process, which ends with it."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
    for stream in streams:
        if stream > 2:
            os.close(stream)

    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(order["environ"])
    os.umask(order["umask"])
    for number in order["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    if order["memory"] is not None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + order["memory"], hard))
    time.tzset()
    random.seed()
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False), "utf-8")  # type: ignore[type-var]
    sys.stdout = _open_stream(1, "strict")
    sys.stderr = _open_stream(2, "backslashreplace")

    _shorten_waits(float(order["environ"].get(WAIT_FACTOR, "1")))
    sys.argv = ["reconciler", *order["args"]]
    from reconciler.cli.main import run

    try:
        run()
    except SystemExit as end:  # of a completion, which click ends itself
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001 - shown, as the interpreter does
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(1)


def _shorten_waits(factor: float) -> None:
    """Let the program wait only this part of the time before it repeats a call."""
    from reconciler.clock import SystemClock

    if factor != 1:
        SystemClock.pause = lambda self, seconds, stop: stop.wait(seconds * factor)  # type: ignore[method-assign]


def _open_stream(handle: int, errors: str) -> io.TextIOWrapper:
    raw = io.BufferedWriter(io.FileIO(handle, "w", closefd=False))
    return io.TextIOWrapper(raw, "utf-8", errors, line_buffering=handle == 2 or os.isatty(handle))


def _import_everything() -> None:
    """Import what a command may import, its libraries as well."""
    import reconciler

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # what needs a package that is not here is not needed here
                import_module(module.name)
    for name in (
        "twilio.rest",
        "deepdiff",
        "jsonschema",
        "rich.progress",
        "jwt",
        "cryptography.hazmat.primitives.ciphers.aead",
    ):
        with suppress(ImportError):
            import_module(name)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
