"""Find the stacks of jobs in the fleet file of a worker, and compare them with what was submitted."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from reconciler.config.load.fleet import Fleet, Stack
from reconciler.fleet.job import Job

_OLDEST = 60.0
"""Seconds after which the fleet file is read again."""
_PAUSE = 2.0
"""Seconds between two readings, when stacks are missing or differ."""
_MOST_BYTES = 1 << 26


def digest_stack(stack: Stack | Job) -> str:
    """Return a digest of what makes a stack: its row and its entry file."""
    try:
        with (stack.directory / stack.file).open("rb") as file:
            content = hashlib.sha256(file.read(_MOST_BYTES)).hexdigest()
    except OSError:
        content = ""  # the command of the stack reports it
    row = sorted((stack.row or {}).items())
    text = msgspec.json.encode([stack.name, stack.file, content, row])
    return hashlib.sha256(text).hexdigest()[:32]


class StackSource:
    """The stacks of a fleet file, which is read again when it is old or does not fit a job."""

    def __init__(self, load: Callable[[], Fleet]) -> None:
        self._load = load
        self._stacks: dict[str, Stack] = {}
        self._read = float("-inf")
        self._lock = Lock()

    def list_stacks(self) -> Sequence[Stack]:
        """Return all stacks. Raises ReconcilerError."""
        with self._lock:
            self._reload(_PAUSE)
            return [*self._stacks.values()]

    def find(self, name: str, digest: str) -> Stack | None:
        """Return the stack as it was submitted; None when there is none here, or another one.

        Raises ReconcilerError for a fleet file with errors.
        """
        with self._lock:
            self._reload(_OLDEST)
            stack = self._stacks.get(name)
            if stack is None or digest_stack(stack) != digest:
                self._reload(_PAUSE)
                stack = self._stacks.get(name)
        if stack is None or digest_stack(stack) != digest:
            return None
        return stack

    def _reload(self, oldest: float) -> None:
        """Read the fleet file, unless that was done less than `oldest` seconds ago."""
        now = time.monotonic()
        if now - self._read < oldest:
            return
        loaded = self._load()
        self._stacks = {stack.name: stack for stack in loaded.stacks}
        self._read = time.monotonic()


def relative_path(stack: Stack, folder: Path) -> str:
    """Return the folder of a stack as reports name it."""
    return os.path.relpath(stack.directory, folder)
