"""Define `reconciler apply`: plan, show, ask and carry out; or carry out a saved PLANFILE, which is
planned again and refused when the plan differs.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
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
from reconciler.workflows import apply_saved, plan_apply
from reconciler.workflows.session import Applied, Consent, RunOptions


@click.command()
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@consent_options
@purchase_option
@local_state_option
@baseline_options
@click.option(
    "--expect",
    metavar="DIGEST",
    help="Refuse every plan but the one with this digest, which `plan` prints.",
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
    """Plan, show the plan, ask for confirmation and carry it out; or carry out a saved PLANFILE.

    With a PLANFILE it plans again, with the selection of the file, and refuses a plan that differs
    from the file (exit 4, `plan_stale`). A PLANFILE of `release` or `rollback` needs --expect.

    The values of a number are saved before its first write. One failure does not stop the other
    actions: exit 5 means that some failed, and the next apply tries only those. Exit 4: refused,
    and nothing was written.

    An import is an action, done once the state has recorded the number and its values. So a first
    apply whose every write Twilio refuses ends with 5, the second with 1. `summary.by_action` of
    the JSON counts what was done.
    """

    def run(options: RunOptions, confirm: plan_apply.Confirm) -> Applied:
        options = msgspec.structs.replace(
            options, baseline=baseline, allowed_destinations=destinations
        )
        if planfile is None:
            return plan_apply.apply(options, consent, confirm, expected=expect)

        saved = plan_apply.read_plan(options, shared.directory / planfile)
        return apply_saved.apply(options, consent, confirm, saved, expect)

    if planfile is not None and (shared.targets or shared.excludes):
        raise click.UsageError(
            "A saved plan has its own selection: pass --target and --exclude to `plan --out`."
        )
    if expect is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", expect):
        raise click.UsageError(
            "--expect takes a complete digest as `plan` prints it: `sha256:` and 64 hexadecimal digits."
        )
    consent = Consent(
        takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state
    )
    return execute_and_report(shared, "apply", run, asked=auto_approve or planfile is not None)
