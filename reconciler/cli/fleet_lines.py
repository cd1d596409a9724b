"""Report the progress of a fleet on stderr as lines for a log: one for each stack that has ended."""

from __future__ import annotations

import contextlib

import click

from reconciler.cli.fleet_view import STOPPING, STOPPING_QUEUE, choose_message
from reconciler.cli.signals import write_to_stderr
from reconciler.fleet.job import Ended, Watcher
from reconciler.planning.checks.secrecy import mask
from reconciler.report.wording import printable


class FleetLines(Watcher):
    """A line for each stack that has ended."""

    def __init__(self, *, in_queue: bool = False) -> None:
        self._stopping = STOPPING_QUEUE if in_queue else STOPPING
        self._total = 0
        self._done = 0

    def begin(self, total: int) -> None:
        """Start counting so many stacks."""
        self._total = total
        self._done = 0

    def ended(self, ended: Ended, outcome: str) -> None:
        """Print how a stack ended."""
        self._done += 1
        words = outcome.replace("_", " ")
        name = mask(printable(ended.job.name))
        self._print(f"[{self._done}/{self._total}] {name}: {words} ({ended.seconds:.1f} s)")

    def stop_starting(self, reason: str) -> None:
        """Print why no further stack starts."""
        self._print(reason)

    def report_stop(self, requests: int) -> None:
        """Report that somebody wants the fleet to stop; called by a signal handler."""
        write_to_stderr(f"\n{choose_message(self._stopping, requests)}\n")

    def report(self, text: str) -> None:
        """Print what the person who waits should know."""
        self._print(mask(printable(text)))

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _print(self, line: str) -> None:
        # A reader that has closed stderr must not stop an apply half way.
        with contextlib.suppress(OSError):
            click.echo(line, err=True)
