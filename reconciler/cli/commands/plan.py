"""Define `reconciler plan`: print every action that an apply would take and the reasons to refuse
it, and save the plan with `--out`; write nothing to Twilio.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import baseline_options, plan_consent_options
from reconciler.cli.options import scope_options
from reconciler.cli.output import emit
from reconciler.cli.output_paths import OutputPath
from reconciler.cli.progress import choose_progress
from reconciler.workflows import plan_apply
from reconciler.workflows.exit_codes import plan_exit_code
from reconciler.workflows.saved_plan_check import digest_of_plan
from reconciler.workflows.session import Consent, Planned


@click.command()
@click.option("--out", type=OutputPath(), help="Save the plan to FILE, for `apply FILE`.")
@click.option(
    "--refresh/--no-refresh",
    default=True,
    help="Read Twilio, or take the recorded values for the live ones.",
)
@baseline_options
@click.option(
    "--declared-takeovers",
    is_flag=True,
    help="With --baseline, count `takeover: allow` that this configuration declares on numbers as consent.",
)
@click.option("--fail-on-refusal", is_flag=True, help="Exit 4 when apply would refuse the plan.")
@plan_consent_options
@scope_options
def plan(
    shared: CommonOptions,
    out: Path | None,
    refresh: bool,
    baseline: str | None,
    destinations: tuple[str, ...],
    declared_takeovers: bool,
    fail_on_refusal: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
) -> int:
    """Compare the configuration with Twilio and the state, and show every action that an apply
    would take.

    When apply would refuse the plan, the first line and `summary.would_refuse` name the codes. Pass
    the consent options of apply to see what remains; they are not saved with --out, so pass them to
    apply as well.

    Exit 0 with or without changes; with --detailed-exitcode 2 when there are changes. Exit 1 when
    something declared is missing, 3 when the configuration is invalid, 4 when the plan removes
    something protected, violates a policy or would send secrets to a new destination that the
    baseline does not have, and with --fail-on-refusal whenever apply would refuse it. If several
    apply: 3, 1, 4, 2.
    """
    if out is not None and not refresh:
        raise click.UsageError(
            "A plan made with --no-refresh cannot be saved: remove --no-refresh or --out."
        )

    if declared_takeovers and baseline is None:
        raise click.UsageError("--declared-takeovers needs --baseline, whose rule it changes.")

    progress = choose_progress(shared)
    options = msgspec.structs.replace(
        shared.run_options("plan", progress, refresh=refresh),
        baseline=baseline,
        declared_takeovers=declared_takeovers,
        allowed_destinations=destinations,
    )
    consent = Consent(
        takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state
    )
    try:
        planned = plan_apply.plan(options, consent)
    finally:
        progress.close()

    if out is not None:
        plan_apply.save(options, planned, shared.directory / out)
    _emit_plan(shared, planned)
    return plan_exit_code(
        planned, detailed=shared.detailed_exitcode, fail_on_refusal=fail_on_refusal
    )


def _emit_plan(shared: CommonOptions, planned: Planned) -> None:
    """Print the plan with its digest and the new destinations of secrets."""
    # Imported here, because the run has already loaded these modules during its first page.
    from reconciler.report.documents.build import plan_document

    document = plan_document(
        planned.plan,
        planned.notes,
        would_refuse=planned.would_refuse,
        digest=digest_of_plan(planned),
        destinations=planned.new_destinations,
        events=planned.events,
    )
    emit(shared, document, planned.project.name)
