"""Run git at the root of a configuration's work tree and return its output, safely even in a
repository that a stranger's pull request has changed.

git must never run code, open a connection or see a secret because of a file in the repository:

| danger                                                     | cure                                              |
|------------------------------------------------------------|---------------------------------------------------|
| a folder that looks like a bare repository with a `config` | git starts at the root of the work tree, where it |
|                                                            | finds `.git`, which no commit can hold            |
| an object that a partial clone left on a server            | no protocol is allowed, and nothing is fetched    |
| a command in the configuration of git                      | only `.git/config` and the user's own are read    |
| secrets in the environment                                 | git gets the few variables that it needs          |
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.config.confinement import repository_root

TIMEOUT = 60
"""Seconds that one command of git may take."""
_PASSED = (
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SYSTEMROOT",
    "USERPROFILE",
)
"""What git needs: its programs, and the user's own configuration, which may name folders that are
safe.
"""
_ISOLATED = {
    "GIT_NO_LAZY_FETCH": "1",  # git since 2.45
    "GIT_ALLOW_PROTOCOL": "",  # every version: no way to a server is allowed, so nothing can be fetched
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
_OPTIONS = (
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
)


class GitError(Exception):
    """git failed; the message is the first line that it printed."""


def run_git(folder: Path, *args: str, timeout: float = TIMEOUT) -> bytes:
    """Run git at the root of the work tree that `folder` is in, and return what it prints.

    Raises GitError when there is no work tree, when git cannot be run, when it fails, or after
    `timeout` seconds.
    """
    root = repository_root(folder)
    if not os.path.exists(os.path.join(root, ".git")):
        raise GitError("the configuration is not in a git repository")

    command = ["git", "-C", root, *_OPTIONS, *args]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout,
            env=git_environment(os.environ),
        )
    except OSError as error:
        raise GitError(f"git cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git did not answer within {timeout:g} s") from error

    if done.returncode:
        printed = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(printed[0] if printed else "git failed without a message")
    return done.stdout


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: without secrets, and without a way to a server."""
    passed = {name: environ[name] for name in _PASSED if name in environ}
    return passed | _ISOLATED
