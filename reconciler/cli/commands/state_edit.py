"""Define `reconciler state mv`, `rm`, `pull`, `push`, `history` and `repair`: print or edit the
recorded state by hand; Twilio is never touched.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_recorded, complete_serials
from reconciler.cli.options import Duration, common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.report.documents.state import (
    change_document,
    history_document,
    pull_document,
    repair_document,
)
from reconciler.state.format.document import encode
from reconciler.workflows import state_edit
from reconciler.workflows.session import RunOptions
from reconciler.workflows.state_edit import Operation

_FILE = click.Path(dir_okay=False, path_type=Path)
_dry_run = click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
_lock_timeout = click.option(
    "--lock-timeout", "wait", type=Duration(), default=0.0, metavar="DURATION",
    help="Time to wait for the lock of the state. Default: 0.",
)  # fmt: skip


@click.command(short_help="Move a resource to another address in the state.")
@click.argument("source", metavar="FROM", shell_complete=complete_recorded)
@click.argument("target", metavar="TO")
@_dry_run
@_lock_timeout
@common_options
def mv(shared: CommonOptions, source: str, target: str, dry_run: bool, wait: float) -> int:
    """Record the resource FROM under the address TO, with its children and all references to it.

    If several people share a configuration, use `moved:` in the file instead: it is reviewed and
    applies to everybody.
    """
    done = state_edit.move(_edit_options(shared, "state mv", wait), source, target, dry_run=dry_run)
    return _emit_change(shared, "state mv", done, dry_run=dry_run)


@click.command(short_help="Remove resources from the state.")
@click.argument(
    "addresses", metavar="ADDRESS...", nargs=-1, required=True, shell_complete=complete_recorded
)
@_dry_run
@_lock_timeout
@common_options
def rm(shared: CommonOptions, addresses: tuple[str, ...], dry_run: bool, wait: float) -> int:
    """Remove each ADDRESS and its children from the state; nothing is restored or deleted on
    Twilio.

    Prior values are removed as well (they stay in the history). To release a number and restore its
    prior values, remove it from the configuration and apply. Protected resources are refused.
    """
    done = state_edit.remove(_edit_options(shared, "state rm", wait), addresses, dry_run=dry_run)
    return _emit_change(shared, "state rm", done, dry_run=dry_run)


@click.command(short_help="Print the state.")
@click.option(
    "--serial",
    type=int,
    metavar="SERIAL",
    shell_complete=complete_serials,
    help="An earlier version; `state history` lists them.",
)
@common_options
def pull(shared: CommonOptions, serial: int | None) -> int:
    """Print the state in the form that `state push` reads, with the journal of an interrupted run.

    The output is complete, with the URLs of numbers: protect it like the state.
    """
    state = state_edit.pull(_edit_options(shared, "state pull", 0.0), serial)
    if shared.json:
        emit(shared, pull_document(state))
    else:
        click.echo(encode(state), nl=False)
    return 0


@click.command(short_help="Replace the state with a file.")
@click.argument("document", metavar="FILE", type=_FILE)
@click.option("--force", is_flag=True, help="Also if FILE does not continue the present state.")
@_dry_run
@_lock_timeout
@common_options
def push(shared: CommonOptions, document: Path, force: bool, dry_run: bool, wait: float) -> int:
    """Write FILE, the output of `state pull`, as the next version of the state.

    Refused (exit 4) when FILE has another lineage, or when the state was written after the pull.
    """
    path = shared.directory / document
    done = state_edit.push(
        _edit_options(shared, "state push", wait), path, force=force, dry_run=dry_run
    )
    return _emit_change(shared, "state push", done, dry_run=dry_run)


@click.command(short_help="List the stored versions of the state.")
@common_options
def history(shared: CommonOptions) -> int:
    """List the stored versions of the state, the newest first: when, by whom and by which command.

    `rollback --to SERIAL` brings back what was applied in one of them.
    """
    emit(shared, history_document(state_edit.history(_edit_options(shared, "state history", 0.0))))
    return 0


@click.command(short_help="Repair a damaged state file.")
@_dry_run
@_lock_timeout
@common_options
def repair(shared: CommonOptions, dry_run: bool, wait: float) -> int:
    """Read a damaged state file line by line, complete it from its journal and earlier versions,
    and write it again.

    The damaged files are kept under other names. Use --dry-run first, and check `reconciler plan`
    afterwards.
    """
    done = state_edit.repair(_edit_options(shared, "state repair", wait), dry_run=dry_run)
    emit(shared, repair_document(done.saved, done.aside, dry_run=dry_run))
    return 0


COMMANDS = (mv, rm, pull, push, history, repair)


def _edit_options(shared: CommonOptions, command: str, wait: float) -> RunOptions:
    return msgspec.structs.replace(
        shared.run_options(command, QuietProgress(shared)), lock_timeout=wait
    )


def _emit_change(shared: CommonOptions, command: str, done: Operation, *, dry_run: bool) -> int:
    emit(shared, change_document(command, done.before, done.after, done.changes, dry_run=dry_run))
    return 0
