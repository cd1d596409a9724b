"""`reconciler drift`."""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import baseline_options
from reconciler.cli.options import scope_options
from reconciler.cli.output import emit
from reconciler.cli.progress import choose_progress
from reconciler.errors import Exit


@click.command(short_help="Show what somebody else has changed since the last apply.")
@baseline_options
@scope_options
def drift(shared: CommonOptions, baseline: str | None, destinations: tuple[str, ...]) -> int:
    """Compare what was last applied with what is on Twilio, field by field, and say who changed it where that is known.

    Exit 2 when something has drifted, 0 when nothing has. What is declared but not applied yet is no drift; it is
    counted as pending. When nothing of what is declared has been applied yet, exit 1 (`nothing_recorded`).
    """
    from reconciler.workflows import inspect

    progress = choose_progress(shared)
    options = shared.run_options("drift", progress)
    options = msgspec.structs.replace(options, baseline=baseline, allowed_destinations=destinations)
    try:
        planned, drifted = inspect.drift(options)
    finally:
        progress.close()
    from reconciler.report.documents.build import (
        drift_document,
    )  # imported by now, beside the first page

    # What lasts between runs is no drift, and is repeated all the same.
    lasting = [note for note in planned.notes if note.code == "unexpected_form"]
    warnings = [*planned.project.warnings, *lasting]
    emit(shared, drift_document(drifted, planned.plan, warnings), planned.project.name)
    if planned.unread_accounts:
        return Exit.FAILED
    return Exit.CHANGES if drifted else Exit.DONE
