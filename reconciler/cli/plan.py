"""`reconciler plan`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from reconciler.cli.options import Common, scoped
from reconciler.cli.output import emit
from reconciler.cli.progress import progress_for


@click.command(short_help="Show what would change; changes nothing.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to FILE, for apply FILE.")
@click.option("--refresh/--no-refresh", default=True, help="Ask Twilio, or take state's word for it.")
@click.option(
    "--baseline", metavar="FILE|REV", help="Hold the change to the `safety` of this configuration or git revision, too."
)
@scoped
def plan(shared: Common, out: Path | None, refresh: bool, baseline: str | None) -> int:
    """Compare what is declared with what is on Twilio and in state, and show every action that would be taken.

    Exit 0 whether there are changes or not; with --detailed-exitcode 2 when there are. 1 when something declared is
    missing, 3 when the configuration is invalid, 4 when it lets go of something protected.
    """
    from reconciler import workflows

    if out is not None and not refresh:
        raise click.UsageError("A plan that has not asked Twilio cannot be saved: leave out --no-refresh or --out.")
    progress = progress_for(shared)
    setting = msgspec.structs.replace(shared.setting("plan", progress, refresh=refresh), baseline=baseline)
    try:
        planned = workflows.plan(setting)
    finally:
        progress.close()
    if out is not None:
        workflows.save(setting, planned, shared.directory / out)
    from reconciler.cli.codes import of_plan  # imported by now, beside the first page
    from reconciler.report.build import plan_document

    emit(shared, plan_document(planned.plan, planned.notes), planned.project.name)
    return of_plan(planned.plan, planned.notes, detailed=shared.detailed_exitcode)
