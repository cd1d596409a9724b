"""Define `reconciler drift`: print where Twilio differs from the last applied values, and who
changed it; exit 2 on drift; change nothing.
"""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.confirmation import baseline_options
from reconciler.cli.options import scope_options
from reconciler.cli.output import emit
from reconciler.cli.progress import choose_progress
from reconciler.errors import Exit
from reconciler.report.documents.build import drift_document
from reconciler.workflows import drift as workflow


@click.command()
@baseline_options
@scope_options
def drift(shared: CommonOptions, baseline: str | None, destinations: tuple[str, ...]) -> int:
    """Compare what was last applied with what is on Twilio, field by field, and name who changed it
    where known. Text shows similar drift once and names the file and line of the declaration; -v
    shows every resource.

    Exit 2 when something has drifted, 0 when nothing has. What is declared but not yet applied is
    counted as pending, not as drift. Exit 1 (`nothing_recorded`) when nothing that is declared has
    been applied yet.
    """
    progress = choose_progress(shared)
    options = shared.run_options("drift", progress)
    options = msgspec.structs.replace(options, baseline=baseline, allowed_destinations=destinations)
    try:
        planned, found = workflow.drift(options)
    finally:
        progress.close()

    # An unexpected form is no drift, but it lasts between runs, so it is reported again.
    lasting = [note for note in planned.notes if note.code == "unexpected_form"]
    warnings = [*planned.project.warnings, *lasting, *found.problems]
    document = drift_document(found.drifted, planned.plan, warnings, events=found.events)
    emit(shared, document, planned.project.name)
    if planned.left_undecided:
        return Exit.FAILED
    return Exit.CHANGES if found.drifted else Exit.DONE
