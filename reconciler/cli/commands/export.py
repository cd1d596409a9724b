"""Define `reconciler export`: read accounts and print their resources as configuration, or write a
file (`--out`); leave out what is already declared.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.output_paths import OutputPath
from reconciler.cli.progress import choose_progress
from reconciler.config.load import write_files
from reconciler.errors import Exit
from reconciler.export.document import ExportFilter
from reconciler.report.documents.listings import export_document
from reconciler.workflows import export as workflow


@click.command()
@click.option("--out", type=OutputPath(), metavar="FILE", help="Write to FILE instead of stdout.")
@click.option("--force", is_flag=True, help="Overwrite an existing FILE.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Only this account. Default: all.",
)
@click.option(
    "--prefix", "prefixes", multiple=True, metavar="+1555", help="Only numbers with this prefix."
)
@click.option(
    "--friendly-name",
    "labels",
    multiple=True,
    metavar="GLOB",
    help="Only numbers whose friendly name matches.",
)
@click.option(
    "--project",
    default="voice",
    metavar="NAME",
    show_default=True,
    help="Project name of a new configuration.",
)
@common_options
def export(
    shared: CommonOptions,
    out: Path | None,
    force: bool,
    accounts: tuple[str, ...],
    prefixes: tuple[str, ...],
    labels: tuple[str, ...],
    project: str,
) -> int:
    """Export an account as configuration: agents deduced from equal webhooks, trunks, and a line
    for each number.

    A plan of the result only imports, so its apply writes nothing to Twilio. Comments mark dead
    routes, tunnels, hosts of other platforms and credentials in URLs. Without a configuration, the
    account of the TWILIO_* variables is exported as a complete configuration. With one, resources
    that it declares are left out, and the result is a file to include. When an account cannot be
    read, the others are exported and the exit code is 1.
    """
    progress = choose_progress(shared)
    try:
        exported = workflow.export(
            shared.run_options("export", progress),
            accounts,
            ExportFilter(prefixes, labels),
            project,
        )
    finally:
        progress.close()
    if out is not None:
        (write_files.replace_file if force else write_files.create_file)(
            shared.directory / out, exported.text
        )
    emit(shared, export_document(exported, str(out) if out is not None else None))
    return Exit.FAILED if exported.unread_accounts else Exit.DONE
