"""Who holds a lock: this process described for others, and the refusal that they are shown; locks nothing itself."""

from __future__ import annotations

import getpass
import os
import platform
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateLocked
from reconciler.state.document import Saved


class Holder(msgspec.Struct, frozen=True):
    """A run that holds a lock or waits for it. `since` is RFC 3339, `run` a name that no other run has."""

    who: str
    host: str
    pid: int
    command: str
    since: str
    run: str
    job_url: str | None = None


def this_run(command: str, since: str, environ: Mapping[str, str] = os.environ) -> Holder:
    """The present process; `command` as the user typed it."""
    return Holder(_user(), platform.node(), os.getpid(), command, since, uuid.uuid4().hex, job_url(environ))


def saved_by(holder: Holder, wall: float) -> Saved:
    """What a version written by this run at this time (seconds since 1970) says of its origin."""
    at = datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Saved(at, holder.who, holder.command, holder.job_url)


def job_url(environ: Mapping[str, str]) -> str | None:
    """The page of the CI job that this is: GitHub Actions, GitLab CI, Jenkins; None outside of CI."""
    parts = [environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if all(parts):
        return "{}/{}/actions/runs/{}".format(*parts)
    return environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or None


FREED_BY_THE_SYSTEM = "It is free as soon as that process ends."


def locked(origin: str, holder: Holder | None, freed: str = FREED_BY_THE_SYSTEM) -> StateLocked:
    """The refusal of a lock, which says when it will be free; None when its holder is not known."""
    if holder is None:
        detail = f"Another run holds the lock of {origin}; it has not said who it is."
    else:
        job = f" CI job: {holder.job_url}" if holder.job_url else ""
        detail = (
            f"{holder.who} on {holder.host} (process {holder.pid}) has held the lock of {origin} since {holder.since} "
            f"for `{holder.command}`.{job}"
        )
    detail += f" {freed} To wait for it:\n  --lock-timeout 5m"
    return StateLocked(Diagnostic(code="state_locked", summary="The state is locked", detail=detail))


def described(holder: Holder) -> str:
    """Who that is, in the middle of a sentence."""
    job = f", CI job {holder.job_url}" if holder.job_url else ""
    run = f"process {holder.pid}, `{holder.command}` since {holder.since}{job}"
    return f"{holder.who} on {holder.host} ({run})"


def left_behind_by(holder: Holder, by: Holder) -> bool:
    """Whether the holder was a run of the same CI job, or of the same user on this machine and is gone."""
    if holder.job_url and holder.job_url == by.job_url:
        return True
    return (holder.who, holder.host) == (by.who, by.host) and not _is_alive(holder.pid)


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # there signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container's user may have no name
        return "unknown"
