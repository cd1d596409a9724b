"""Where things are printed: a command's data on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.diagnostics import Diagnostic, in_reading_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.cli.options import Common
    from reconciler.report.documents import Document


def emit(common: Common, document: Document) -> None:
    """Print a command's document: JSON as one document, text with its diagnostics on stderr."""
    if common.json:
        from reconciler.report import as_json

        click.echo(as_json.render(document), nl=False)
        return
    from reconciler.report import as_text

    click.echo(as_text.render(document, common.style(sys.stdout)), nl=False)
    emit_diagnostics(common, document.diagnostics)


def emit_diagnostics(common: Common, diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics on stderr, each with its place and the line of the file."""
    from reconciler.config.source import source_line
    from reconciler.report import as_text

    text = as_text.render_diagnostics(
        in_reading_order(list(diagnostics)), common.style(sys.stderr), lambda f, n: source_line(f, n, common.directory)
    )
    click.echo(text, nl=False, err=True)


def emit_failure(common: Common, command: str, diagnostics: Sequence[Diagnostic]) -> None:
    """What a command prints that could not do its work."""
    if not common.json:
        emit_diagnostics(common, diagnostics)
        return
    from reconciler.report.build import failure_document

    emit(common, failure_document(command, diagnostics))
