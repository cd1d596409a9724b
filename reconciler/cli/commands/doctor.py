"""`reconciler doctor`."""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.errors import Exit


@click.command(short_help="Check credentials, connections, permissions and state; changes nothing.")
@common_options
def doctor(shared: CommonOptions) -> int:
    """Check everything that this configuration needs, without changing anything: the secrets of each account, whether
    Twilio answers, which half of the credentials is wrong, what the key may read and what for, this machine's clock,
    each platform's key and its own connection to Twilio, and the state.

    Exit 0 when all that is needed works (a warning says what else is missing), 1 when something does not, 3 when the
    configuration is invalid. Whether a key may also write only shows in `apply`.
    """
    from reconciler.doctor.check import all_passed
    from reconciler.report.documents.build import doctor_document
    from reconciler.workflows import inspect

    project, checks = inspect.doctor(shared.run_options("doctor", QuietProgress(shared)))
    emit(shared, doctor_document(checks, project.warnings))
    return Exit.DONE if all_passed(checks) else Exit.FAILED
