"""Define `reconciler undo`: roll back to the previous version of the state (plan, show, ask, carry
out); a second `undo` applies the change again.
"""

from __future__ import annotations

import click

from reconciler.cli.commands.rollback import preview_rollback, run_rollback
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import consent_options
from reconciler.cli.options import scope_options
from reconciler.workflows.rollback import PREVIOUS
from reconciler.workflows.session import Consent


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@consent_options
@scope_options
def undo(
    shared: CommonOptions,
    dry_run: bool,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    force: bool,
) -> int:
    """Roll back to the previous version of the state. Running `undo` twice applies the change
    again.
    """
    consent = Consent(takeovers=takeovers, force=force)
    if dry_run:
        return preview_rollback(shared, "undo", PREVIOUS, None, consent)
    return run_rollback(shared, "undo", PREVIOUS, consent, asked=auto_approve)
