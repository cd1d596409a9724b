"""Define `reconciler fleet status` and `fleet cancel`, and open the queue of a command of `fleet`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import reports
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.failures import run_guarded
from reconciler.cli.options import choose_format, command_name, split_outputs
from reconciler.cli.output import emit
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_paths
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit, UsageError
from reconciler.fleet.queue.address import read_queue_address
from reconciler.report.documents.fleet import FleetDocument, fleet_document, fleet_exit_code
from reconciler.report.documents.fleet_runs import FleetRun, RunState, fleet_runs_document
from reconciler.state.problems import extra_missing

if TYPE_CHECKING:
    from reconciler.fleet.queue.store import QueueStore
    from reconciler.fleet.queue.values import RunRow

QUEUE_HELP = "The queue: a database of PostgreSQL. Same as RECONCILER_QUEUE."
_OPTIONS = [
    click.option("--queue", envvar="RECONCILER_QUEUE", metavar="URL",
                 help=QUEUE_HELP),
    click.option("--json", "json_", is_flag=True, help="Same as --format json."),
    click.option("--no-color", is_flag=True, help="No colour. Same as NO_COLOR."),
    click.option("-v", "--verbose", count=True, help="List every stack and every error."),
]  # fmt: skip
_REPORTS = [
    click.option("--format", "format_", type=click.Choice(reports.NAMES), default="text",
                 help="Format of stdout."),
    click.option("--report", "reports_", multiple=True, metavar="NAME=FILE",
                 help="Also write this format to FILE (-: stdout, in place of text)."),
]  # fmt: skip


@contextmanager
def open_queue(location: str | None) -> Iterator[QueueStore]:
    """Open a queue, with its tables brought up to date. Raises ReconcilerError."""
    if not location:
        raise UsageError(
            Diagnostic(
                code="wrong_usage",
                summary="No queue is named",
                detail="Name the queue: --queue postgresql://user@host:5432/database, or "
                "RECONCILER_QUEUE in the environment.",
            )
        )
    address = read_queue_address(location, os.environ)
    _check_libraries()
    from reconciler.fleet.queue.store import QueueStore

    store = QueueStore(address)
    try:
        store.open()
        yield store
    finally:
        store.close()


def _check_libraries() -> None:
    if find_spec("procrastinate") is None or find_spec("psycopg") is None:
        raise extra_missing("A queue", "fleet")


def _queue_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that reads or changes a queue."""

    @wraps(function)
    def command(**values: Any) -> Any:
        directory = Path()
        shape, wanted = split_outputs(
            choose_format(values.pop("format_"), json=values.pop("json_")),
            reports.parse_reports(values.pop("reports_"), directory),
        )
        _check_reports(wanted, directory)

        # A queue has no folder and no fleet file, and nothing is planned here.
        common = CommonOptions(
            directory,
            "",
            shape,
            values.pop("no_color"),
            values.pop("verbose"),
            (),
            (),
            None,
            None,
            0.0,
            False,
            (),
            wanted,
        )
        return run_guarded(common, command_name(), lambda: function(common, **values))

    decorated: Callable[..., Any] = command
    for option in reversed([*_OPTIONS, *_REPORTS]):
        decorated = option(decorated)
    return decorated


def _check_reports(wanted: Sequence[tuple[str, str]], directory: Path) -> None:
    """Raise UsageError for a report in place of a file that may be precious: the state of a stack, for
    example. A queue does not show which files belong to stacks, so only reports are replaced.
    """
    given = [(f"--report {name}", Path(file), False) for name, file in wanted]
    check_paths(given, directory, DEFAULT_ENTRY)
    for name, file in wanted:
        if not reports.may_replace(name, directory / file):
            raise click.UsageError(
                f"--report {name}: `{file}` exists and is no report in this format. Nothing was "
                "written. Name another file."
            )


@click.command()
@click.argument("run", required=False)
@_queue_command
def status(common: CommonOptions, queue: str | None, run: str | None) -> int:
    """Show the last runs of a queue, or the stacks of one run.

    Exit with a RUN: that of the run, and 1 while stacks wait or run. Without one: 0.
    """
    with open_queue(queue) as store:
        if run is not None:
            document = _describe_run(store, _read_number(run), "fleet status")
            emit(common, document, "fleet")
            return fleet_exit_code(document.stacks)

        runs = [_to_run(row) for row in store.read_runs()]
        emit(common, fleet_runs_document(runs, store.count_workers()), "fleet")
        return Exit.DONE


@click.command()
@click.argument("run")
@_queue_command
def cancel(common: CommonOptions, queue: str | None, run: str) -> int:
    """Start no further stack of a run. Those that run are finished."""
    with open_queue(queue) as store:
        number = _read_number(run)
        if not store.stop(number):
            raise _unknown_run(run)
        emit(common, _describe_run(store, number, "fleet cancel"), "fleet")
        return Exit.DONE


def _describe_run(store: QueueStore, run: int, command: str) -> FleetDocument:
    """Return the document of a run. Raises UsageError when the queue has none of this number."""
    from reconciler.fleet.queue.engine import list_entries

    rows = store.read_runs(run)
    if not rows:
        raise _unknown_run(str(run))
    entries = list_entries(store.read_progress(run))
    return fleet_document(command, entries, (), rows[0].seconds, run)


def _to_run(row: RunRow) -> FleetRun:
    """Return a run as the document has it."""
    # A run that was stopped still runs until its last stack has ended.
    stacks = row.waiting + row.running + row.ended
    state: RunState = "running"
    if row.ended == stacks:
        state = "ended" if row.stopped is None else "stopped"
    elif row.ended == row.running == 0:
        state = "waiting"

    return FleetRun(
        run=row.run,
        command=row.command,
        state=state,
        schedule=row.schedule,
        submitted=row.submitted.isoformat(timespec="seconds"),
        submitted_by=row.submitted_by,
        stacks=stacks,
        waiting=row.waiting,
        running=row.running,
        ended=row.ended,
        failed=row.failed,
    )


def _read_number(text: str) -> int:
    """Return the number of a run. Raises UsageError."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise _unknown_run(text)
    return int(text)


def _unknown_run(run: str) -> UsageError:
    return UsageError(
        Diagnostic(
            code="wrong_usage",
            summary="The queue has no such run",
            detail=f"The queue has no run {run}. `reconciler fleet status` lists the runs; those that "
            "ended more than 30 days ago are deleted.",
        )
    )
