"""Define `reconciler show`: print a saved plan, one recorded resource, or all recorded addresses;
only a bridge number is also read from Twilio.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_what
from reconciler.cli.options import report_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.config.lint_rules import is_static_warning
from reconciler.report.documents import build, listings
from reconciler.workflows import plan_apply
from reconciler.workflows import show as workflow
from reconciler.workflows.recorded import read_recorded


@click.command()
@click.argument("what", required=False, metavar="[PLANFILE|ADDRESS]", shell_complete=complete_what)
@report_options
def show(shared: CommonOptions, what: str | None) -> int:
    """Show a saved PLANFILE as `plan` showed it, the recorded entry of one ADDRESS
    (number/+15550100, trunk/edge …), or agent/NAME with its routes and numbers.

    A bridge number is shown with id, number, SID, connection and its present status on Twilio:
    active, drifted or missing. Without an argument: every managed address.
    """
    options = shared.run_options("show", QuietProgress(shared))
    path = shared.directory / Path(what) if what else None
    if path is not None and path.is_file():
        saved = plan_apply.read_plan(options, path)
        shared.static_warnings.extend(filter(is_static_warning, saved.diagnostics))
        emit(shared, build.plan_file_document(saved), saved.project)
    elif what:
        emit(shared, listings.resource_document(what, workflow.show(options, what)))
    else:
        _, state = read_recorded(options)
        emit(shared, listings.state_list_document(state.resources, command="show"))
    return 0
