"""Run each job in a process of its own, so many at the same time; stop in order on request.

A process is forked from a server that has imported the program already: a small stack then takes
little more than its own work. It has its own session, so that Ctrl-C on the terminal reaches the
parent alone, and it ends when its parent does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from reconciler.fleet.job import MOST_OUTPUT, Ended, EndReason, Job, Target

_GRACE = 60.0
"""Seconds that a process has to end in order after its time limit, or after a request to stop."""
_TICK = 0.5
"""Seconds between two looks at limits and requests to stop."""
_PAUSES = (0.1, 1.0)
"""Seconds before each further attempt to start a process."""
_ONE_AT_A_TIME = Lock()
"""Held while a process starts, and while its exit code is read. Each start also reads the codes of other
processes that have ended; a code can be read once, and a second reader would take it for a lost server.
"""
_NO_SERVER = 255
"""The exit code that Python gives a process whose server has ended; no command has it."""


class StopRequest:
    """Whether somebody wants the fleet to stop: once to start nothing more, twice to stop what runs."""

    def __init__(self) -> None:
        self.count = 0

    def request(self) -> None:
        """Ask for a stop, or for a faster one."""
        self.count += 1

    @property
    def is_requested(self) -> bool:
        """Return whether nothing more may start."""
        return self.count > 0


class _Running(msgspec.Struct, frozen=True):
    """A process and what is known of it; times are those of a monotonic clock."""

    job: Job
    process: Any
    began: float
    output: Path
    errors: Path


class _Asked(msgspec.Struct, frozen=True):
    """A request to end: when it was sent to a process, and why."""

    at: float
    reason: EndReason


class ProcessPool:
    """The processes of a fleet; `seconds` is the hard limit of one of them, None for no limit."""

    def __init__(
        self,
        target: Target,
        folder: Path,
        parallel: int,
        stop: StopRequest,
        seconds: float | None = None,
    ) -> None:
        self._target = target
        self._folder = folder
        self._parallel = parallel
        self._stop = stop
        self._seconds = seconds
        self._running: dict[int, _Running] = {}
        self._asked: dict[int, _Asked] = {}
        self._not_started: list[Ended] = []
        self._context = choose_context(target.partition(":")[0])
        self._number = 0

    @property
    def has_room(self) -> bool:
        """Return whether another process may start."""
        return len(self._running) < self._parallel

    @property
    def is_idle(self) -> bool:
        """Return whether no process runs, and none waits to be reported."""
        return not self._running and not self._not_started

    def start(self, job: Job) -> None:
        """Start the process of a job. One that cannot be started is reported by `wait`, like one that
        has crashed: the others run on.
        """
        self._number += 1
        output = self._folder / f"{self._number}.json"
        errors = self._folder / f"{self._number}.txt"
        try:
            # The process writes to these files: with a full disk they fail here, not there.
            for path in (output, errors):
                path.touch(0o600)
            process = self._start_process(job, output, errors)
        except (OSError, EOFError) as error:
            problem = str(getattr(error, "strerror", None) or "the server of processes has ended")
            self._not_started.append(
                Ended(
                    job=job,
                    exit_code=None,
                    seconds=0.0,
                    output=output,
                    errors=errors,
                    reason="no_start",
                    problem=problem,
                )
            )
            return
        running = _Running(job, process, time.monotonic(), output, errors)
        self._running[process.sentinel] = running

    def _start_process(self, job: Job, output: Path, errors: Path) -> Any:
        """Start a process; try again after a moment where the system or the server has no process to
        give. Raises OSError or EOFError after the last attempt.
        """
        for pause in (*_PAUSES, None):
            process = self._context.Process(
                target=run_target, args=(self._target, job, str(output), str(errors)), name=job.name
            )
            try:
                with _ONE_AT_A_TIME:
                    process.start()
            except (OSError, EOFError):
                if pause is None:
                    raise
                time.sleep(pause)
            else:
                return process
        raise AssertionError("the last attempt returns or raises")

    def wait(self) -> Iterator[Ended]:
        """Wait until a process ends, or a moment; yield those that have ended."""
        while self._not_started:
            yield self._not_started.pop()
        if not self._running:
            return
        ready = wait(list(self._running), timeout=_TICK)
        for sentinel in ready:
            if isinstance(sentinel, int):
                yield self._collect(self._running.pop(sentinel))
        self._enforce_limits()

    def _collect(self, running: _Running) -> Ended:
        process: BaseProcess = running.process
        with _ONE_AT_A_TIME:
            process.join()
            code = process.exitcode
        seconds = time.monotonic() - running.began
        asked = self._asked.pop(process.pid or 0, None)

        # What the command has left running must not go on beside the next stacks. Closing ends a
        # process that has lost its server, and whose end nobody reports.
        _end_group(process.pid)
        process.close()

        ended_by = -code if code is not None and code < 0 else None
        reason = asked.reason if asked is not None else ""
        if code == _NO_SERVER:
            reason = reason or "no_server"
        return Ended(
            job=running.job,
            exit_code=None if ended_by or code == _NO_SERVER else code,
            seconds=seconds,
            output=running.output,
            errors=running.errors,
            signal=ended_by,
            reason=reason,
        )

    def _enforce_limits(self) -> None:
        """Ask processes that are over a limit to end, and end those that do not."""
        now = time.monotonic()
        for running in self._running.values():
            pid = running.process.pid or 0
            size = _size_of(running.output) + _size_of(running.errors)
            reason = self._find_reason(now - running.began, size)
            if pid not in self._asked and reason:
                self._asked[pid] = _Asked(now, reason)
                _send(pid, signal.SIGINT)

            # A further request from the person who waits, no end after the grace, or a disk that
            # fills up.
            asked = self._asked.get(pid)
            if asked is not None and (
                now - asked.at > _GRACE or self._stop.count > 2 or size > 2 * MOST_OUTPUT
            ):
                _end_group(pid)
                _send(pid, signal.SIGKILL)

    def _find_reason(self, seconds: float, size: int) -> EndReason:
        """Return why a process has to end now, empty while it may go on."""
        if self._stop.count > 1:
            return "request"
        if self._seconds is not None and seconds > self._seconds:
            return "time"
        return "output" if size > MOST_OUTPUT else ""

    def close(self) -> None:
        """End everything that still runs: the fleet itself ends by an error."""
        for running in self._running.values():
            _end_group(running.process.pid)
            _send(running.process.pid or 0, signal.SIGKILL)
        for running in self._running.values():
            with _ONE_AT_A_TIME:
                running.process.join(_TICK)


def _send(pid: int, number: int) -> None:
    """Send a signal to a process; it may have ended already."""
    if pid > 1:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _end_group(pid: int | None) -> None:
    """End what is left of the session that a process has started."""
    if pid and pid > 1 and hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def run_target(target: Target, job: Job, output: str, errors: str) -> None:
    """Call the function of a target; it ends the process."""
    module, _, name = target.partition(":")
    getattr(import_module(module), name)(job, output, errors)


def choose_context(module: str) -> Any:
    """Return the way in which processes are started on this system; `module` has their function."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")

    # Made before the first process, which then knows it too and can delete it.
    multiprocessing.util.get_temp_dir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_FIRST, module, *_PRELOADED])
    return context


