"""Define `reconciler init`: create the files of a new project, asking on a terminal; with
`--from-account` also export the account. It never overwrites a file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options, is_on_terminal
from reconciler.cli.output import emit
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_paths
from reconciler.cli.progress import QuietProgress
from reconciler.config.load.ci_file import CiSystem
from reconciler.config.load.starter import Answers, ignore_patterns, project_name
from reconciler.report.documents.types import InitDocument
from reconciler.workflows import authoring


@click.command()
@click.option(
    "--project",
    metavar="NAME",
    help="Name in state, locks and reports. Default: the name of the folder.",
)
@click.option(
    "--account-sid",
    default="",
    metavar="SID",
    help="Declare this Twilio account. Default: the account of the TWILIO_* variables.",
)
@click.option("--from-account", is_flag=True, help="Export the account into numbers.yaml.")
@click.option("--state", metavar="PLACE", help="Location of the state. Default: ./state.json.")
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab"]),
    help="Also write the CI file for this system, fitted to the state; in a project that exists, only this file.",
)
@common_options
def init(
    shared: CommonOptions,
    project: str | None,
    account_sid: str,
    from_account: bool,
    state: str | None,
    ci: CiSystem | None,
) -> int:
    """Create a working project: reconciler.yaml, the schema for editors, and a .gitignore for state
    and plans.

    Asks on a terminal when no option is given. Never overwrites a file. Secrets are only referred
    to, by the names of the TWILIO_* variables.
    """
    answers = Answers(
        project=project or project_name(shared.directory.resolve().name),
        state=state or "./state.json",
        account_sid=account_sid,
        from_account=from_account,
    )
    options = shared.run_options("init", QuietProgress(shared))
    if ci is not None and authoring.has_project(options):
        if project or account_sid or from_account or state:
            raise click.UsageError(
                "The project exists: pass --ci alone. The CI file takes the state from the configuration."
            )
        return _emit(shared, authoring.add_ci_file(options, ci), answers)

    is_silent = project or account_sid or from_account or state or ci or shared.json
    if not is_silent and is_on_terminal():
        answers = _ask_for_answers(answers)

    # Another project in this folder may have its state under one of the new names.
    if shared.file != DEFAULT_ENTRY:
        new = [
            name
            for name in authoring.list_project_files(answers)
            if not (shared.directory / name).exists()
        ]
        check_paths([("init", Path(name), False) for name in new], shared.directory, shared.file)

    return _emit(shared, authoring.init(options, answers, ci), answers)


def _emit(shared: CommonOptions, made: authoring.CreatedProject, answers: Answers) -> int:
    """Print the files of the project. Return the exit code."""
    summary = {
        "project": answers.project,
        "files": len(made.files),
        "ignored": ignore_patterns(answers.state),
    }
    document = InitDocument(
        command="init",
        summary=summary,
        files=list(made.files),
        kept=list(made.kept),
        settings=list(made.settings),
    )
    emit(shared, document)
    return 0


def _ask_for_answers(proposed: Answers) -> Answers:
    """Ask on the terminal; an empty line accepts the proposed answer."""
    return Answers(
        project=_ask("Project name", proposed.project),
        account_sid=_ask("Twilio account SID (empty: use TWILIO_ACCOUNT_SID)", ""),
        state=_ask("Location of the state", proposed.state),
        from_account=_ask("Export the account now? (yes/no)", "no").lower() in ("y", "yes"),
    )


def _ask(question: str, proposed: str) -> str:
    click.echo(f"{question}{f' [{proposed}]' if proposed else ''}: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.strip() or proposed
