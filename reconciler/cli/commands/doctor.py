"""Define `reconciler doctor`: print checks of secrets, credentials, read permissions, clock,
platforms, state and regions; change nothing; exit 1 when one fails.
"""

from __future__ import annotations

import click
import msgspec

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.doctor.check import all_passed
from reconciler.errors import Exit
from reconciler.report.documents.listings import doctor_document
from reconciler.workflows import doctor as workflow


@click.command()
@click.option(
    "--all",
    "read_all",
    is_flag=True,
    help="Read the inbound region of every number, with one call for each.",
)
@common_options
def doctor(shared: CommonOptions, read_all: bool) -> int:
    """Check everything that this configuration needs, and change nothing.

    Checked are the secrets of each account, the connection to Twilio, the credentials, the read
    permissions of the key and what they are needed for, the clock of this machine, the key of each
    platform and its own connection to Twilio, the state, and the inbound regions of a few numbers
    (with --all of every number).

    Exit 0 when everything needed works (warnings name what else is missing), 1 when something does
    not, 3 when the configuration is invalid. Write permissions are not checked: only `apply`
    writes.
    """
    options = shared.run_options("doctor", QuietProgress(shared))
    if read_all:
        options = msgspec.structs.replace(options, max_region_calls=None)
    project, checks = workflow.doctor(options)
    emit(shared, doctor_document(checks, project.warnings))
    return Exit.DONE if all_passed(checks) else Exit.FAILED
