"""Files of a configuration in, who changed them last out, as git tells it; None where git knows nothing for certain.

For messages only: whatever goes wrong here is no problem of the run. Changes nothing, and asks neither a server, not
even for what a partial clone left there, nor the user.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_FORMAT = "%h%x00%an%x00%cI"
_ALONE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
"""Fetch nothing: the first is for git since 2.45, the second, which allows no way to a server, for those before."""


def last_commit(files: Sequence[Path]) -> str | None:
    """The last commit that changed any of these files, in words; None in a clone that is not deep enough to tell."""
    folder = files[0].parent
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None
    said = _git(folder, "log", "-1", f"--format={_FORMAT}", "--", *(str(file.resolve()) for file in files))
    commit, _, rest = (said or "").partition("\0")
    name, _, at = rest.partition("\0")
    return f"{commit} by {_plain(name)}, {at}" if commit else None


def _git(folder: Path, *args: str) -> str | None:
    command = ["git", "-C", str(folder), "-c", "log.showSignature=false", *args]
    environ = {**os.environ, **_ALONE}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10, env=environ
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _plain(name: str) -> str:
    """The name without anything that a terminal would obey."""
    return "".join(letter for letter in name if letter.isprintable())
