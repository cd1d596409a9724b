"""Report the progress of a fleet on stderr: one line that is rewritten on a terminal, a line for each
stack in a log.
"""

from __future__ import annotations

import contextlib
import sys

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.fleet.job import Ended, Job, Watcher
from reconciler.planning.checks.secrecy import mask
from reconciler.report.wording import printable


class FleetLines(Watcher):
    """A line for each stack that has ended."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0

    def begin(self, total: int) -> None:
        """Remember how many stacks there are."""
        self._total = total

    def ended(self, ended: Ended, outcome: str) -> None:
        """Print how a stack ended."""
        self._done += 1
        words = outcome.replace("_", " ")
        name = mask(printable(ended.job.name))
        self._print(f"[{self._done}/{self._total}] {name}: {words} ({ended.seconds:.1f} s)")

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _print(self, line: str) -> None:
        # A reader that has closed stderr must not stop an apply half way.
        with contextlib.suppress(OSError):
            click.echo(line, err=True)


class FleetBar(FleetLines):
    """One line with the counts and what runs, rewritten in place; failures stay above it."""

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[str, None] = {}
        self._failed = 0

    def started(self, job: Job) -> None:
        """Show that a stack runs."""
        self._running[job.name] = None
        self._draw()

    def ended(self, ended: Ended, outcome: str) -> None:
        """Show that a stack has ended; a failure gets a line that stays."""
        self._running.pop(ended.job.name, None)
        if outcome in ("done", "changes"):
            self._done += 1
        else:
            self._failed += 1
            self.close()
            super().ended(ended, outcome)
        self._draw()

    def close(self) -> None:
        """Remove the line."""
        with contextlib.suppress(OSError):
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self) -> None:
        from shutil import get_terminal_size  # pulls in every kind of archive

        names = ", ".join(printable(name) for name in list(self._running)[:8])
        line = f"{self._done} of {self._total} stacks, {self._failed} failed. Now: {names}"
        width = get_terminal_size().columns - 1
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{mask(line)[:width]}")
            sys.stderr.flush()


def choose_fleet_progress(common: CommonOptions) -> FleetLines:
    """Return one line for a terminal, lines for a log."""
    return FleetBar() if sys.stderr.isatty() else FleetLines()
