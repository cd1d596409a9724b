"""Define `reconciler release`: stop managing the named numbers (plan, show, ask, carry out), or
only show or save that plan; delete no number from the account.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_recorded
from reconciler.cli.confirmation import consent_options, execute_and_report, review_plan
from reconciler.cli.options import choose_flag, scope_options
from reconciler.cli.output_paths import OutputPath
from reconciler.model.desired import OnRemoval
from reconciler.state.plan_file import Origin
from reconciler.workflows.recorded_goal import apply_goal, preview_goal
from reconciler.workflows.release import ReleaseRequest, find_release_goal
from reconciler.workflows.session import Consent


@click.command()
@click.argument(
    "addresses", metavar="ADDRESS...", nargs=-1, required=True, shell_complete=complete_recorded
)
@click.option("--restore", is_flag=True, help="Restore the values from before the import.")
@click.option(
    "--clear", is_flag=True, help="Clear the webhooks, applications and trunks that were applied."
)
@click.option("--keep", is_flag=True, help="Write nothing, and forget the prior values.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--out", type=OutputPath(), help="Only save the plan, for `apply FILE`.")
@consent_options
@scope_options
def release(
    shared: CommonOptions,
    addresses: tuple[str, ...],
    restore: bool,
    clear: bool,
    keep: bool,
    dry_run: bool,
    out: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    force: bool,
) -> int:
    """Stop managing numbers and bridge numbers, each given as ADDRESS, E.164 number or SID: plan,
    show, ask, carry out.

    Without --restore, --clear or --keep, `on_removal` of each number decides. Only values that are
    still as applied are changed; values that were set since are reported and left. No number is
    deleted from the account. A number that is still declared is imported again by the next apply,
    so remove it from the configuration too. Protected numbers are refused.
    """
    # A saved plan names its command and arguments, because apply plans with them again.
    how = cast("OnRemoval | None", choose_flag(restore=restore, clear=clear, keep=keep))
    goal = find_release_goal(ReleaseRequest(addresses, how))
    origin = Origin(command="release", addresses=list(addresses), how=how)
    consent = Consent(takeovers=takeovers, force=force)

    if dry_run or out is not None:
        return review_plan(
            shared,
            "release",
            lambda options: preview_goal(options, consent, goal),
            out,
            origin,
        )
    return execute_and_report(
        shared,
        "release",
        lambda options, confirm: apply_goal(options, consent, goal, confirm),
        asked=auto_approve,
    )
