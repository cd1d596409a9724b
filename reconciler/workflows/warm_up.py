"""Import the modules that a run needs later (executor, documents) while its first page of numbers
is on its way; make no call.
"""

from __future__ import annotations

from importlib import import_module

AHEAD = ("reconciler.execution.executor", "reconciler.report.documents.build")
"""The modules that a run uses only after it has read the first page. A function that needs one
imports it itself.
"""


def import_while_waiting() -> None:
    """Import the modules of `AHEAD`.

    The imports take about as long as the first page of numbers. At the top of a module the same
    imports would delay that page.
    """
    for name in AHEAD:
        import_module(name)
