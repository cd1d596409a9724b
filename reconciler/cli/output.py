"""Print a document or a failure in the chosen format and write its `--report` files; print
diagnostics with their lines of YAML, on stderr except for `lint`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from reconciler.diagnostics import Diagnostic, sort_by_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.cli.common_options import CommonOptions
    from reconciler.report.documents.types import Document


def emit(common: CommonOptions, document: Document, project: str = "") -> None:
    """Print a document in the chosen format and write its reports; text is preceded by the
    diagnostics.
    """
    if common.reports or common.format not in ("text", "json"):
        _check_reportable(document)

    if common.format == "text":
        from reconciler.report.text import render

        # The findings of `lint` are its data, so they go to stdout.
        findings = document.command == "lint"
        emit_diagnostics(common, document.command, document.diagnostics, to_stderr=not findings)
        click.echo(render.render(document, common.style(sys.stdout)), nl=False)
        failures = getattr(document, "errors", ())
        click.echo(_explain_hint(each.code for each in failures), nl=False, err=True)
    elif common.format == "json":
        from reconciler.report.formats import json

        # The mark of a workflow command, written as an escape that means the same in JSON.
        click.echo(json.render(document).replace("##[", "#\\u0023["), nl=False)
    else:
        from reconciler.report.formats.registry import FORMATS

        rendered = FORMATS[common.format].render(
            document, project or _project(common), common.style(sys.stdout)
        )

        # The annotations are workflow commands on purpose: they bypass the stream that breaks
        # commands.
        commands = (
            getattr(sys.stdout, "write_commands", None) if common.format == "github" else None
        )
        if commands is not None:
            commands(rendered)
        else:
            click.echo(rendered, nl=False)

    if common.reports:
        from reconciler.cli import reports

        reports.write(common, document, project or _project(common))


def emit_diagnostics(
    common: CommonOptions,
    command: str,
    diagnostics: Sequence[Diagnostic],
    *,
    to_stderr: bool = True,
) -> None:
    """Print diagnostics on stderr or stdout, each with its place and the line of the file.

    Warnings of the configuration alone are the same in every run: only `validate` and `lint` print
    them, other commands print their number.
    """
    from reconciler.config.source.source_line import read_line_with_mark
    from reconciler.report.text import render

    known = frozenset() if command in _CHECKS else frozenset(common.static_warnings)
    shown = [each for each in diagnostics if each not in known]
    style = common.style(sys.stderr if to_stderr else sys.stdout)
    text = render.render_diagnostics(
        sort_by_place(shown),
        style,
        lambda file, line, column: read_line_with_mark(file, line, column, common.directory),
    )
    if len(shown) < len(diagnostics):
        text += render.static_sentence(len(diagnostics) - len(shown), style) + "\n"
    if to_stderr:
        text += _explain_hint(each.code for each in shown if each.severity == "error")
    click.echo(text, nl=False, err=to_stderr)


def _explain_hint(codes: Iterable[str]) -> str:
    """Return a line that names `explain` for the first of these codes, once for all of them."""
    for code in codes:
        return f"`reconciler explain {code}` shows an example and the next command.\n"
    return ""


_CHECKS = ("validate", "lint")
"""The commands that print the warnings of the configuration."""


def emit_failure(
    common: CommonOptions,
    command: str,
    diagnostics: Sequence[Diagnostic],
    done: Sequence[Any] = (),
    unread: Sequence[str] = (),
) -> None:
    """Print the diagnostics of a command that failed; formats of drawings have no form for that,
    and use text.

    `done` are the outcomes of an apply that ended in the middle, `unread` the accounts that could
    not be read.
    """
    from reconciler.cli import reports

    in_text = common.format == "text" or common.format not in reports.NAMES
    if in_text and not common.reports and not done:
        emit_diagnostics(common, command, diagnostics)
        return

    from reconciler.report.documents.build import failure_document

    document = failure_document(command, diagnostics, done, unread)
    if done or not in_text:
        emit(common, document)
        return
    emit_diagnostics(common, command, document.diagnostics)
    reports.write(common, document, _project(common))


def _check_reportable(document: Document) -> None:
    from reconciler.report.formats.registry import REPORTED

    if not isinstance(document, REPORTED):
        raise click.UsageError(
            "Only plans and results have reports. This command has text and JSON."
        )


def _project(common: CommonOptions) -> str:
    """Guess the project name of a configuration that could not be read."""
    from reconciler.config.load.project_name import guess_project

    return guess_project(common.directory / common.file)
