"""Progress that prints nothing and records the outcomes."""

from __future__ import annotations

from reconciler.execution.outcome import Outcome
from reconciler.workflows.session import Planned


class SilentProgress:
    """Implement every method of the progress protocol without output."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def report_read(self, account: str, numbers: int) -> None:
        """Ignore the count of numbers read."""

    def show_plan(self, planned: Planned) -> None:
        """Ignore the plan."""

    def start(self, total: int) -> None:
        """Ignore the number of actions."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Record the outcome of one action."""
        self.outcomes.append(outcome)
