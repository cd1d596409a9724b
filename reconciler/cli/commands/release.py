"""`reconciler release`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import consent_options, execute_and_report, review_plan
from reconciler.cli.options import scope_options
from reconciler.cli.output_paths import OutputPath

if TYPE_CHECKING:
    from reconciler.model.desired import OnRemoval


@click.command(short_help="Let go of numbers without editing the configuration.")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option(
    "--restore", "how", flag_value="restore", help="Put back what was there before the import."
)
@click.option(
    "--clear", "how", flag_value="clear", help="Leave no webhook, application or trunk that we set."
)
@click.option(
    "--keep", "how", flag_value="keep", help="Write nothing, and forget what was there before."
)
@click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing.")
@click.option("--out", type=OutputPath(), help="Only save the plan, for apply FILE.")
@consent_options
@scope_options
def release(
    shared: CommonOptions,
    addresses: tuple[str, ...],
    how: OnRemoval | None,
    dry_run: bool,
    out: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    force: bool,
) -> int:
    """Let go of numbers and bridge numbers (an ADDRESS, an E.164 number or a SID): plan it, show it, ask, carry it out.

    Without --restore, --clear or --keep each is treated as its `on_removal` says. Only what still is as we wrote it is
    changed; what somebody else has set since is named and left. No number is ever deleted. A number that is still
    declared comes back with the next apply: remove it from the configuration too. What is protected is refused.
    """
    from reconciler.state.plan_file import Origin
    from reconciler.workflows import release as release_workflow
    from reconciler.workflows.session import Consent

    letting = release_workflow.ReleaseRequest(addresses, how)
    origin = Origin(command="release", addresses=list(addresses), how=how)
    consent = Consent(takeovers=takeovers, force=force)
    if dry_run or out is not None:
        return review_plan(
            shared,
            "release",
            lambda options: release_workflow.preview(options, consent, letting),
            out,
            origin,
        )
    return execute_and_report(
        shared,
        "release",
        lambda options, confirm: release_workflow.release(options, consent, letting, confirm),
        asked=auto_approve,
    )
