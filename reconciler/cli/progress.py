"""How a run tells on stderr what it does: a bar on a terminal, a line for each action in a log."""

from __future__ import annotations

import contextlib
import sys
from threading import Lock
from typing import TYPE_CHECKING, Any

import click

from reconciler.planning.checks.secrecy import mask

if TYPE_CHECKING:
    from reconciler.cli.common_options import CommonOptions
    from reconciler.execution.outcome import Outcome
    from reconciler.remote.gateway import Wait
    from reconciler.workflows.session import Planned


class QuietProgress:
    """Says nothing but the plan that is about to be applied, and what it waits for when that takes long.

    Of a call that has to wait `NOTICEABLE` seconds in all, and of each account once in `REPEATED` seconds.
    """

    NOTICEABLE = 3.0
    REPEATED = 10.0

    def __init__(self, common: CommonOptions) -> None:
        self._common = common
        self._told: dict[str, float] = {}
        self._telling = Lock()

    def report_wait(self, wait: Wait) -> None:
        """A line on stderr, from whichever thread, unless the wait is short or one has just been told."""
        if wait.before + wait.seconds < self.NOTICEABLE:
            return
        with self._telling:
            last = self._told.get(wait.account)
            if last is None or wait.at - last >= self.REPEATED:
                self._told[wait.account] = wait.at
                self._say(mask(_waiting(wait)))

    def _say(self, line: str) -> None:
        with contextlib.suppress(
            OSError
        ):  # nobody reads it any more: that must not stop an apply half way
            click.echo(line, err=True)

    def report_read(self, account: str, numbers: int) -> None:
        """Nothing."""

    def show_plan(self, planned: Planned) -> None:
        """The plan, unless stdout is to be one document."""
        if self._common.json or not planned.plan.actions:
            return
        from reconciler.report.documents.build import plan_document
        from reconciler.report.text import render
        from reconciler.workflows.saved_plan_check import digest_of_plan

        document = plan_document(planned.plan, (), digest=digest_of_plan(planned))
        click.echo(render.render(document, self._common.style(sys.stdout)), nl=False)

    def start(self, total: int) -> None:
        """Nothing."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


class LineProgress(QuietProgress):
    """For logs: one line for each action as it is done, up to a limit, then one for every hundred."""

    LIMIT = 200

    def __init__(self, common: CommonOptions) -> None:
        super().__init__(common)
        self._total = 0
        self._done = 0

    def start(self, total: int) -> None:
        """Remember how many there are."""
        self._total = total

    def report_outcome(self, outcome: Outcome) -> None:
        """A line for what was done."""
        self._done += 1
        if (
            self._total <= self.LIMIT
            or self._done % 100 == 0
            or self._done == self._total
            or not outcome.succeeded
        ):
            what = f"{outcome.action.address} {outcome.action.action}: {outcome.status}"
            self._say(mask(f"[{self._done}/{self._total}] {what}"))


class BarProgress(LineProgress):
    """For a terminal: a bar that moves, and what failed above it."""

    def __init__(self, common: CommonOptions) -> None:
        super().__init__(common)
        self._bar: Any = None
        self._task: Any = None

    def report_read(self, account: str, numbers: int) -> None:
        """How many numbers have been read so far."""
        if numbers > 1000:
            self._ensure()
            self._bar.update(
                self._task, description=f"reading {account}: {numbers} numbers", total=None
            )

    def show_plan(self, planned: Planned) -> None:
        """The plan, with the bar out of the way."""
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

    def _say(self, line: str) -> None:
        bar = self._bar
        if bar is None:
            super()._say(line)
        else:
            with contextlib.suppress(OSError):  # as above
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _ensure(self) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            console = Console(stderr=True, no_color=self._common.no_color)
            self._bar = Progress(console=console, transient=True)
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()


def _waiting(wait: Wait) -> str:
    """Which account, why, how long, and how far it has come; nothing of the call itself."""
    answer = {0: "no answer", 429: "429, too many requests"}.get(
        wait.status, f"answered {wait.status}"
    )
    so_far = f", {wait.before:.0f} s waited before" if wait.before >= 1 else ""
    seconds = f"{max(1.0, wait.seconds):.0f} s"
    return f"{wait.account}: {answer}; waiting {seconds}, then attempt {wait.attempt} of {wait.attempts}{so_far}"


def choose_progress(common: CommonOptions) -> QuietProgress:
    """The way to tell that fits where stderr goes."""
    if sys.stderr.isatty():
        return BarProgress(common)
    return LineProgress(common)
