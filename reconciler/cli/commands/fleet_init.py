"""Define `reconciler fleet init`: create the files of a fleet with a stack for each subaccount of an
account. It never overwrites a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import file_options
from reconciler.cli.output import emit
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_paths
from reconciler.cli.progress import QuietProgress
from reconciler.config.load.fleet import DEFAULT_FLEET
from reconciler.config.load.fleet_starter import CONFIGURATION, STATES, FleetAnswers
from reconciler.config.load.starter import ignore_patterns, project_name
from reconciler.report.documents.types import InitDocument
from reconciler.workflows import fleet_init


@click.command()
@click.option(
    "--project",
    metavar="NAME",
    help="Beginning of the names of the projects. Default: the name of the folder.",
)
@click.option(
    "--account-sid",
    metavar="SID",
    help="The Twilio account that has the subaccounts. Default: TWILIO_ACCOUNT_SID.",
)
@click.option(
    "--account",
    default="main",
    show_default=True,
    metavar="NAME",
    help="The name of this account in the configuration.",
)
@file_options(DEFAULT_FLEET, "The fleet file.")
def init(shared: CommonOptions, project: str | None, account_sid: str | None, account: str) -> int:
    """Create a fleet with a stack for each subaccount: fleet.yaml, customer.yaml (the configuration
    of each stack), the schemas for editors, and a .gitignore for states and plans.

    Lists the subaccounts, and writes nothing when that fails. Never overwrites a file: a
    customer.yaml that exists is used as it is. Secrets are only referred to, by the names of the
    TWILIO_* variables.
    """
    options = shared.run_options("fleet init", QuietProgress(shared))
    if not fleet_init.has_configuration(options):
        account_sid = account_sid or os.environ.get("TWILIO_ACCOUNT_SID")
        if not account_sid:
            raise click.UsageError(
                "Which account has the subaccounts? Pass --account-sid SID, or set TWILIO_ACCOUNT_SID."
            )
        if not (os.environ.get("TWILIO_AUTH_TOKEN") or os.environ.get("TWILIO_API_KEY")):
            raise click.UsageError(
                "The subaccounts are listed with TWILIO_AUTH_TOKEN, or with TWILIO_API_KEY and "
                "TWILIO_API_SECRET of a main API key: set them in the environment of this command."
            )
    elif project or account_sid:
        raise click.UsageError(
            f"{CONFIGURATION} exists: leave out --project and --account-sid. The account `{account}` "
            "of that file is used."
        )

    # Another project in this folder may have its state under one of the new names.
    names = fleet_init.list_files(options)
    new = [name for name in names if not os.path.lexists(shared.directory / name)]
    check_paths(
        [("fleet init", Path(name), False) for name in new], shared.directory, DEFAULT_ENTRY
    )

    answers = FleetAnswers(
        project=project or project_name(shared.directory.resolve().name),
        account_sid=account_sid or "",
        account=account,
    )
    _emit(shared, fleet_init.init(options, answers), answers)
    return 0


def _emit(shared: CommonOptions, made: fleet_init.CreatedFleet, answers: FleetAnswers) -> None:
    """Print the files of the fleet."""
    summary: dict[str, Any] = {
        "files": len(made.files),
        "stacks": made.stacks,
        "ignored": ignore_patterns(STATES),
    }
    if CONFIGURATION in made.files:
        summary["project"] = answers.project
    document = InitDocument(
        command="fleet init",
        summary=summary,
        diagnostics=list(made.notes),
        files=list(made.files),
        kept=list(made.kept),
    )
    emit(shared, document)
