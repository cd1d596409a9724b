"""`reconciler state unlock`: a lock that was left behind."""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress


@click.command(short_help="Free a lock that was left behind.")
@click.option(
    "--force",
    is_flag=True,
    help="Also the lock of a run that may be alive: that run stops writing.",
)
@common_options
def unlock(shared: CommonOptions, force: bool) -> int:
    """Free the lock of the state, and say whose it was.

    Seldom needed: the lock of a file ends with its process, that of another store at the end of its lease. Without
    --force only a lock that ran out is freed, one of the same CI job, or one of a process of yours on this machine
    that is gone. Exit 6: it is somebody else's.
    """
    from reconciler.report.documents import build
    from reconciler.workflows import inspect

    found = inspect.unlock(shared.run_options("state unlock", QuietProgress(shared)), force=force)
    emit(shared, build.unlock_document(found))
    return 0
