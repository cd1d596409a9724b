"""`reconciler apply`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from reconciler.cli.applying import beginning, carry, consenting, purchasing
from reconciler.cli.options import Common, scoped


@click.command(short_help="Change Twilio to what is declared, after asking.")
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@consenting
@purchasing
@beginning
@click.option(
    "--baseline", metavar="FILE|REV", help="Hold the change to the `safety` of this configuration or git revision, too."
)
@scoped
def apply(
    shared: Common,
    planfile: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
    baseline: str | None,
) -> int:
    """Plan, show the plan, ask, and carry it out; or carry out a saved PLANFILE, if nothing has moved since.

    What a number pointed at before is saved before it is changed. One failure does not stop the rest: exit 5 says
    that some actions failed, and running it again tries only those. Exit 4: refused, and nothing was written.

    An import is an action, done once state knows the number and what it pointed at: a first apply of which Twilio
    refuses every write ends with 5, the second with 1. `summary.by_action` of the JSON says what was done.
    """
    from reconciler import workflows

    def run(setting: workflows.Setting, confirm: workflows.Confirm) -> workflows.Applied:
        saved = workflows.read_plan(setting, shared.directory / planfile) if planfile else None
        return workflows.apply(msgspec.structs.replace(setting, baseline=baseline), consent, confirm, saved)

    consent = workflows.Consent(takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state)
    return carry(shared, "apply", run, asked=auto_approve or planfile is not None)
