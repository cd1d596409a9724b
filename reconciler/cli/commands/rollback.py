"""`reconciler rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import consent_options, execute_and_report, review_plan
from reconciler.cli.options import scope_options
from reconciler.cli.output_paths import OutputPath

if TYPE_CHECKING:
    from reconciler.workflows.session import Consent


@click.command(short_help="Bring back what was applied in a former version of the state.")
@click.option("--to", metavar="SERIAL|TIME", help="A version of the state (see `state history`), or the "
              "last one written by that time.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing.")
@click.option("--out", type=OutputPath(), help="Only save the plan, for apply FILE.")
@consent_options
@scope_options
def rollback(
    shared: CommonOptions,
    to: str | None,
    dry_run: bool,
    out: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    force: bool,
) -> int:
    """Plan the way back to what was applied in version SERIAL of the state, show it, ask, and carry it out.

    Numbers get the values that they had then, numbers that are managed only since are released, trunks made since are
    deleted when nothing uses them, trunks deleted since are made again. What somebody else has written since is only
    overwritten with --allow-takeover. The limits of `safety` count as in any apply. The configuration is not changed:
    bring it back as well, or the next plan goes forward again.
    """
    from reconciler.workflows.session import Consent

    if to is None:
        raise click.UsageError(
            "Say where to: --to SERIAL or --to TIME; `reconciler undo` takes the last apply back."
        )
    consent = Consent(takeovers=takeovers, force=force)
    if dry_run or out is not None:
        return preview_rollback(shared, "rollback", to, out, consent)
    return run_rollback(shared, "rollback", to, consent, asked=auto_approve)


def run_rollback(
    shared: CommonOptions, command: str, to: str, consent: Consent, *, asked: bool
) -> int:
    """Go back, as `apply` goes forward."""
    from reconciler.workflows import rollback as ways

    return execute_and_report(
        shared,
        command,
        lambda options, confirm: ways.rollback(options, consent, to, confirm),
        asked=asked,
    )


def preview_rollback(
    shared: CommonOptions, command: str, to: str, out: Path | None, consent: Consent
) -> int:
    """Show the plan, and save it if it is asked for."""
    from reconciler.state.plan_file import Origin
    from reconciler.workflows import rollback as ways

    origin = Origin(command="rollback", to=to)

    return review_plan(
        shared, command, lambda options: ways.preview(options, consent, to), out, origin
    )
