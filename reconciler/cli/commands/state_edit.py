"""`reconciler state mv|rm|pull|push|history|repair`: the state changed by hand; Twilio is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import Duration, common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress

if TYPE_CHECKING:
    from reconciler.workflows.session import RunOptions
    from reconciler.workflows.state_edit import Operation

_FILE = click.Path(dir_okay=False, path_type=Path)
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Show what would change, and write nothing."
)
_lock_timeout = click.option(
    "--lock-timeout", "wait", type=Duration(), default=0.0, metavar="DURATION",
    help="How long to wait for the state's lock; 0 by default.",
)  # fmt: skip


@click.command(short_help="Give a resource another address in state.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@_dry_run
@_lock_timeout
@common_options
def mv(shared: CommonOptions, source: str, target: str, dry_run: bool, wait: float) -> int:
    """Remember the resource FROM under the address TO, with all that hangs below it and refers to it.

    Where several people share a configuration, `moved:` in the file does the same, reviewed and for everybody.
    """
    from reconciler.workflows import state_edit

    done = state_edit.move(_edit_options(shared, "state mv", wait), source, target, dry_run=dry_run)
    return _tell(shared, "state mv", done, dry_run=dry_run)


@click.command(short_help="Forget resources.")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@_dry_run
@_lock_timeout
@common_options
def rm(shared: CommonOptions, addresses: tuple[str, ...], dry_run: bool, wait: float) -> int:
    """Forget each ADDRESS and what hangs below it: nothing is put back or deleted on Twilio.

    The values from before the import are forgotten with it (they stay in the history). To let go of a number and put
    them back, remove it from the configuration and apply. What is protected is refused.
    """
    from reconciler.workflows import state_edit

    done = state_edit.remove(_edit_options(shared, "state rm", wait), addresses, dry_run=dry_run)
    return _tell(shared, "state rm", done, dry_run=dry_run)


@click.command(short_help="Print the state.")
@click.option(
    "--serial",
    type=int,
    metavar="SERIAL",
    help="A former version, of those that `state history` shows.",
)
@common_options
def pull(shared: CommonOptions, serial: int | None) -> int:
    """Print the state as `state push` takes it, with what an interrupted run has left in its journal.

    It is printed whole, with the URLs of numbers as they were: treat it as you treat the state.
    """
    from reconciler.report.documents.state import pull_document
    from reconciler.state.format.document import encode
    from reconciler.workflows import state_edit

    state = state_edit.pull(_edit_options(shared, "state pull", 0.0), serial)
    if shared.json:
        emit(shared, pull_document(state))
    else:
        click.echo(encode(state), nl=False)
    return 0


@click.command(short_help="Replace the state by a file.")
@click.argument("document", metavar="FILE", type=_FILE)
@click.option(
    "--force", is_flag=True, help="Also when FILE does not continue the state that is there."
)
@_dry_run
@_lock_timeout
@common_options
def push(shared: CommonOptions, document: Path, force: bool, dry_run: bool, wait: float) -> int:
    """Make FILE, which `state pull` has printed, the next version of the state.

    Refused (exit 4) when it is of another history, or when the state has been written since it was pulled.
    """
    from reconciler.workflows import state_edit

    path = shared.directory / document
    done = state_edit.push(
        _edit_options(shared, "state push", wait), path, force=force, dry_run=dry_run
    )
    return _tell(shared, "state push", done, dry_run=dry_run)


@click.command(short_help="The versions of the state that are kept.")
@common_options
def history(shared: CommonOptions) -> int:
    """List the versions of the state that are kept, the newest first: when, by whom and by which command.

    `rollback --to SERIAL` brings back what was applied in one of them.
    """
    from reconciler.report.documents.state import history_document
    from reconciler.workflows import state_edit

    emit(shared, history_document(state_edit.history(_edit_options(shared, "state history", 0.0))))
    return 0


@click.command(short_help="Save what can be saved of a damaged state.")
@_dry_run
@_lock_timeout
@common_options
def repair(shared: CommonOptions, dry_run: bool, wait: float) -> int:
    """Read a damaged state file line by line, complete it from its journal and from former versions, write it anew.

    The damaged files are kept under names of their own. Look with --dry-run first, and at `reconciler plan` afterwards.
    """
    from reconciler.report.documents.state import repair_document
    from reconciler.workflows import state_edit

    done = state_edit.repair(_edit_options(shared, "state repair", wait), dry_run=dry_run)
    emit(shared, repair_document(done.saved, done.aside, dry_run=dry_run))
    return 0


COMMANDS = (mv, rm, pull, push, history, repair)


def _edit_options(shared: CommonOptions, command: str, wait: float) -> RunOptions:
    import msgspec

    return msgspec.structs.replace(
        shared.run_options(command, QuietProgress(shared)), lock_timeout=wait
    )


def _tell(shared: CommonOptions, command: str, done: Operation, *, dry_run: bool) -> int:
    from reconciler.report.documents.state import change_document

    emit(shared, change_document(command, done.before, done.after, done.changes, dry_run=dry_run))
    return 0
