"""Files of a configuration in, who changed them last out, as git tells it; None where git knows nothing for certain.

For messages only: whatever goes wrong here is no problem of the run. Changes nothing, and asks neither a server, not
even for what a partial clone left there, nor the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.config.load.git import GitError, run_git

_FORMAT = "%h%x00%an%x00%cI"
_TIMEOUT = 10
"""Seconds: the message is worth no longer wait."""


def last_commit(files: Sequence[Path]) -> str | None:
    """The last commit that changed any of these files, in words; None in a clone that is not deep enough to tell."""
    folder = files[0].parent
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None
    said = _git(
        folder, "log", "-1", f"--format={_FORMAT}", "--", *(str(file.resolve()) for file in files)
    )
    commit, _, rest = (said or "").partition("\0")
    name, _, at = rest.partition("\0")
    return f"{commit} by {_plain(name)}, {at}" if commit else None


def _git(folder: Path, *args: str) -> str | None:
    try:
        printed = run_git(folder, *args, timeout=_TIMEOUT)
    except GitError:
        return None
    return printed.decode("utf-8", "replace").strip()


def _plain(name: str) -> str:
    """The name without anything that a terminal would obey."""
    return "".join(letter for letter in name if letter.isprintable())
