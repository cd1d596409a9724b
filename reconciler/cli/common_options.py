"""Hold the values of the shared options (`CommonOptions`), and derive from them the style of a
stream and the options of a run; print each call with `-v`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import msgspec

from reconciler.cli.signals import report_time_over
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.report.text.style import Style

if TYPE_CHECKING:
    from reconciler.config.load.merge import Merged
    from reconciler.diagnostics import Diagnostic
    from reconciler.remote.gateway import CallRecord, Wait
    from reconciler.workflows.session import Progress, RunOptions


def _width() -> int:
    from shutil import get_terminal_size  # pulls in every kind of archive

    return get_terminal_size().columns


def _print_call(call: CallRecord) -> None:
    request = f" {call.request_id}" if call.request_id else ""
    again = f" (attempt {call.attempt})" if call.attempt > 1 else ""
    answer = f"{call.status or 'no answer'} {call.seconds:.3f}s"
    line = f"{call.account}: {call.method} {call.path} {answer}{request}{again}"
    click.echo(line, err=True)


if TYPE_CHECKING:

    class ReportingProgress(Progress, Protocol):
        """Progress that also reports calls that wait for their next attempt."""

        def report_wait(self, wait: Wait) -> None:
            """Report that a call waits."""


class CommonOptions(msgspec.Struct, frozen=True):
    """The values of the shared options."""

    directory: Path
    file: str
    format: str
    no_color: bool
    verbose: int
    targets: tuple[str, ...]
    excludes: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    lock_timeout: float
    detailed_exitcode: bool
    allow_hosts: tuple[str, ...] = ()
    reports: tuple[tuple[str, str], ...] = ()
    """(format, file) of further reports."""
    merged: list[Merged] = msgspec.field(default_factory=list)
    """The configuration, when the check of output paths has read it."""
    static_warnings: list[Diagnostic] = msgspec.field(default_factory=list)
    """The warnings of the configuration alone, once a run has read it."""
    variables: VariableSources = NO_SOURCES
    """Where the values of variables come from."""

    @property
    def json(self) -> bool:
        """Return whether stdout is one document for programs, with nothing beside it."""
        return self.format != "text"

    def style(self, stream: Any) -> Style:
        """Return the style for a stream: colour and width only on a terminal, colour only where
        nothing forbids it.
        """
        unwanted = (
            self.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        )
        terminal = stream.isatty()
        return Style(
            colour=not unwanted and terminal,
            width=_width() if terminal else None,
            whole=bool(self.verbose),
        )

    def run_options(
        self, command: str, progress: ReportingProgress, *, refresh: bool = True
    ) -> RunOptions:
        """Return the options of a run."""
        from datetime import UTC, datetime

        from reconciler.config.secrets.allow_list import extend_allow_list
        from reconciler.remote.transport.time_limit import TimeLimit
        from reconciler.workflows.session import MOST_CALLS, RunOptions

        return RunOptions(
            directory=self.directory,
            environ=extend_allow_list(os.environ, self.allow_hosts),
            progress=progress,
            clock=lambda: datetime.now(UTC),
            file=self.file,
            targets=self.targets,
            excludes=self.excludes,
            concurrency=self.concurrency or MOST_CALLS,
            ramp=self.concurrency is None,
            limit=TimeLimit(self.timeout, on_stop=report_time_over),
            lock_timeout=self.lock_timeout,
            refresh=refresh,
            command=" ".join(["reconciler", *sys.argv[1:]]) if sys.argv[1:] else command,
            on_call=_print_call if self.verbose else None,
            on_wait=progress.report_wait,
            merged=self.merged,
            static_warnings=self.static_warnings,
            variables=self.variables,
        )
