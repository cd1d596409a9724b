"""`reconciler apply`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.workflows.session import Applied, RunOptions
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import (
    baseline_options,
    consent_options,
    execute_and_report,
    local_state_option,
    purchase_option,
)
from reconciler.cli.options import scope_options


@click.command(short_help="Change Twilio to what is declared, after asking.")
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@consent_options
@purchase_option
@local_state_option
@baseline_options
@click.option(
    "--expect",
    metavar="DIGEST",
    help="Refuse any other plan than the one with this digest, which `plan` prints.",
)
@scope_options
def apply(
    shared: CommonOptions,
    planfile: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
    baseline: str | None,
    destinations: tuple[str, ...],
    expect: str | None,
) -> int:
    """Plan, show the plan, ask, and carry it out; or carry out a saved PLANFILE, if nothing has moved since.

    With a PLANFILE it plans again, with the selection of the file, and refuses whatever differs from the file: exit 4,
    `plan_stale`. A PLANFILE of `release` or `rollback` needs --expect.

    What a number pointed at before is saved before it is changed. One failure does not stop the rest: exit 5 says
    that some actions failed, and running it again tries only those. Exit 4: refused, and nothing was written.

    An import is an action, done once state knows the number and what it pointed at: a first apply of which Twilio
    refuses every write ends with 5, the second with 1. `summary.by_action` of the JSON says what was done.
    """
    from reconciler.workflows import plan_apply
    from reconciler.workflows.session import Consent

    def run(options: RunOptions, confirm: plan_apply.Confirm) -> Applied:
        options = msgspec.structs.replace(
            options, baseline=baseline, allowed_destinations=destinations
        )
        if planfile is None:
            return plan_apply.apply(options, consent, confirm, expected=expect)

        from reconciler.workflows import apply_saved

        saved = plan_apply.read_plan(options, shared.directory / planfile)
        return apply_saved.apply(options, consent, confirm, saved, expect)

    if planfile is not None and (shared.targets or shared.excludes):
        raise click.UsageError(
            "A saved plan has its own selection: give --target and --exclude to `plan --out`."
        )
    if expect is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", expect):
        raise click.UsageError(
            "--expect takes a whole digest, `sha256:` and 64 hexadecimal digits, as `plan` prints it."
        )
    consent = Consent(
        takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state
    )
    return execute_and_report(shared, "apply", run, asked=auto_approve or planfile is not None)
