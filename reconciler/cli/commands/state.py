"""Define the group `reconciler state` with `list` and `show`, which print recorded entries without
a call to Twilio; add its other commands.
"""

from __future__ import annotations

import click

from reconciler.cli.arguments import AnywhereGroup
from reconciler.cli.commands.state_edit import COMMANDS
from reconciler.cli.commands.unlock import unlock
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_recorded
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.report.documents import listings
from reconciler.report.documents.views import plain_row
from reconciler.workflows.recorded import find_entry, read_state


@click.group(cls=AnywhereGroup)
def state() -> None:
    """Inspect and edit the state: SIDs, last applied values and prior values by address."""


state.add_command(unlock)


@state.command("list", short_help="List every address in the state.")
@common_options
def list_(shared: CommonOptions) -> int:
    """List every address in the state, sorted."""
    recorded = read_state(shared.run_options("state list", QuietProgress(shared)))
    emit(shared, listings.state_list_document(recorded.resources, command="state list"))
    return 0


@state.command("show", short_help="Show the entry of one address.")
@click.argument("address", shell_complete=complete_recorded)
@common_options
def show(shared: CommonOptions, address: str) -> int:
    """Show the whole entry of ADDRESS: SID, last applied values, prior values from before the
    import, times.
    """
    recorded = read_state(shared.run_options("state show", QuietProgress(shared)))
    entry = find_entry(recorded.resources, address)
    emit(shared, listings.resource_document(address, plain_row(entry), command="state show"))
    return 0


for command in COMMANDS:
    state.add_command(command)
