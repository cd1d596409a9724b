"""Define `reconciler drift`: print where Twilio differs from the last applied values, and who
changed it; exit 2 on drift; change nothing.
"""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_patterns
from reconciler.cli.confirmation import baseline_options
from reconciler.cli.options import scope_options
from reconciler.cli.output import emit
from reconciler.cli.progress import choose_progress
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Exit
from reconciler.report.documents.build import accepted_changes, drift_document
from reconciler.report.documents.types import AcceptedChanges
from reconciler.workflows import drift as workflow
from reconciler.workflows.accept_drift import accept_drift


@click.command()
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="PATTERN",
    shell_complete=complete_patterns,
    help="Rewrite the files so that they declare the live values of these; same patterns as --target.",
)
@baseline_options
@scope_options
def drift(
    shared: CommonOptions,
    accepted: tuple[str, ...],
    baseline: str | None,
    destinations: tuple[str, ...],
) -> int:
    """Compare what was last applied with what is on Twilio, field by field, and name who changed it
    where known. Text shows similar drift once and names the file and line of the declaration; -v
    shows every resource.

    Exit 2 when something has drifted, 0 when nothing has. What is declared but not yet applied is
    counted as pending, not as drift. Exit 1 (`nothing_recorded`) when nothing that is declared has
    been applied yet.

    --accept changes the declarations of what has drifted, keeps comments and layout, and prints the
    difference; the next apply records the values. What a file cannot declare is refused (exit 4,
    `cannot_accept`), and then no file is changed. Exit 2 only when drift is left that was not accepted.
    """
    progress = choose_progress(shared)
    options = shared.run_options("drift", progress)
    options = msgspec.structs.replace(options, baseline=baseline, allowed_destinations=destinations)
    changes: AcceptedChanges | msgspec.UnsetType = msgspec.UNSET
    notes: tuple[Diagnostic, ...] = ()
    try:
        if accepted:
            result = accept_drift(options, accepted)
            found, notes = result.drift, result.notes
            changes = accepted_changes(result.addresses, result.diffs)
        else:
            found = workflow.find_everything(options)
    finally:
        progress.close()

    # An unexpected form is no drift, but it lasts between runs, so it is reported again.
    planned, drifted = found.planned, found.found.drifted
    lasting = [note for note in planned.notes if note.code == "unexpected_form"]
    warnings = [*planned.project.warnings, *lasting, *found.found.problems, *notes]
    document = drift_document(
        drifted, planned.plan, warnings, events=found.found.events, accepted=changes
    )
    emit(shared, document, planned.project.name)
    if planned.left_undecided:
        return Exit.FAILED
    left = len(drifted)
    if isinstance(changes, AcceptedChanges):
        left -= len(changes.addresses)
    return Exit.CHANGES if left else Exit.DONE
