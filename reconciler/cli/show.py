"""`reconciler show`."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import Common, reported
from reconciler.cli.output import emit
from reconciler.cli.progress import Quiet


@click.command(short_help="Show a saved plan, one resource, or everything that is managed.")
@click.argument("what", required=False, metavar="[PLANFILE|ADDRESS]")
@reported
def show(shared: Common, what: str | None) -> int:
    """Show a saved PLANFILE as `plan` showed it, or what is known of one ADDRESS (number/+15550100, trunk/edge …).

    A bridge number is shown as its view: id, number, SID, connection, and whether it is active, drifted or missing
    on Twilio right now. Without an argument: every managed address.
    """
    from reconciler import workflows
    from reconciler.report import build

    setting = shared.setting("show", Quiet(shared))
    path = shared.directory / Path(what) if what else None
    if path is not None and path.is_file():
        saved = workflows.read_plan(setting, path)
        emit(shared, build.saved_document(saved), saved.project)
    elif what:
        emit(shared, build.resource_document(what, workflows.show(setting, what)))
    else:
        _, state = workflows.recorded(setting)
        emit(shared, build.state_list_document(state.resources, command="show"))
    return 0
