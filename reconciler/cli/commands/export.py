"""Define `reconciler export`: read accounts and print their resources as configuration, or write a
file (`--out`); leave out what is already declared.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_accounts
from reconciler.cli.options import format_options
from reconciler.cli.output import emit, emit_diagnostics
from reconciler.cli.output_paths import OutputPath, check_paths
from reconciler.cli.progress import choose_progress
from reconciler.config.load import write_files
from reconciler.config.load.starter import schema_line
from reconciler.config.source.source_line import YAML
from reconciler.errors import Exit
from reconciler.export.document import Exported, ExportFilter
from reconciler.report.documents.listings import export_document
from reconciler.report.wording import count
from reconciler.workflows import export as workflow


@click.command()
@click.option("--out", type=OutputPath(), metavar="FILE", help="Write to FILE instead of stdout.")
@click.option("--force", is_flag=True, help="Overwrite an existing FILE.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_accounts,
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
@format_options("text", "csv", "json")
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

    With --format csv, numbers that have at most an agent, a trunk and an account are rows of a CSV
    file. --out numbers.yaml then writes the rest to numbers.yaml, which names numbers.csv beside
    it; without --out only the rows are printed.
    """
    files = _choose_files(shared, out, force=force)
    progress = choose_progress(shared)
    try:
        exported = workflow.export(
            shared.run_options("export", progress),
            accounts,
            ExportFilter(prefixes, labels),
            project,
            _table_name(shared, files),
        )
    finally:
        progress.close()
    contents = {files.table: exported.table, files.configuration: exported.text}
    written: list[str] = []
    for path, text in contents.items():
        if path is not None and text:
            write = write_files.replace_file if force else write_files.create_file
            first = schema_line(shared.directory / path, shared.directory)
            write(shared.directory / path, first + text)
            written.append(str(path))

    if shared.format != "csv":
        emit(shared, export_document(exported, written[0] if written else None))
    elif written:
        named = " and ".join(reversed(written))
        emit(msgspec.structs.replace(shared, format="text"), export_document(exported, named))
    else:
        _print_table(shared, exported)
    return Exit.FAILED if exported.unread_accounts else Exit.DONE


def _table_name(shared: CommonOptions, files: _Files) -> str | None:
    """Return the name by which the configuration calls the table, beside which it is."""
    if shared.format != "csv":
        return None
    return files.table.name if files.table is not None else "numbers.csv"


class _Files(NamedTuple):
    """The files to write; None for one that is not written."""

    configuration: Path | None
    table: Path | None


def _choose_files(shared: CommonOptions, out: Path | None, *, force: bool) -> _Files:
    """Return the files of this run. Raises UsageError and Refused before anything is read."""
    if out is None or shared.format != "csv":
        return _Files(out, None)

    table = out.with_suffix(".csv")
    configuration = out.with_suffix(".yaml") if out == table else out
    if configuration.suffix not in YAML:
        raise click.UsageError(
            "--format csv writes two files: name the YAML file, such as --out numbers.yaml; the CSV "
            "file is beside it."
        )

    # The option names one of the two; both are as protected.
    both = [("--out", configuration, False), ("--out", table, False)]
    check_paths(both, shared.directory, shared.file)
    if not force:
        write_files.refuse_existing([shared.directory / path for _, path, _ in both])
    return _Files(configuration, table)


def _print_table(shared: CommonOptions, exported: Exported) -> None:
    """Print the rows alone, and on stderr what they lack."""
    emit_diagnostics(shared, "export", exported.problems)
    click.echo(exported.table, nl=False)
    others = exported.numbers - exported.rows
    click.echo(
        f"{count(exported.rows, 'number')} of {exported.numbers:,}. The agents and trunks"
        + (f", and {count(others, 'number')} that no row can declare," if others else "")
        + " are in the file that --out writes.",
        err=True,
    )
