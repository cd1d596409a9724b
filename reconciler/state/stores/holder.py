"""Describe this run and its CI job as the holder of a lock, decide whether a holder has ended, and
build the error that other runs show; locks nothing itself.
"""

from __future__ import annotations

import getpass
import os
import platform
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateLocked
from reconciler.state.format.document import State
from reconciler.state.records import Saved


class Holder(msgspec.Struct, frozen=True):
    """A run that holds a lock or waits for it. `since` is RFC 3339, `run` a name that no other run
    has.

    `job` is of no other CI job that may run at the same time, `job_url` possibly of all jobs of a
    run. `machine` is where `pid` means this process: host names and users are shared by containers.
    """

    who: str
    host: str
    pid: int
    command: str
    since: str
    run: str
    job_url: str | None = None
    job: str | None = None
    machine: str | None = None


def this_run(command: str, since: str, environ: Mapping[str, str] = os.environ) -> Holder:
    """Return the present process as a holder; `command` as the user typed it."""
    run, job = uuid.uuid4().hex, job_of(environ)
    return Holder(
        _user(),
        platform.node(),
        os.getpid(),
        command,
        since,
        run,
        job_url(environ),
        job,
        _machine(),
    )


def describe_save(holder: Holder, wall: float, state: State) -> Saved:
    """Return the origin of a version of this state, written by this run at this time (seconds since
    1970).

    The destinations of secrets are those of the state, else those that were recorded before.
    """
    at = datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    destinations = state.recorded_destinations if state.destinations is None else state.destinations
    return Saved(at, holder.who, holder.command, holder.job_url, destinations or msgspec.UNSET)


def job_url(environ: Mapping[str, str]) -> str | None:
    """Return the page of this CI job: GitHub Actions, GitLab CI or Jenkins; None outside of CI."""
    parts = [environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if all(parts):
        return "{}/{}/actions/runs/{}".format(*parts)
    return environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or None


def job_of(environ: Mapping[str, str]) -> str | None:
    """Return a name of this CI job that no other job has at the same time; None when that is not
    certain.

    | | its page is shared by | distinguished by |
    |---|---|---|
    | GitHub | all jobs of a run (and the job's name by a matrix) | runner (may have a namesake), tracking ID |
    | GitLab | nobody: tried again, a job has another page | – |
    | Jenkins | all branches of a build | executor, and stage where there is one |
    """
    page = job_url(environ)
    if page is None or page == environ.get("CI_JOB_URL"):
        return page

    required, optional = _JENKINS if page == environ.get("BUILD_URL") else _GITHUB
    parts = [environ.get(name, "") for name in required]
    if not all(parts):
        return None
    parts += [environ.get(name, "") for name in optional]
    return " ".join([page, *parts])


_GITHUB = (("GITHUB_JOB", "GITHUB_RUN_ATTEMPT", "RUNNER_NAME"), ("RUNNER_TRACKING_ID",))
_JENKINS = (("NODE_NAME", "EXECUTOR_NUMBER"), ("STAGE_NAME",))


FREED_BY_THE_SYSTEM = "It is free as soon as that process ends."


def lock_error(origin: str, holder: Holder | None, freed: str = FREED_BY_THE_SYSTEM) -> StateLocked:
    """Return the error of a lock that is not free; `freed` describes when it will be. `holder` is None
    when unknown.
    """
    if holder is None:
        detail = f"Another run holds the lock of {origin}; its holder is unknown."
    else:
        job = f" CI job: {holder.job_url}" if holder.job_url else ""
        detail = (
            f"{holder.who} on {holder.host} (process {holder.pid}) has held the lock of {origin} since {holder.since} "
            f"for `{holder.command}`.{job}"
        )

    detail += f" {freed} To wait for it:\n  --lock-timeout 5m"
    return StateLocked(
        Diagnostic(code="state_locked", summary="The state is locked", detail=detail)
    )


def describe_holder(holder: Holder) -> str:
    """Return the holder as part of a sentence."""
    job = f", CI job {holder.job_url}" if holder.job_url else ""
    run = f"process {holder.pid}, `{holder.command}` since {holder.since}{job}"
    return f"{holder.who} on {holder.host} ({run})"


def is_left_behind_by(holder: Holder, by: Holder) -> bool:
    """Return whether the holder was a run of the same CI job, or of the same user on this machine,
    and has ended.

    | the holder's process | its job is ours | it is not, or unknown |
    |---|---|---|
    | of this machine and alive | no | no |
    | of this machine and gone | yes | yes, when the user is the same |
    | of another machine, or container | yes | no |
    """
    here = (holder.host, holder.machine) == (by.host, by.machine)
    alive = _is_alive(holder.pid) if here else None

    # A job runs once at a time, so another process of the same job has ended unless it is visibly
    # alive.
    if holder.job is not None and holder.job == by.job:
        return alive is not True
    return alive is False and holder.who == by.who


def _is_alive(pid: int) -> bool | None:
    """Return whether a process of this machine runs; None when that cannot be found out."""
    if sys.platform == "win32":  # there signal 0 would end the process
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _machine() -> str | None:
    """Return the boot of the kernel and the PID namespace (container) in which process numbers are
    valid.

    None on other systems, where the name of the host has to be enough.
    """
    if sys.platform != "linux":
        return None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        # Equal to no other value: a machine that cannot be recognised never makes a holder look
        # dead.
        return uuid.uuid4().hex


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container's user may have no name
        return "unknown"
