"""Render the last runs of a queue as a table."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.fleet_runs import FleetRun, FleetRunsDocument
from reconciler.report.text.style import Style
from reconciler.report.wording import printable


def lines(document: FleetRunsDocument, style: Style) -> Iterator[str]:
    """Yield a line for each run, then the number of workers."""
    if document.runs:
        yield f"{'RUN':>6}  {'COMMAND':<9} {'STATE':<8} {'STACKS':>7} {'ENDED':>7} {'FAILED':>7}  SUBMITTED"
    for run in document.runs:
        yield _line(run)

    workers = document.summary["workers"]
    if not document.runs:
        yield "The queue has no runs."
    yield f"{workers} worker{'' if workers == 1 else 's'} alive."


def _line(run: FleetRun) -> str:
    who = printable((run.schedule and f"schedule {run.schedule}") or run.submitted_by)
    return (
        f"{run.run:>6}  {printable(run.command):<9} {run.state:<8} {run.stacks:>7,} {run.ended:>7,} "
        f"{run.failed:>7,}  {run.submitted} by {who}"
    )
