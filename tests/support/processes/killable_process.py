"""Run the real command in processes that kill themselves with SIGKILL at a given point.

    python -m tests.support.processes.killable_process

Orders come on standard input, a line of JSON each: the `args` of the command, its `folder`, and the point to die `at`:
a name, a number, or null. Each is carried out in a fork of this process, which has imported everything and has no
threads, so that a run costs what it does and not what it loads. Answered are its process id, and how it ended.

There is a point before each system call that changes a file of the state or its lock, in the middle of each that writes
to one, before each call that writes and after its answer. Its name says what is about to be done or has been answered,
and for the how-manieth time; the names of the points that a run came to are in the file `points` of its folder.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

STATE = "state.json"
LONGEST = 120
"""Seconds after which a run that hangs is ended."""
_write = os.write


class Points:
    """Counts the points that a process comes to, names them in a file, and ends the process at one of them."""

    def __init__(self, log: Path, at: str | int | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._at = at
        self._kinds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, kind: str) -> None:
        """One more point. Where the process is to die no thread comes any further."""
        with self._lock:
            self._kinds[kind] += 1
            name = f"{kind} {self._kinds[kind]}"
            _write(self._log, name.encode() + b"\n")
            if self._at in (name, self._kinds.total()):
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()


class Watched:
    """System calls of this process, with a point before each that changes a file of the state."""

    def __init__(self, points: Points) -> None:
        self._points = points
        self._names: dict[int, str] = {}
        self._open = os.open

    def put_in_place(self) -> None:
        """From now on it is these that are called."""
        import fcntl

        from reconciler.state import atomic_files

        os.open, os.write = self.open, self.write  # type: ignore[assignment]
        for name in ("replace", "link", "unlink", "mkdir"):
            setattr(os, name, self._before(name, getattr(os, name), os.path.basename))
        for module, name in ((os, "fsync"), (os, "ftruncate"), (fcntl, "flock")):
            setattr(module, name, self._before(name, getattr(module, name), self._name_of))
        atomic_files._fsync = os.fsync

    def open(self, path: Any, flags: int, *args: Any, **more: Any) -> int:
        name = os.path.basename(path)
        if name.startswith(STATE) and flags & (os.O_WRONLY | os.O_RDWR):
            self._points.reach(f"open {name}")
        handle = self._open(path, flags, *args, **more)
        self._names[handle] = name if name.startswith(STATE) else ""
        return handle

    def write(self, handle: int, data: Any) -> int:
        name = self._names.get(handle)
        if not name:
            return _write(handle, data)
        self._points.reach(f"write {name}")
        half = _write(handle, data[: len(data) // 2])
        self._points.reach(f"write the rest of {name}")
        return half + _write(handle, data[half:])

    def _before(
        self, what: str, real: Callable[..., Any], name_of: Callable[[Any], str]
    ) -> Callable[..., Any]:
        def call(first: Any, *args: Any, **more: Any) -> Any:
            self._points.reach(f"{what} {name_of(first)}")
            return real(first, *args, **more)

        return call

    def _name_of(self, handle: int) -> str:
        return self._names.get(handle) or "folder"


def watch_calls(points: Points) -> None:
    """A point before each request that writes is sent, and after its answer has come."""
    from reconciler.remote.transport.pool import Pool

    real = Pool.send

    def send(self: Pool, method: str, url: str, **more: Any) -> Any:
        if method == "GET":
            return real(self, method, url, **more)
        where = f"{method} {urlsplit(url).path}"
        points.reach(f"send {where}")
        answer = real(self, method, url, **more)
        points.reach(f"answered {where}")
        return answer

    Pool.send = send  # type: ignore[method-assign]


def carry_out(folder: Path, args: list[str], at: str | int | None) -> None:
    """The command, from its words to its exit code; what it says is in the files `out` and `err`."""
    from reconciler.cli.main import run

    said = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for stream, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, folder / "out", said),
        (2, folder / "err", said),
    ):
        os.dup2(os.open(name, flags), stream)
    signal.alarm(LONGEST)
    points = Points(folder / "points", at)
    Watched(points).put_in_place()
    watch_calls(points)
    run(["-C", str(folder), *args])


def load_everything(folder: str) -> None:
    """Whatever a run might import; and what is made when the first configuration is read, by reading one."""
    import reconciler
    from reconciler.cli.main import main, run_to_exit_code

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # what needs a package that is not here is not needed here
                import_module(module.name)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        run_to_exit_code(
            lambda: main.main(
                ["-C", folder, "validate"], prog_name="reconciler", standalone_mode=False
            )
        )


def obey() -> None:
    """Carry out orders until there are no more."""
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        if not number:
            load_everything(order["folder"])
            assert threading.active_count() == 1, "only a process without threads may be forked"
        child = os.fork()
        if not child:
            carry_out(Path(order["folder"]), order["args"], order["at"])
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


class KillableProcesses:
    """Run the command several times in a row. Each run may be killed."""

    def __init__(self, **environ: str) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.processes.killable_process"],
            env={**os.environ, **environ},
            cwd=Path(__file__).parents[3],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._orders, self._answers = self._parent.stdin, self._parent.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._orders.close()
        self._parent.wait(60)
        self._answers.close()

    def run(
        self,
        folder: Path,
        *args: str,
        at: str | int | None = None,
        started: Callable[[int], None] = lambda pid: None,
    ) -> int:
        """How a run in this folder ended: its exit code, or -9. `started` is told its process id."""
        print(
            json.dumps({"folder": str(folder), "args": args, "at": at}),
            file=self._orders,
            flush=True,
        )
        started(int(self._answers.readline()))
        return int(self._answers.readline())


if __name__ == "__main__":
    obey()
