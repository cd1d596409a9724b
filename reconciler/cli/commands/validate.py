"""Define `reconciler validate`: check the configuration without Twilio, and print all problems and
the counts of what is declared; exit 3 when it is invalid.
"""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import report_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.diagnostics import sort_by_place
from reconciler.errors import Exit
from reconciler.report.documents.counts import count_declared
from reconciler.report.documents.types import ValidateDocument
from reconciler.workflows import validate as workflow


@click.command()
@report_options
def validate(shared: CommonOptions) -> int:
    """Read all files, check everything that can be checked without Twilio, and show all problems at
    once.

    Exit 0 when the configuration is valid (warnings do not change that), 3 when it is not, 4 when
    it is valid and violates a policy.
    """
    project = workflow.validate(shared.run_options("validate", QuietProgress(shared)))
    found = sort_by_place([*project.warnings, *project.violations])
    document = ValidateDocument(
        command="validate", summary=count_declared(project), diagnostics=found
    )
    emit(shared, document, project.name)
    return Exit.REFUSED if project.violations else Exit.DONE
