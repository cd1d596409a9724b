"""Report progress and long waits on stderr, as a bar on a terminal and as lines in a log; print the
plan that is about to be applied on stdout.
"""

from __future__ import annotations

import contextlib
import sys
from threading import Lock
from typing import TYPE_CHECKING, Any

import click

from reconciler.planning.checks.secrecy import mask
from reconciler.workflows.saved_plan_check import digest_of_plan

if TYPE_CHECKING:
    from reconciler.cli.common_options import CommonOptions
    from reconciler.execution.outcome import Outcome
    from reconciler.remote.gateway import Wait
    from reconciler.workflows.session import Planned


class TolerantStream:
    """A stream whose reader may go away: what cannot be written is lost, and nothing stops.

    `rich` ends the program, and closes stdout with it, when a pipe is closed.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what has been written."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class QuietProgress:
    """Progress that shows only the plan that is about to be applied, and long waits.

    A wait is reported when a call waits `NOTICEABLE` seconds in all, for each account once in
    `REPEATED` seconds.
    """

    NOTICEABLE = 3.0
    REPEATED = 10.0

    def __init__(self, common: CommonOptions) -> None:
        self._common = common
        self._reported: dict[str, float] = {}
        self._report_lock = Lock()

    def report_wait(self, wait: Wait) -> None:
        """Report a wait on stderr, from any thread, unless it is short or one was just reported."""
        if wait.before + wait.seconds < self.NOTICEABLE:
            return
        with self._report_lock:
            last = self._reported.get(wait.account)
            if last is None or wait.at - last >= self.REPEATED:
                self._reported[wait.account] = wait.at
                self._print(mask(_describe_wait(wait)))

    def _print(self, line: str) -> None:
        # A reader that has closed stderr must not stop an apply half way.
        with contextlib.suppress(OSError):
            click.echo(line, err=True)

    def report_read(self, account: str, numbers: int) -> None:
        """Do nothing."""

    def show_plan(self, planned: Planned) -> None:
        """Print the plan, unless stdout is one document."""
        if self._common.json or not planned.plan.actions:
            return
        from reconciler.report.documents.build import plan_document
        from reconciler.report.text import render

        document = plan_document(planned.plan, (), digest=digest_of_plan(planned))
        click.echo(render.render(document, self._common.style(sys.stdout)), nl=False)

    def start(self, total: int) -> None:
        """Do nothing."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: nothing is open."""


class LineProgress(QuietProgress):
    """Progress for logs: a line for each action, of more than `LIMIT` actions for every hundredth
    and each failure.
    """

    LIMIT = 200

    def __init__(self, common: CommonOptions) -> None:
        super().__init__(common)
        self._total = 0
        self._done = 0

    def start(self, total: int) -> None:
        """Remember how many actions there are."""
        self._total = total

    def report_outcome(self, outcome: Outcome) -> None:
        """Print a line for an action."""
        self._done += 1
        if (
            self._total <= self.LIMIT
            or self._done % 100 == 0
            or self._done == self._total
            or not outcome.succeeded
        ):
            what = f"{outcome.action.address} {outcome.action.action}: {outcome.status}"
            self._print(mask(f"[{self._done}/{self._total}] {what}"))


class BarProgress(LineProgress):
    """Progress for a terminal: a bar, with failures above it."""

    def __init__(self, common: CommonOptions) -> None:
        super().__init__(common)
        self._bar: Any = None
        self._task: Any = None

    def report_read(self, account: str, numbers: int) -> None:
        """Show how many numbers have been read so far."""
        if numbers > 1000:
            self._ensure()
            self._bar.update(
                self._task, description=f"reading {account}: {numbers} numbers", total=None
            )

    def show_plan(self, planned: Planned) -> None:
        """Remove the bar and print the plan."""
        self.close()
        super().show_plan(planned)

    def start(self, total: int) -> None:
        """Start the bar."""
        super().start(total)
        if total:
            self._ensure()
            self._bar.update(self._task, description="applying", total=total, completed=0)

    def report_outcome(self, outcome: Outcome) -> None:
        """Move the bar."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(
                self._task, completed=self._done, description=mask(outcome.action.address)
            )

    def _print(self, line: str) -> None:
        bar = self._bar
        if bar is None:
            super()._print(line)
        else:
            with contextlib.suppress(OSError):  # see QuietProgress
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _ensure(self) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            stream: Any = TolerantStream(sys.stderr)
            console = Console(file=stream, no_color=self._common.no_color)
            self._bar = Progress(console=console, transient=True)
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()


def _describe_wait(wait: Wait) -> str:
    """Return account, reason and length of a wait, and the attempt; nothing of the call itself."""
    answer = {0: "no answer", 429: "429, too many requests"}.get(
        wait.status, f"answered {wait.status}"
    )
    so_far = f", {wait.before:.0f} s waited before" if wait.before >= 1 else ""
    seconds = f"{max(1.0, wait.seconds):.0f} s"
    return f"{wait.account}: {answer}; waiting {seconds}, then attempt {wait.attempt} of {wait.attempts}{so_far}"


def choose_progress(common: CommonOptions) -> QuietProgress:
    """Return a bar for a terminal, lines for a log."""
    if sys.stderr.isatty():
        return BarProgress(common)
    return LineProgress(common)
