"""`reconciler apply`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, on_terminal, scoped
from reconciler.cli.output import emit, emit_diagnostics
from reconciler.cli.progress import progress_for
from reconciler.cli.signals import stop_on_signals
from reconciler.errors import Exit

if TYPE_CHECKING:
    from reconciler.workflows import Planned


@click.command(short_help="Change Twilio to what is declared, after asking.")
@click.argument("planfile", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--auto-approve", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option(
    "--allow-takeover",
    "takeovers",
    multiple=True,
    metavar="[=ADDRESS]",
    help="Consent to overwriting foreign values, of all addresses or of those that match the glob.",
)
@click.option("--allow-purchase", is_flag=True, help="Consent to buying the numbers that are declared with `purchase`.")
@click.option("--force", is_flag=True, help="Lift the limits of `safety`; neither takeover, protection nor staleness.")
@scoped
def apply(
    shared: Common,
    planfile: Path | None,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    force: bool,
) -> int:
    """Plan, show the plan, ask, and carry it out; or carry out a saved PLANFILE, if nothing has moved since.

    What a number pointed at before is saved before it is changed. One failure does not stop the rest: exit 5 says
    that some actions failed, and running it again tries only those. Exit 4: refused, and nothing was written.
    """
    from reconciler import workflows
    from reconciler.cli.codes import of_result
    from reconciler.report.build import apply_document

    if not auto_approve and planfile is None and not on_terminal():
        raise click.UsageError("Nobody is there to ask: give --auto-approve, or a plan file made by `plan --out`.")
    progress = progress_for(shared)
    setting = shared.setting("apply", progress)
    saved = workflows.read_plan(setting, shared.directory / planfile) if planfile else None
    consent = workflows.Consent(takeovers=takeovers, purchases=allow_purchase, force=force)
    with stop_on_signals(setting.stop):
        try:
            asked = auto_approve or planfile is not None
            applied = workflows.apply(setting, consent, lambda planned: asked or _confirm(shared, planned), saved)
        finally:
            progress.close()
    document, project = apply_document(applied.result, applied.planned.notes), applied.planned.project.name
    if applied.declined:
        click.echo("Not applied.", err=True)
        if shared.json:
            emit(shared, document, project)
        return Exit.FAILED
    emit(shared, document, project)
    return of_result(applied.result)


def _confirm(shared: Common, planned: Planned) -> bool:
    emit_diagnostics(shared, [*planned.notes, *planned.plan.diagnostics])
    click.echo("\nApply these actions? Only `yes` is taken as consent: ", nl=False, err=True)
    return sys.stdin.readline().strip() == "yes"
