"""Show the progress of a fleet on a terminal as a table that is redrawn in place."""

from __future__ import annotations

import sys
from typing import Any

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.fleet_lines import FleetLines
from reconciler.cli.fleet_view import FleetView
from reconciler.cli.progress import TolerantStream
from reconciler.fleet.job import Ended, Job
from reconciler.planning.checks.secrecy import mask
from reconciler.report.wording import printable

_REFRESHES = 4.0
"""Redraws in a second, however many stacks start and end in it."""
_STYLES = {"bad": "red", "good": "green", "warn": "yellow", "quiet": "dim", "strong": "bold"}


class FleetTable(FleetLines):
    """A table with the counts, what runs and the last failures. It disappears at the end; one line
    stays where the report goes elsewhere.
    """

    def __init__(self, common: CommonOptions, *, in_queue: bool = False) -> None:
        super().__init__(in_queue=in_queue)
        self._style = common.style(sys.stderr)
        self._view = FleetView(in_queue=in_queue)
        self._live: Any = None

    def begin(self, total: int) -> None:
        """Show the table."""
        self._view.begin(total)
        if self._live is None and total:
            self._live = self._open()
            self._live.start()

    def started(self, job: Job) -> None:
        """Show that a stack runs."""
        self._view.start(job.name)

    def explain_failure(self, job: Job, reason: str) -> None:
        """Remember why a stack does not end well."""
        self._view.explain(job.name, reason)

    def ended(self, ended: Ended, outcome: str) -> None:
        """Show that a stack has ended."""
        self._view.end(ended.job.name, outcome)

    def stop_starting(self, reason: str) -> None:
        """Show that no further stack starts."""
        self._view.stop_starting(reason)

    def report_stop(self, requests: int) -> None:
        """Show that somebody wants the fleet to stop. The next redraw has it: a signal handler must
        not write while another thread does.
        """
        self._view.stop_requests = requests

    def report(self, text: str) -> None:
        """Print what the person who waits should know above the table; it stays there."""
        if self._live is None:
            super().report(text)
            return
        from rich.text import Text

        self._live.console.print(Text(mask(printable(text))))

    def close(self) -> None:
        """Remove the table."""
        if self._live is None:
            return
        self._live.stop()
        self._live = None
        if not sys.stdout.isatty():
            self._print(self._view.summary())

    def _print(self, line: str) -> None:
        # Above the table, which would be drawn over it.
        if self._live is None:
            super()._print(line)
        else:
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _open(self) -> Any:
        """Return a display that draws the table by itself, from a thread of its own."""
        from rich.console import Console
        from rich.live import Live

        stream: Any = TolerantStream(sys.stderr)
        console = Console(file=stream, no_color=not self._style.colour)
        return Live(
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=_REFRESHES,
            vertical_overflow="crop",
            get_renderable=lambda: self._draw(console.width, console.height),
        )

    def _draw(self, width: int, height: int) -> Any:
        """Return the lines as they are: nothing in them is markup, and none is broken.

        The last one is empty. A terminal shows `^C` where the cursor is; behind a long line it would
        move the table down.
        """
        from rich.text import Text

        text = Text(no_wrap=True, overflow="crop", end="")
        for line in self._view.lines(width, height):
            style = _STYLES.get(line.meaning, "") if self._style.colour else ""
            text.append(f"{line.text}\n", style=style)
        text.append(" ")  # an empty last line would be dropped
        return text
