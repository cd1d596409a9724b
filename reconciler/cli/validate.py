"""`reconciler validate`."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, reported
from reconciler.cli.output import emit
from reconciler.cli.progress import Quiet


@click.command(short_help="Check the configuration; needs no credentials.")
@reported
def validate(shared: Common) -> int:
    """Read all files, check everything that can be checked without Twilio, and show every problem at once.

    Exit 0 when the configuration is valid (warnings do not change that), 3 when it is not.
    """
    from reconciler import workflows
    from reconciler.report.documents import ValidateDocument
    from reconciler.report.summaries import of_project

    project = workflows.validate(shared.setting("validate", Quiet(shared)))
    document = ValidateDocument(command="validate", summary=of_project(project), diagnostics=project.warnings)
    emit(shared, document, project.name)
    return 0
