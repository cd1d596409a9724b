"""Import what the rest of a run needs while the first page of numbers is on its way."""

from __future__ import annotations


def import_while_waiting() -> None:
    """Import what plans, applies and reports.

    Takes about as long as the first page of numbers, and the modules are used in any case. At the
    top of a module the same imports would delay that page, and `validate` and `--help`, which need
    none of them.
    """
    import reconciler.execution.executor
    import reconciler.report.documents.build
    import reconciler.workflows.guards
    import reconciler.workflows.pipeline
    import reconciler.workflows.saved_plan_check  # noqa: F401
