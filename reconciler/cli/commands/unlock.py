"""Define `reconciler state unlock`: free the lock of the state and print its holder; without
`--force` refuse a lock that may be in use.
"""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.report.documents import listings
from reconciler.workflows import state_edit


@click.command(short_help="Free the lock of a run that has ended.")
@click.option(
    "--force",
    is_flag=True,
    help="Also free the lock of a run that may be alive; that run stops writing.",
)
@common_options
def unlock(shared: CommonOptions, force: bool) -> int:
    """Free the lock of the state, and print who held it.

    Rarely needed: the lock of a file ends with its process, that of another store at the end of its
    lease. Without --force, only an expired lock is freed, one of the same CI job, or one of a
    process of the same user on this machine that has ended. Exit 6: another run holds it.
    """
    found = state_edit.unlock(
        shared.run_options("state unlock", QuietProgress(shared)), force=force
    )
    emit(shared, listings.unlock_document(found))
    return 0
