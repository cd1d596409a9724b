"""`reconciler release`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.applying import carry, consenting, review
from reconciler.cli.options import Common, scoped
from reconciler.cli.output_paths import OutputPath

if TYPE_CHECKING:
    from reconciler.model import OnRemoval


@click.command(short_help="Let go of numbers without editing the configuration.")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--restore", "how", flag_value="restore", help="Put back what was there before the import.")
@click.option("--clear", "how", flag_value="clear", help="Leave no webhook, application or trunk that we set.")
@click.option("--keep", "how", flag_value="keep", help="Write nothing, and forget what was there before.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing.")
@click.option("--out", type=OutputPath(), help="Only save the plan, for apply FILE.")
@consenting
@scoped
def release(
    shared: Common,
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
    from reconciler import handback
    from reconciler.state.planfile import Origin
    from reconciler.workflows import Consent

    letting = handback.Letting(addresses, how)
    origin = Origin(command="release", addresses=list(addresses), how=how)
    consent = Consent(takeovers=takeovers, force=force)
    if dry_run or out is not None:
        return review(shared, "release", lambda setting: handback.preview(setting, consent, letting), out, origin)
    return carry(
        shared,
        "release",
        lambda setting, confirm: handback.release(setting, consent, letting, confirm),
        asked=auto_approve,
    )
