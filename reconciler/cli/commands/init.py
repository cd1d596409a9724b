"""`reconciler init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options, is_on_terminal
from reconciler.cli.output import emit
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_paths
from reconciler.cli.progress import QuietProgress

if TYPE_CHECKING:
    from reconciler.config.load.starter import Answers


@click.command(short_help="Start a project in this folder.")
@click.option(
    "--project",
    metavar="NAME",
    help="Its name in state, locks and reports; that of the folder by default.",
)
@click.option(
    "--account-sid",
    default="",
    metavar="SID",
    help="Declare this Twilio account; else TWILIO_* say which.",
)
@click.option("--from-account", is_flag=True, help="Export what is on Twilio into numbers.yaml.")
@click.option("--state", metavar="PLACE", help="Where state is kept; ./state.json by default.")
@common_options
def init(
    shared: CommonOptions,
    project: str | None,
    account_sid: str,
    from_account: bool,
    state: str | None,
) -> int:
    """Leave a working project: reconciler.yaml, the schema for editors, and a .gitignore for state and plans.

    Asks on a terminal when no option says anything. Never overwrites a file. Secrets are only referred to, by the
    names of the TWILIO_* variables.
    """
    from reconciler.config.load.starter import Answers, ignore_patterns, project_name
    from reconciler.report.documents.types import InitDocument
    from reconciler.workflows import authoring

    answers = Answers(
        project=project or project_name(shared.directory.resolve().name),
        state=state or "./state.json",
        account_sid=account_sid,
        from_account=from_account,
    )
    if not (project or account_sid or from_account or state or shared.json) and is_on_terminal():
        answers = _asked(answers)
    if (
        shared.file != DEFAULT_ENTRY
    ):  # another project in this folder: its state may have one of our names
        new = [
            name
            for name in authoring.list_project_files(answers)
            if not (shared.directory / name).exists()
        ]
        check_paths([("init", Path(name), False) for name in new], shared.directory, shared.file)
    made = authoring.init(shared.run_options("init", QuietProgress(shared)), answers)
    summary = {
        "project": answers.project,
        "files": len(made.files),
        "ignored": ignore_patterns(answers.state),
    }
    emit(
        shared,
        InitDocument(command="init", summary=summary, files=list(made.files), kept=list(made.kept)),
    )
    return 0


def _asked(proposed: Answers) -> Answers:
    """The answers of whoever sits there; an empty line takes what is proposed."""
    from reconciler.config.load.starter import Answers

    return Answers(
        project=_ask("Name of the project", proposed.project),
        account_sid=_ask("SID of the Twilio account (empty: TWILIO_ACCOUNT_SID says it)", ""),
        state=_ask("Where to keep state", proposed.state),
        from_account=_ask("Export what is on Twilio now? (yes/no)", "no").lower() in ("y", "yes"),
    )


def _ask(question: str, proposed: str) -> str:
    click.echo(f"{question}{f' [{proposed}]' if proposed else ''}: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.strip() or proposed
