"""`reconciler apply`."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from reconciler.cli.applying import beginning, carry, comparing, consenting, purchasing
from reconciler.cli.options import Common, scoped


@click.command(short_help="Change Twilio to what is declared, after asking.")
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@consenting
@purchasing
@beginning
@comparing
@click.option(
    "--expect", metavar="DIGEST", help="Refuse any other plan than the one with this digest, which `plan` prints."
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
    from reconciler import workflows

    def run(setting: workflows.Setting, confirm: workflows.Confirm) -> workflows.Applied:
        setting = msgspec.structs.replace(setting, baseline=baseline, allowed_destinations=destinations)
        if planfile is None:
            return workflows.apply(setting, consent, confirm, expected=expect)

        from reconciler import saved_plans

        saved = workflows.read_plan(setting, shared.directory / planfile)
        return saved_plans.apply(setting, consent, confirm, saved, expect)

    if planfile is not None and (shared.targets or shared.excludes):
        raise click.UsageError("A saved plan has its own selection: give --target and --exclude to `plan --out`.")
    if expect is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", expect):
        raise click.UsageError(
            "--expect takes a whole digest, `sha256:` and 64 hexadecimal digits, as `plan` prints it."
        )
    consent = workflows.Consent(takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state)
    return carry(shared, "apply", run, asked=auto_approve or planfile is not None)
