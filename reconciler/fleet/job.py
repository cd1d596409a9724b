"""Define `Job`, one command for one stack, and `Ended`, how its process ended; pure values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

MOST_OUTPUT = 1 << 28
"""Bytes that one stack may print; the JSON of a plan of 100,000 changes has a fifth of it."""

EndReason = Literal["", "time", "request", "output", "no_start", "no_server"]
"""Why a process did not run to its end: the limit of time, a person, too much output, or because it
could not be started or watched; empty when the engine did nothing.
"""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One command for one stack.

    `words` are the words of the command line, without `-C`, `-f` and the format. `row` are the
    values of the stack's row, which only a fleet has; None without a row. `shown` is the folder as
    reports name it, relative to that of the fleet.
    """

    name: str
    directory: Path
    file: str
    words: tuple[str, ...]
    row: Mapping[str, str] | None = None
    shown: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the process of a job ended.

    `exit_code` is that of the command; None when the process did not end by itself. `signal` is the
    number of the signal that ended it. `output` is the file with the JSON of the command, `errors`
    the file with what it printed beside it. `reason`: why the engine asked it to end, with `problem`
    in the words of the system.
    """

    job: Job
    exit_code: int | None
    seconds: float
    output: Path
    errors: Path
    signal: int | None = None
    reason: EndReason = ""
    problem: str = ""


Target = str
"""`module:function` of the function that runs a job in a process of its own. It gets the job, the
file for its output and the file for its errors, and ends the process.
"""


class Watcher:
    """Receiver of the progress of a fleet; this one ignores it."""

    def begin(self, total: int) -> None:
        """Report how many stacks there are."""

    def started(self, job: Job) -> None:
        """Report that a stack has started."""

    def explain_failure(self, job: Job, reason: str) -> None:
        """Report in a few words why a stack does not end well; called before `ended`."""

    def ended(self, ended: Ended, outcome: str) -> None:
        """Report that a stack has ended, and how: an outcome of the report, or `no_match`."""

    def stop_starting(self, reason: str) -> None:
        """Report that the fleet starts no further stack, and why in a sentence."""
