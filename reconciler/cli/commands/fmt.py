"""Define `reconciler fmt`: format the named files or the whole configuration in place; with
`--check` or `--diff` only report what would change.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.output_paths import OutputPath, check_paths
from reconciler.cli.progress import QuietProgress
from reconciler.errors import Exit
from reconciler.report.documents.listings import format_document
from reconciler.workflows import authoring


@click.command()
@click.argument("files", nargs=-1, type=OutputPath(edits=True, dir_okay=True), metavar="[FILE…]")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@common_options
def fmt(shared: CommonOptions, files: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Format these files, or all files of the configuration: numbers in quotes and in order, two
    spaces a level.

    Comments and the order of sections stay; numbers are sorted within groups that empty lines
    separate, also in CSV files. If the meaning of a file might change, it is refused (exit 3) and no file is written.
    Exit 1 with --check when a file would change, else 0.
    """
    options = shared.run_options("fmt", QuietProgress(shared))
    formatted = authoring.fmt(options, files)
    if not (check or diff):
        # Without FILE the configuration names the files, and it may include the state by mistake.
        check_paths(
            [("include", Path(f.file), True) for f in formatted if f.before != f.after],
            shared.directory,
            shared.file,
        )
        authoring.write(options, formatted)

    document = format_document(formatted, diff=diff, written=not (check or diff))
    emit(shared, document)
    return Exit.FAILED if check and document.summary["changed"] else Exit.DONE
