"""Describe the last commit that changed any of the given configuration files, from git; None where
git cannot answer.

Used in messages only: a failure here is no failure of the run. Nothing is changed, and neither a
server nor the user is asked, not even for objects that a partial clone left on the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.config.load.git import GitError, run_git

_FORMAT = "%h%x00%an%x00%cI"
_TIMEOUT = 10
"""Seconds. The message is not worth a longer wait."""


def last_commit(files: Sequence[Path]) -> str | None:
    """Describe the last commit that changed any of these files.

    Return None in a shallow clone: its oldest commit seems to have changed every file.
    """
    folder = files[0].parent
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None

    paths = [str(file.resolve()) for file in files]
    output = _git(folder, "log", "-1", f"--format={_FORMAT}", "--", *paths)
    commit, _, rest = (output or "").partition("\0")
    name, _, at = rest.partition("\0")
    return f"{commit} by {_without_controls(name)}, {at}" if commit else None


def _git(folder: Path, *args: str) -> str | None:
    try:
        printed = run_git(folder, *args, timeout=_TIMEOUT)
    except GitError:
        return None
    return printed.decode("utf-8", "replace").strip()


def _without_controls(name: str) -> str:
    """Return the name without control characters, which a terminal would execute."""
    return "".join(letter for letter in name if letter.isprintable())
