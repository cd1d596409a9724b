"""`reconciler undo`."""

from __future__ import annotations

import click

from reconciler.cli.applying import consenting
from reconciler.cli.options import Common, scoped
from reconciler.cli.rollback import go, preview


@click.command(short_help="Take the last apply back.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing.")
@consenting
@scoped
def undo(shared: Common, dry_run: bool, auto_approve: bool, takeovers: tuple[str, ...], force: bool) -> int:
    """Roll back to the version of the state before the present one. Undoing twice is doing it again."""
    from reconciler.rollback import PREVIOUS
    from reconciler.workflows import Consent

    consent = Consent(takeovers=takeovers, force=force)
    if dry_run:
        return preview(shared, "undo", PREVIOUS, None, consent)
    return go(shared, "undo", PREVIOUS, consent, asked=auto_approve)
