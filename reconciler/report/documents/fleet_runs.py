"""Define the document of `fleet status`: the last runs of a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from reconciler.report.documents.types import Document

RunState = Literal["waiting", "running", "stopped", "ended"]
"""How far a run is: `stopped` was cancelled or had too many failures, and has ended."""


class FleetRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `submitted` is a time in UTC (ISO 8601), `submitted_by` the role of the database.

    `schedule` is null for a run that somebody has submitted. `failed` counts ended stacks.
    """

    run: int
    command: str
    state: RunState
    schedule: str | None
    submitted: str
    submitted_by: str
    stacks: int
    waiting: int
    running: int
    ended: int
    failed: int


class FleetRunsDocument(Document, kw_only=True):
    """The output of `fleet status` without a run, the newest first. `summary.workers` counts the
    workers that have given a sign of life in the last half minute.
    """

    runs: list[FleetRun]


def fleet_runs_document(runs: Sequence[FleetRun], workers: int) -> FleetRunsDocument:
    """Build the document."""
    return FleetRunsDocument(
        command="fleet status",
        summary={"runs": len(runs), "workers": workers},
        runs=list(runs),
    )
