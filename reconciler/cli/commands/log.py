"""Define `reconciler log`: print who changed what, from Twilio's event log and our own applies; change
nothing.
"""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import baseline_options
from reconciler.cli.options import Duration, common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import choose_progress
from reconciler.errors import Exit
from reconciler.report.documents.log import log_document
from reconciler.workflows import log as workflow

_LONGEST = 3650 * 86_400.0
"""Ten years in seconds; Twilio keeps events for 13 months at most."""


@click.command()
@click.argument("what", required=False, metavar="[ADDRESS]")
@click.option(
    "--since",
    type=Duration(),
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="Only changes of the last 30m, 12h, 7d …",
)
@baseline_options
@common_options
def log(
    shared: CommonOptions,
    what: str | None,
    since: float,
    baseline: str | None,
    destinations: tuple[str, ...],
) -> int:
    """Show who changed what, oldest first: Twilio's event log and the applies of this project.

    ADDRESS is an address, or a number or its SID; the number need not be managed. A write of this
    project that is in Twilio's log too is shown once. Own writes come from the kept versions of the
    state; a warning says when those do not reach back far enough. If Twilio's events cannot be
    read, the own writes are shown alone.
    """
    if since > _LONGEST:
        raise click.UsageError("--since: at most 3650d.")

    progress = choose_progress(shared)
    options = shared.run_options("log", progress)
    options = msgspec.structs.replace(options, baseline=baseline, allowed_destinations=destinations)
    try:
        found = workflow.log(options, what, since)
    finally:
        progress.close()

    document = log_document(
        found.entries,
        found.diagnostics,
        events=found.events,
        own_since=found.own_since,
        unread_accounts=found.unread_accounts,
    )
    emit(shared, document)
    return Exit.DONE
