"""What the processes of the tests do: each is a job of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from reconciler.fleet.job import Job
from reconciler.fleet.processes import end_with_parent, redirect_output
from reconciler.fleet.server_session import accept_interrupts, detach_from_terminal

REPORT = '{{"summary": {{"number": {number}}}, "diagnostics": []}}'


def act(job: Job, output: str, errors: str) -> None:
    """Do what the words of the job say; `log` is the folder where each start is recorded."""
    what, log, *rest = job.words
    server = os.getsid(os.getppid())
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    detach_from_terminal()
    end_with_parent(output, errors)
    redirect_output(output, errors)
    Path(log, f"{job.name}.{os.getpid()}").touch()

    if what == "end":
        os.write(1, REPORT.format(number=1).encode())
        os._exit(int(rest[0]))
    if what == "print":
        os.write(1, rest[1].encode())
        os._exit(int(rest[0]))
    if what == "session":
        os.write(1, json.dumps({"summary": {"server": server, "blocked": blocked}}).encode())
        os._exit(0)
    if what == "crash":
        os.write(2, b"something went wrong\n")
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "cut":
        os.write(1, REPORT.format(number=1).encode()[:20])
        os._exit(0)
    if what == "memory":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
        bytearray(1 << 30)
    if what == "hang":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        accept_interrupts()
        time.sleep(600)
    if what == "slow":
        _sleep_until_interrupted(float(rest[0]))
        os.write(1, REPORT.format(number=2).encode())
        os._exit(0)
    if what == "flood":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            os.write(1, bytes(1 << 16))
            time.sleep(0.01)
    if what == "grandchild":
        child = subprocess.Popen(["sleep", "600"])
        Path(log, f"child.{child.pid}").touch()
        os.write(1, REPORT.format(number=1).encode())
        os._exit(0)
    if what == "end_server":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


def _sleep_until_interrupted(seconds: float) -> None:
    try:
        accept_interrupts()
        time.sleep(seconds)
    except KeyboardInterrupt:
        os._exit(5)


SMALL = {"pwd", "encodings.ascii"}
"""Of the standard library, for the names of users and hosts."""


def list_imports(job: Job, folder: str, environ: Mapping[str, str]) -> None:
    """Run the command of a job, and write its exit code and the modules that it has imported itself to a file."""
    from reconciler.cli import stack_process

    os.environ.update(environ)
    before = set(sys.modules)

    def end(code: int) -> None:
        found = sys.modules.keys() - before - SMALL
        Path(folder, "imports").write_text("\n".join([str(code), *sorted(found)]))
        os._exit(0)

    stack_process.exit_process = end  # type: ignore[assignment]
    stack_process.run_stack(job, f"{folder}/out", f"{folder}/err")
