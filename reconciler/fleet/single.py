"""Run one job in a process of its own, and wait for it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.fleet.job import Job, Target
from reconciler.fleet.processes import ProcessPool, StopRequest
from reconciler.fleet.results import read_result
from reconciler.report.documents.fleet import FleetStack


def run_single(job: Job, target: Target, stop: StopRequest, seconds: float | None) -> FleetStack:
    """Run a job, and return its entry; `seconds` is its hard limit, None for no limit."""
    with TemporaryDirectory(prefix="reconciler-fleet-") as folder:
        pool = ProcessPool(target, Path(folder), 1, stop, seconds)
        try:
            pool.start(job)
            while True:
                for ended in pool.wait():
                    return read_result(ended)
        finally:
            pool.close()