_FIRST = "reconciler.fleet.server_session"
"""Imported by the server before anything else."""
_PRELOADED = (
    "reconciler.cli.stack_process",
    "reconciler.cli.commands.apply",
    "reconciler.cli.commands.drift",
    "reconciler.cli.commands.plan",
    "reconciler.fleet.complete_models",
    "reconciler.fleet.identity",
    "reconciler.workflows.pipeline",
    "reconciler.remote.twilio.gateway",
    "reconciler.execution.executor",
    "reconciler.report.documents.build",
    "reconciler.report.formats.json",
    "psycopg",
)
"""Modules that nearly every command of a fleet needs; the server imports them once for all, and ignores
a library that is not installed.
"""


def redirect_output(output: str, errors: str) -> None:
    """Write stdout and stderr to these files, and read nothing."""
    for path, stream, flags in (
        (output, 1, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (errors, 2, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (os.devnull, 0, os.O_RDONLY),
    ):
        handle = os.open(path, flags, 0o600)
        os.dup2(handle, stream)
        os.close(handle)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def forget_server() -> None:
    """Delete the socket of the server of processes: Python does it only when it ends without hurry."""
    if multiprocessing.parent_process() is None:
        _delete_sockets()


def _delete_sockets() -> None:
    """Delete the folder in which Python has made the socket; a process knows that of its parent."""
    folder = getattr(multiprocessing.current_process(), "_config", {}).get("tempdir")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def end_with_parent(*files: str) -> None:
    """End this process as soon as its parent has ended: an apply is safe at every moment.

    These files are deleted then, and their folders when they are empty: nobody else does it.
    """
    from threading import Thread

    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        for file in files:
            with contextlib.suppress(OSError):
                os.unlink(file)
                os.rmdir(os.path.dirname(file))
        _delete_sockets()
        os._exit(1)

    Thread(target=watch, name="parent", daemon=True).start()
