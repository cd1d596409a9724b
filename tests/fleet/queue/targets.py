"""What the processes of the stacks of the tests do: the entry file of a stack says it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from reconciler.fleet.job import Job
from reconciler.fleet.processes import end_with_parent, redirect_output
from reconciler.fleet.server_session import accept_interrupts, detach_from_terminal

FAILED = '{{"summary": {{}}, "diagnostics": [{{"severity": "error", "code": "{code}", "summary": "x"}}]}}'


def act(job: Job, output: str, errors: str) -> None:
    """Do what the entry file says; record when the process began and ended."""
    detach_from_terminal()
    end_with_parent()
    redirect_output(output, errors)
    accept_interrupts()
    record = job.directory / "log"
    record.mkdir(exist_ok=True)
    begun = record / f"{job.name}.{os.getpid()}"
    begun.write_text(f"{time.time()}")
    what, *rest = (job.directory / job.file).read_text().split()

    if what == "end":
        _report(begun, "{}", int(rest[0]))
    if what == "fail":
        _report(begun, FAILED.format(code=rest[0]), 1)
    if what == "once":
        # The first attempt fails with this code, the second one succeeds.
        first = len(list(record.glob(f"{job.name}.*"))) == 1
        _report(begun, FAILED.format(code=rest[0]) if first else "{}", 1 if first else 0)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        try:
            time.sleep(float(rest[0]))
        except KeyboardInterrupt:
            _report(begun, FAILED.format(code="interrupted"), 5)
        _report(begun, "{}", 0)


def _report(begun: Path, text: str, code: int) -> None:
    begun.write_text(f"{begun.read_text()} {time.time()}")
    os.write(1, text.encode())
    os._exit(code)
