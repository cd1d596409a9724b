"""`reconciler plan`."""

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


@click.command(short_help="Show what would change; changes nothing.")
@click.option("--out", type=OutputPath(), help="Save the plan to FILE, for apply FILE.")
@click.option(
    "--refresh/--no-refresh", default=True, help="Ask Twilio, or take state's word for it."
)
@baseline_options
@click.option("--fail-on-refusal", is_flag=True, help="Exit 4 when apply would refuse the plan.")
@plan_consent_options
@scope_options
def plan(
    shared: CommonOptions,
    out: Path | None,
    refresh: bool,
    baseline: str | None,
    destinations: tuple[str, ...],
    fail_on_refusal: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
) -> int:
    """Compare what is declared with what is on Twilio and in state, and show every action that would be taken.

    When apply would refuse the plan, the first line and `summary.would_refuse` name the codes. Give the consent that
    apply will get to see what remains; it is not saved with --out, so give it to apply as well.

    Exit 0 whether there are changes or not; with --detailed-exitcode 2 when there are. 1 when something declared is
    missing, 3 when the configuration is invalid. 4 when the plan lets go of something protected, violates a policy or
    would send secrets where the baseline sends none, and with --fail-on-refusal whenever apply would refuse it. Where
    several apply: 3, 1, 4, 2.
    """
    from reconciler.workflows import plan_apply
    from reconciler.workflows.session import Consent

    if out is not None and not refresh:
        raise click.UsageError(
            "A plan that has not asked Twilio cannot be saved: leave out --no-refresh or --out."
        )
    progress = choose_progress(shared)
    options = msgspec.structs.replace(
        shared.run_options("plan", progress, refresh=refresh),
        baseline=baseline,
        allowed_destinations=destinations,
    )
    try:
        consent = Consent(
            takeovers=takeovers, purchases=allow_purchase, force=force, local_state=local_state
        )
        planned = plan_apply.plan(options, consent)
    finally:
        progress.close()
    if out is not None:
        plan_apply.save(options, planned, shared.directory / out)
    from reconciler.cli.exit_codes import plan_exit_code  # imported by now, beside the first page
    from reconciler.report.documents.build import plan_document
    from reconciler.workflows.saved_plan_check import digest_of_plan

    digest, new = digest_of_plan(planned), planned.new_destinations
    refused = planned.would_refuse
    document = plan_document(
        planned.plan, planned.notes, would_refuse=refused, digest=digest, destinations=new
    )
    emit(shared, document, planned.project.name)
    return plan_exit_code(
        planned, detailed=shared.detailed_exitcode, fail_on_refusal=fail_on_refusal
    )
