"""`reconciler validate`."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, reported
from reconciler.cli.output import emit
from reconciler.cli.progress import Quiet
from reconciler.diagnostics import in_reading_order
from reconciler.errors import Exit


@click.command(short_help="Check the configuration; needs no credentials.")
@reported
def validate(shared: Common) -> int:
    """Read all files, check everything that can be checked without Twilio, and show every problem at once.

    Exit 0 when the configuration is valid (warnings do not change that), 3 when it is not, 4 when it is valid and
    violates a policy.
    """
    from reconciler import workflows
    from reconciler.report.documents import ValidateDocument
    from reconciler.report.summaries import of_project

    project = workflows.validate(shared.setting("validate", Quiet(shared)))
    found = in_reading_order([*project.warnings, *project.violations])
    document = ValidateDocument(command="validate", summary=of_project(project), diagnostics=found)
    emit(shared, document, project.name)
    return Exit.REFUSED if project.violations else Exit.DONE
