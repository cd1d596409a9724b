"""Define `reconciler worker`: run the stacks that a queue has, until it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.commands.fleet_engines import TARGET
from reconciler.cli.commands.fleet_queue import QUEUE_HELP, open_queue
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.failures import run_guarded
from reconciler.cli.options import HostType
from reconciler.cli.progress import QuietProgress
from reconciler.config.load.fleet import DEFAULT_FLEET, Fleet
from reconciler.config.secrets.allow_list import extend_allow_list
from reconciler.config.sections.fleet import MOST_PARALLEL
from reconciler.errors import Exit
from reconciler.fleet.queue.words import COMMANDS
from reconciler.planning.checks.secrecy import mask
from reconciler.report.wording import printable
from reconciler.workflows.fleet import load as load_fleet

if TYPE_CHECKING:
    from reconciler.fleet.queue.stack_task import WorkerOptions
    from reconciler.fleet.queue.store import QueueStore

_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_PAUSE = 5.0
"""Seconds before the second attempt of a stack whose failure may pass."""
_CHECK_SECONDS = 3600.0
"""The time limit of a check of a schedule, so that a run ends before anything piles up."""


@click.command()
@click.option(
    "-C", "directory", type=_DIRECTORY, default=Path(), metavar="DIR", help="Change to DIR first."
)
@click.option(
    "-f",
    "file",
    default=DEFAULT_FLEET,
    metavar="FILE",
    show_default=True,
    help="The fleet file: the same as that of the submitters.",
)
@click.option("--queue", envvar="RECONCILER_QUEUE", metavar="URL", help=QUEUE_HELP)
@click.option(
    "--parallel",
    "--concurrency",
    "parallel",
    type=click.IntRange(1, MOST_PARALLEL),
    metavar="N",
    help="Stacks at the same time, in place of `parallel` of the file.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(COMMANDS),
    metavar="COMMAND",
    help="Run only jobs of this command: validate, plan, apply, drift or list. Repeatable.",
)
@click.option(
    "--schedule",
    metavar="CRON",
    help="Check all stacks for drift at these times (five fields, UTC): '17 * * * *'.",
)
@click.option(
    "--name", metavar="NAME", help="Name of the worker in reports. Default: the machine's."
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST",
    type=HostType(),
    help="Also allow secrets to be sent to HOST. Same as RECONCILER_ALLOW_HOSTS.",
)
def worker(
    directory: Path,
    file: str,
    queue: str | None,
    parallel: int | None,
    only: tuple[str, ...],
    schedule: str | None,
    name: str | None,
    allow_hosts: tuple[str, ...],
) -> int:
    """Run the jobs of a queue with the configuration and the credentials of this machine.

    Any number of workers serve one queue, on any number of machines; a stack runs on one of them at
    a time. The first Ctrl-C or SIGTERM takes no further job and finishes the stacks that run; a
    second one ends them in order, so that another worker continues; a third one ends them at once.
    """
    common = CommonOptions(
        directory, file, "text", False, 0, (), (), None, None, 0.0, False, allow_hosts, ()
    )
    os.environ.update(extend_allow_list(os.environ, allow_hosts))

    def run() -> int:
        def load() -> Fleet:
            return load_fleet(common.run_options("worker", QuietProgress(common)))

        fleet = load()
        with open_queue(queue) as store:
            from reconciler.fleet.queue.stack_task import WorkerOptions

            options = WorkerOptions(
                name=name or f"{socket.gethostname()}:{os.getpid()}",
                folder=directory,
                target=TARGET,
                commands=only or COMMANDS,
                parallel=parallel or fleet.parallel,
                pause=_PAUSE,
            )
            _serve(store, options, load, schedule)
        return Exit.DONE

    return run_guarded(common, "worker", run)


def _serve(
    store: QueueStore, options: WorkerOptions, load: Callable[[], Fleet], cron: str | None
) -> None:
    """Serve the queue until signals have stopped it."""
    import asyncio

    from reconciler.fleet.queue.stack_source import StackSource
    from reconciler.fleet.queue.worker import Schedule, Worker, check_cron

    schedule = None
    if cron is not None:
        check_cron(cron)
        schedule = Schedule(cron, ("drift", f"--timeout={_CHECK_SECONDS:g}"))

    async def serve() -> None:
        source = StackSource(load)
        served = Worker(store, source, options, schedule, _print_line)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, served.stop)
        _print_line(
            f"worker {options.name} serves {store.address.shown}, {options.parallel} at a time"
        )
        await served.serve()

    asyncio.run(serve())
    _print_line("worker ended")


def _print_line(line: str) -> None:
    """Print a line about what the worker does; a reader that is gone must not stop it."""
    with contextlib.suppress(OSError):
        click.echo(mask(printable(line)), err=True)
