"""Decide which words of a command line may be in a job; pure.

A worker runs a job with its own credentials. So a job names one of these commands and these options
and nothing else: no folder, no output file, and no host that secrets may be sent to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from reconciler.planning.checks.secrecy import mask

COMMANDS = ("validate", "plan", "apply", "drift", "list")
"""The commands that jobs may run."""

_FLAGS = frozenset(
    {
        "--auto-approve",
        "--allow-purchase",
        "--allow-takeover",
        "--detailed-exitcode",
        "--fail-on-refusal",
        "--force",
        "--local-state",
        "--no-refresh",
    }
)
_LINE = re.compile(r"[^\x00-\x1f]{1,500}")
_COUNT = re.compile(r"[0-9]{1,3}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,20})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}=[\s\S]{0,10000}")
_VALUES: dict[str, re.Pattern[str]] = {
    "--allow-takeover": _LINE,
    "--concurrency": _COUNT,
    "--exclude": _LINE,
    "--lock-timeout": _SECONDS,
    "--target": _LINE,
    "--timeout": _SECONDS,
    "--var": _VARIABLE,
    "--var-file": _LINE,
}
"""The options with a value, and what it looks like."""
MOST_WORDS = 1_000


def pack_words(words: Sequence[str], folder: Path) -> list[str]:
    """Return the words as a job holds them: paths relative to the folder of the fleet.

    Raises ValueError for a word that may not be in a job, or that holds a secret.
    """
    packed: list[str] = []
    for word in words:
        # The queue keeps the words for 30 days, and others may read them.
        if mask(word) != word:
            raise ValueError(
                f"`{mask(word)}` holds a secret, and jobs hold none. Set the value in the "
                "environment of the workers."
            )

        option, equals, value = word.partition("=")
        if option == "--allow-host":
            raise ValueError(
                "A job cannot allow a host: set RECONCILER_ALLOW_HOSTS in the environment of the "
                "workers."
            )

        # The folder has another place on each worker.
        if option == "--var-file" and equals:
            value = os.path.relpath(value, folder)
            word = f"{option}={value}"
        packed.append(word)
    check_words(packed)
    return packed


def unpack_words(words: Sequence[str], folder: Path) -> list[str]:
    """Return the words of a job as a worker runs them, with absolute paths.

    Raises ValueError for a job that no submitter of this program makes.
    """
    check_words(words)
    unpacked: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--var-file" and equals:
            word = f"{option}={_locate(value, folder)}"
        unpacked.append(word)
    return unpacked


def check_words(words: Sequence[str]) -> None:
    """Raise ValueError unless every word may be in a job."""
    if not words or words[0] not in COMMANDS:
        name = words[0] if words else ""
        raise ValueError(f"`{name}` is not a command of a fleet.")
    if len(words) > MOST_WORDS:
        raise ValueError(f"A job has at most {MOST_WORDS:,} words.")

    for word in words[1:]:
        option, equals, value = word.partition("=")
        if not equals and option in _FLAGS:
            continue
        form = _VALUES.get(option)
        if not equals or form is None or not form.fullmatch(value):
            raise ValueError(f"`{mask(word)}` may not be in a job.")
        if option == "--var-file":
            _check_inside(value)


def find_seconds(words: Sequence[str]) -> float | None:
    """Return the time limit that the words give to a stack, in seconds; None without one."""
    for word in words:
        option, _, value = word.partition("=")
        if option == "--timeout":
            return float(value)
    return None


def _locate(value: str, folder: Path) -> Path:
    """Return the path of a file below the folder. Raises ValueError for one outside."""
    base = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(base, value))
    if os.path.isabs(value) or os.path.commonpath([base, path]) != base:
        raise ValueError(f"`--var-file={value}` is outside the folder of the fleet.")
    return Path(path)


def _check_inside(value: str) -> None:
    """Raise ValueError for a path that leaves the folder by its own words."""
    if os.path.isabs(value) or ".." in Path(value).parts:
        raise ValueError(f"`--var-file={value}` is outside the folder of the fleet.")
