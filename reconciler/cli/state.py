"""`reconciler state`: what is remembered, without asking Twilio."""

from __future__ import annotations

import click

from reconciler.cli.arguments import AnywhereGroup
from reconciler.cli.options import Common, common
from reconciler.cli.output import emit
from reconciler.cli.progress import Quiet
from reconciler.cli.surgery import COMMANDS
from reconciler.cli.unlock import unlock


@click.group(cls=AnywhereGroup, short_help="Look into the state.")
def state() -> None:
    """What the reconciler remembers: which address is which SID, what was applied, what was there before."""


state.add_command(unlock)


@state.command("list", short_help="Every address in state.")
@common
def list_(shared: Common) -> int:
    """List every address in state, in order."""
    from reconciler import workflows
    from reconciler.report import build

    _, remembered = workflows.recorded(shared.setting("state list", Quiet(shared)))
    emit(shared, build.state_list_document(remembered.resources, command="state list"))
    return 0


@state.command("show", short_help="What state holds of one address.")
@click.argument("address")
@common
def show(shared: Common, address: str) -> int:
    """Show the whole entry of ADDRESS: SID, what was last applied, the values from before the import, times."""
    from reconciler import workflows
    from reconciler.report import build
    from reconciler.report.views import plain_row

    _, remembered = workflows.recorded(shared.setting("state show", Quiet(shared)))
    entry = workflows.entry_of(remembered.resources, address)
    emit(shared, build.resource_document(address, plain_row(entry), command="state show"))
    return 0


for command in COMMANDS:
    state.add_command(command)
