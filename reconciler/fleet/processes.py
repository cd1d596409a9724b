"""Run each job in a process of its own, so many at the same time; stop in order on request.

A process is forked from a server that has imported the program already: a small stack then takes
little more than its own work. It has its own session, so that Ctrl-C on the terminal reaches the
parent alone, and it ends when its parent does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from reconciler.fleet.job import Ended, Job, Target

_GRACE = 60.0
"""Seconds that a process has to end in order after its time limit, or after a request to stop."""
_TICK = 0.5
"""Seconds between two looks at limits and requests to stop."""


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
        self._asked: dict[int, float] = {}
        self._context = choose_context(target.partition(":")[0])
        self._number = 0

    @property
    def has_room(self) -> bool:
        """Return whether another process may start."""
        return len(self._running) < self._parallel

    @property
    def is_idle(self) -> bool:
        """Return whether no process runs."""
        return not self._running

    def start(self, job: Job) -> None:
        """Start the process of a job."""
        self._number += 1
        output = self._folder / f"{self._number}.json"
        errors = self._folder / f"{self._number}.txt"
        process = self._context.Process(
            target=run_target, args=(self._target, job, str(output), str(errors)), name=job.name
        )
        process.start()
        running = _Running(job, process, time.monotonic(), output, errors)
        self._running[process.sentinel] = running

    def wait(self) -> Iterator[Ended]:
        """Wait until a process ends, or a moment; yield those that have ended."""
        ready = wait(list(self._running), timeout=_TICK)
        for sentinel in ready:
            if isinstance(sentinel, int):
                yield self._collect(self._running.pop(sentinel))
        self._enforce_limits()

    def _collect(self, running: _Running) -> Ended:
        process: BaseProcess = running.process
        process.join()
        code = process.exitcode
        seconds = time.monotonic() - running.began
        asked = self._asked.pop(process.pid or 0, None)
        process.close()

        ended_by = -code if code is not None and code < 0 else None
        return Ended(
            job=running.job,
            exit_code=None if ended_by else code,
            seconds=seconds,
            output=running.output,
            errors=running.errors,
            signal=ended_by,
            timed_out=ended_by is not None and asked is not None,
        )

    def _enforce_limits(self) -> None:
        """Ask processes that are over their limit to end, and end those that do not."""
        now = time.monotonic()
        for running in self._running.values():
            pid = running.process.pid or 0
            is_over = self._seconds is not None and now - running.began > self._seconds
            if pid not in self._asked and (is_over or self._stop.count > 1):
                self._asked[pid] = now
                _send(pid, signal.SIGINT)

            # A second request from the person who waits, or no end after the grace.
            since = self._asked.get(pid)
            if since is not None and (now - since > _GRACE or self._stop.count > 2):
                _send(pid, signal.SIGKILL)

    def close(self) -> None:
        """End everything that still runs: the fleet itself ends by an error."""
        for running in self._running.values():
            _send(running.process.pid or 0, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    """Send a signal to the session of a process; it may have ended already."""
    if pid <= 0:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg") and number == signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def run_target(target: Target, job: Job, output: str, errors: str) -> None:
    """Call the function of a target; it ends the process."""
    module, _, name = target.partition(":")
    getattr(import_module(module), name)(job, output, errors)


def choose_context(module: str) -> Any:
    """Return the way in which processes are started on this system; `module` has their function."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_FIRST, module, *_PRELOADED])
    return context


_FIRST = "reconciler.fleet.server_session"
_PRELOADED = (
    "reconciler.config.load.load",
    "reconciler.workflows.plan_apply",
    "reconciler.workflows.pipeline",
    "reconciler.execution.executor",
    "reconciler.report.documents.build",
    "reconciler.report.formats.json",
)
"""Modules that nearly every command of a fleet needs; the server imports them once for all."""


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


def end_with_parent() -> None:
    """End this process as soon as its parent has ended: an apply is safe at every moment."""
    from threading import Thread

    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    Thread(target=watch, name="parent", daemon=True).start()
