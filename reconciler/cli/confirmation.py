"""Add the consent and baseline options; carry out a plan (ask, apply, print the result) or only
show and save it, and return the exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_destinations, complete_patterns
from reconciler.cli.options import is_on_terminal
from reconciler.cli.output import emit, emit_diagnostics
from reconciler.cli.progress import choose_progress
from reconciler.cli.signals import stop_on_signals
from reconciler.errors import Exit
from reconciler.state.plan_file import Origin
from reconciler.workflows import plan_apply
from reconciler.workflows.exit_codes import plan_exit_code, result_exit_code
from reconciler.workflows.plan_apply import Confirm
from reconciler.workflows.saved_plan_check import digest_of_plan
from reconciler.workflows.session import Applied, Planned, RunOptions

F = TypeVar("F", bound=Callable[..., Any])
Execute = Callable[["RunOptions", "Confirm"], "Applied"]
"""Carry out a plan once it is confirmed."""
Preview = Callable[["RunOptions"], "Planned"]
"""Make the same plan, and change nothing."""

_AUTO_APPROVE = click.option(
    "--auto-approve", is_flag=True, help="Do not ask for confirmation. Required without a terminal."
)
_CONSENT = [
    click.option("--allow-takeover", "takeovers", multiple=True, metavar="[=ADDRESS]", shell_complete=complete_patterns,
                 help="Consent to overwriting foreign values: of all addresses, or of those that match a glob."),
    click.option("--force", is_flag=True,
                 help="Lift the limits of `safety`. Does not lift takeovers, protection or staleness."),
]  # fmt: skip


purchase_option = click.option(
    "--allow-purchase",
    is_flag=True,
    help="Consent to buying the numbers that are declared with `purchase`.",
)
"""Add the option that consents to purchases."""


local_state_option = click.option(
    "--local-state",
    is_flag=True,
    help="Accept a new local state file in CI, where it is usually lost with the job.",
)
"""Add the option that consents to a new local state in CI."""

_BASELINE = [
    click.option("--baseline", metavar="FILE|REV",
                 help="Also enforce the `safety` and secret destinations of this configuration or revision."),
    click.option("--allow-destination", "destinations", multiple=True, metavar="NAME", shell_complete=complete_destinations,
                 help="Consent to new secret destinations of this account or platform, or to a new `state`."),
]  # fmt: skip


def baseline_options(function: F) -> F:
    """Add the options for a baseline, and for consent to new destinations of secrets."""
    return _with_options(function, _BASELINE)


def consent_options(function: F) -> F:
    """Add the consent options of commands that carry out a plan."""
    return _with_options(function, [_AUTO_APPROVE, *_CONSENT])


def plan_consent_options(function: F) -> F:
    """Add the consent options of `apply` to a command that only plans: all but --auto-approve."""
    return _with_options(function, [*_CONSENT, purchase_option, local_state_option])


def _with_options(function: F, options: Sequence[Callable[[Any], Any]]) -> F:
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def execute_and_report(shared: CommonOptions, command: str, run: Execute, *, asked: bool) -> int:
    """Carry out a plan, ask for confirmation unless `asked`, print the result and return the exit
    code.
    """
    if not asked and not is_on_terminal():
        raise click.UsageError(
            "No terminal to confirm on: pass --auto-approve, or a plan file made by `plan --out`."
        )
    progress = choose_progress(shared)
    options = shared.run_options(command, progress)
    with stop_on_signals(options.stop):
        try:
            applied = run(options, None if asked else partial(_confirm, shared, command))
        finally:
            progress.close()

    from reconciler.report.documents.build import apply_document

    document = apply_document(
        applied.result, applied.planned.notes, command=command, plan=applied.planned.plan
    )
    project = applied.planned.project.name
    if applied.declined:
        click.echo("Not applied.", err=True)
        if shared.json:
            emit(shared, document, project)
        return Exit.FAILED

    emit(shared, document, project)
    return result_exit_code(applied.result, applied.planned.left_undecided)


def review_plan(
    shared: CommonOptions, command: str, look: Preview, out: Path | None, origin: Origin
) -> int:
    """Show the plan that a command would carry out, save it with `out`, and return the exit code."""
    from reconciler.report.documents.build import plan_document

    progress = choose_progress(shared)
    options = shared.run_options(command, progress)
    try:
        planned = look(options)
    finally:
        progress.close()
    if out is not None:
        plan_apply.save(options, planned, shared.directory / out, origin)
    document = plan_document(
        planned.plan,
        planned.notes,
        command=command,
        would_refuse=planned.would_refuse,
        digest=digest_of_plan(planned),
        events=planned.events,
    )
    emit(shared, document, planned.project.name)
    return plan_exit_code(planned, detailed=shared.detailed_exitcode)


def _confirm(shared: CommonOptions, command: str, planned: Planned) -> bool:
    emit_diagnostics(shared, command, [*planned.notes, *planned.plan.diagnostics])
    click.echo(f"\n{_summarize(command, planned)}", err=True)
    click.echo("Apply these actions? Only 'yes' will be accepted to approve: ", nl=False, err=True)
    return sys.stdin.readline().strip() == "yes"


def _summarize(command: str, planned: Planned) -> str:
    """Return the counts and the risk again: the plan may have scrolled away above its warnings."""
    from reconciler.report.documents.build import plan_document
    from reconciler.report.text.overview import build_overview

    document = plan_document(planned.plan, planned.notes, command=command)
    found = build_overview(document, planned.project.name)
    facts = f": {', '.join(found.facts)}" if found.facts else ""
    return f"{found.headline}\n{found.verdict.capitalize()}{facts}."
