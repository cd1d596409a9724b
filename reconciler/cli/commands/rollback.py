"""Define `reconciler rollback`: restore what an earlier version of the state had applied, or only
show or save that plan. `undo` uses the same two functions.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_serials
from reconciler.cli.confirmation import consent_options, execute_and_report, review_plan
from reconciler.cli.options import scope_options
from reconciler.cli.output_paths import OutputPath
from reconciler.state.plan_file import Origin
from reconciler.workflows.recorded_goal import apply_goal, preview_goal
from reconciler.workflows.rollback import find_rollback_goal
from reconciler.workflows.session import Consent


@click.command()
@click.option("--to", metavar="SERIAL|TIME", shell_complete=complete_serials,
              help="A version of the state (see `state history`), or the last version written before TIME.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--out", type=OutputPath(), help="Only save the plan, for `apply FILE`.")
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
    """Restore what was applied in an earlier version of the state: plan, show, ask, carry out.

    Numbers get the values of that version, numbers managed only since then are released, trunks
    created since then are deleted when nothing uses them, and trunks deleted since then are created
    again. Values that somebody else has written since then are only overwritten with
    --allow-takeover. The limits of `safety` apply. The configuration does not change: restore it as
    well, or the next apply changes everything back.
    """
    if to is None:
        raise click.UsageError(
            "Missing --to SERIAL or --to TIME. `reconciler undo` rolls back the last apply."
        )
    consent = Consent(takeovers=takeovers, force=force)
    if dry_run or out is not None:
        return preview_rollback(shared, "rollback", to, out, consent)
    return run_rollback(shared, "rollback", to, consent, asked=auto_approve)


def run_rollback(
    shared: CommonOptions, command: str, to: str, consent: Consent, *, asked: bool
) -> int:
    """Roll back and return the exit code."""
    goal = find_rollback_goal(to)
    return execute_and_report(
        shared,
        command,
        lambda options, confirm: apply_goal(options, consent, goal, confirm),
        asked=asked,
    )


def preview_rollback(
    shared: CommonOptions, command: str, to: str, out: Path | None, consent: Consent
) -> int:
    """Show the plan of a rollback, and save it with `out`."""
    origin = Origin(command="rollback", to=to)
    goal = find_rollback_goal(to)
    return review_plan(
        shared,
        command,
        lambda options: preview_goal(options, consent, goal),
        out,
        origin,
    )
