"""Define `reconciler apply`: plan, show, ask and carry out; or carry out saved plan files, which are
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
@click.argument(
    "planfiles",
    metavar="[PLANFILE]...",
    nargs=-1,
    type=click.Path(dir_okay=False, path_type=Path),
)
@click.option(
    "--replan",
    is_flag=True,
    help="Accept another state and configuration: apply if each action is in one of the plan files.",
)
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
    planfiles: tuple[Path, ...],
    replan: bool,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
    baseline: str | None,
    destinations: tuple[str, ...],
    expect: str | None,
) -> int:
    """Plan, show the plan, ask for confirmation and carry it out; or carry out saved PLANFILEs.

    With a PLANFILE it plans again, with the selection of the file, and refuses a plan that differs
    from the file (exit 4, `plan_stale`). A PLANFILE of `release` or `rollback` needs --expect.

    With --replan, state and configuration may have changed, and there may be several files: every
    action of the plan made now must be in one of them, with the same live values.

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
        if not planfiles:
            return plan_apply.apply(options, consent, confirm, expected=expect)

        plans = []
        for path in planfiles:
            plans.append(plan_apply.read_plan(options, shared.directory / path))
        if replan:
            return apply_saved.apply_reviewed(options, consent, confirm, plans, expect)
        return apply_saved.apply(options, consent, confirm, plans[0], expect)

    _check_plan_files(shared, len(planfiles), replan)
    if expect is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", expect):
        raise click.UsageError(
            "--expect takes a complete digest as `plan` prints it: `sha256:` and 64 hexadecimal digits."
        )
    consent = Consent(
        takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state
    )
    return execute_and_report(shared, "apply", run, asked=auto_approve or bool(planfiles))


def _check_plan_files(shared: CommonOptions, count: int, replan: bool) -> None:
    """Raise UsageError for options that do not fit the number of plan files."""
    if count and (shared.targets or shared.excludes):
        raise click.UsageError(
            "A saved plan has its own selection: pass --target and --exclude to `plan --out`."
        )
    if count > 1 and not replan:
        raise click.UsageError(
            "Several plan files need --replan, which plans again for all of them."
        )
    if replan and not count:
        raise click.UsageError("--replan needs at least one plan file, made by `plan --out`.")
