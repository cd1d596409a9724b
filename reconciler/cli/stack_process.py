"""Run one command for one stack of a fleet, in a process that was started for it; its output goes to
files.
"""

from __future__ import annotations

import gc
import os
import sys

import click

from reconciler.cli.main import exit_process, main, run_to_exit_code
from reconciler.cli.signals import watch_interrupts
from reconciler.config.fleet_row import FleetRow
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit, UsageError
from reconciler.fleet.job import Job
from reconciler.fleet.processes import end_with_parent, redirect_output
from reconciler.fleet.server_session import accept_interrupts, detach_from_terminal


def run_stack(job: Job, output: str, errors: str) -> None:
    """Run the command of a job as if it were typed in the folder of its stack, and end the process."""
    detach_from_terminal()
    end_with_parent(output, errors)
    redirect_output(output, errors)
    watch_interrupts()
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    # The journal and the lock name the command that a person can repeat for this stack.
    command, *rest = job.words
    words = [command, "-C", str(job.directory), "-f", job.file, "--json", *rest]
    sys.argv = ["reconciler", *words]
    row = FleetRow(job.row or {})
    exit_process(run_to_exit_code(lambda: _run(words, row), words))


def _run(words: list[str], row: FleetRow) -> int:
    """Run a command line; a wrong use of it is reported as JSON too."""
    accept_interrupts()
    try:
        code = main.main(words, prog_name="reconciler", standalone_mode=False, obj=row)
        return code if isinstance(code, int) else Exit.DONE
    except click.UsageError as error:
        _print_failure(words[0], error)
        return Exit.USAGE


def _print_failure(command: str, error: click.UsageError) -> None:
    from reconciler.report.documents.build import failure_document
    from reconciler.report.formats.json import render

    cause = error.__cause__
    diagnostics = [
        Diagnostic(
            code="wrong_usage", summary="The command line is invalid", detail=error.format_message()
        )
    ]
    if isinstance(cause, UsageError):
        diagnostics = list(cause.diagnostics)
    click.echo(render(failure_document(command, diagnostics)), nl=False)
