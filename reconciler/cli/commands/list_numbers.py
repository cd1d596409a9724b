"""Define `reconciler list`: print numbers with agent, effective route, labels and status; change
nothing.
"""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_accounts, complete_agents, complete_platforms
from reconciler.cli.confirmation import baseline_options
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import choose_progress
from reconciler.errors import Exit
from reconciler.report.documents.numbers import NumberFilter, list_document
from reconciler.workflows import list_numbers as workflow


@click.command("list")
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_agents,
    help="Only numbers of this agent.",
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_accounts,
    help="Only in this account.",
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_platforms,
    help="Only numbers on this platform.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only with this label; the value is a glob. Several must all match.",
)
@click.option(
    "--unmanaged", is_flag=True, help="Only numbers on Twilio that are not declared here."
)
@click.option("--drifted", is_flag=True, help="Only numbers that have drifted.")
@click.option(
    "--no-refresh", is_flag=True, help="Read only the state; needs no credentials of Twilio."
)
@baseline_options
@common_options
def list_(
    shared: CommonOptions,
    agents: tuple[str, ...],
    accounts: tuple[str, ...],
    platforms: tuple[str, ...],
    labels: tuple[str, ...],
    unmanaged: bool,
    drifted: bool,
    no_refresh: bool,
    baseline: str | None,
    destinations: tuple[str, ...],
) -> int:
    """List numbers with friendly name, agent, effective call route, labels and status: in sync,
    drifted, pending (an apply would change it) or missing (not on Twilio).

    Numbers that are not declared are listed with --unmanaged alone. Globs of one option are
    alternatives. Values are cut to the width of the terminal; -v shows them whole.
    """
    if no_refresh and (unmanaged or drifted):
        flag = "--unmanaged" if unmanaged else "--drifted"
        raise click.UsageError(f"{flag} needs Twilio: it excludes --no-refresh.")
    wanted = NumberFilter(
        agents=agents,
        accounts=accounts,
        platforms=platforms,
        labels=tuple([_parse_label(text) for text in labels]),
        unmanaged=unmanaged,
        drifted=drifted,
    )

    progress = choose_progress(shared)
    options = shared.run_options("list", progress, refresh=not no_refresh)
    options = msgspec.structs.replace(options, baseline=baseline, allowed_destinations=destinations)
    try:
        listing = workflow.list_numbers(options, every_account=unmanaged)
    finally:
        progress.close()

    document = list_document(listing.facts, wanted, listing.diagnostics, listing.unread_accounts)
    emit(shared, document)
    return Exit.FAILED if listing.is_incomplete else Exit.DONE


def _parse_label(text: str) -> tuple[str, str]:
    """Split KEY=VALUE. Raises UsageError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"--label {text!r}: write KEY=VALUE, such as --label team=support.")
    return key, value
