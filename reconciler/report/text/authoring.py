"""Render the documents of `export`, `init`, `fmt` and `lint` as text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.types import (
    ExportDocument,
    FormatDocument,
    InitDocument,
    LintDocument,
)
from reconciler.report.text.style import Style
from reconciler.report.wording import count


def export_lines(document: ExportDocument, style: Style) -> Iterator[str]:
    """Return the configuration itself, or the counts of what was written to the file."""
    if document.configuration is not None:
        yield document.configuration.removesuffix("\n")
        return

    counts = ", ".join(
        f"{document.summary[name]} {name}" for name in ("numbers", "agents", "trunks")
    )
    yield style("good", f"Wrote {document.out}: {counts}.")
    if document.summary["odd"]:
        yield f"{document.summary['odd']} of them have a comment; look at those first."
    if document.summary["declared"]:
        yield style(
            "quiet", f"Left out: {document.summary['declared']} numbers that are declared already."
        )


def init_lines(document: InitDocument, style: Style) -> Iterator[str]:
    """Return the files of the new project or fleet, and the next steps."""
    for name in document.files:
        yield f"{style('good', '+')} {name}"
    for name in document.kept:
        yield style("warn", f"! {name} exists already and was not changed.")
    if document.kept:
        patterns = ", ".join(document.summary["ignored"])
        yield f"  Make sure that git ignores: {patterns}"
    yield ""
    if document.settings:
        yield "Variables and secrets that the CI jobs read:"
        for name in document.settings:
            yield f"  {name}"
        yield "Before the first job, replace the commit of zeros in the CI file."
        yield ""
    if document.command == "fleet init":
        yield f"{count(document.summary['stacks'], 'stack')}, one for each active subaccount."
        yield "Next: `reconciler fleet validate`, then `reconciler fleet plan`."
    else:
        yield "Next: `reconciler validate`, then `reconciler plan`."


def format_lines(document: FormatDocument, style: Style) -> Iterator[str]:
    """Return the changed files."""
    verb = "Formatted" if document.written else "Would format"
    for file in document.files:
        if file.diff:
            yield file.diff.removesuffix("\n")
        elif file.changed:
            yield style("change", f"{verb} {file.file}")
    if not document.summary["changed"]:
        yield style("good", f"{document.summary['files']} files are formatted already.")


def lint_lines(document: LintDocument, style: Style) -> Iterator[str]:
    """Return the rules, or the counts of findings."""
    for rule in document.rules:
        yield f"{style('strong', rule.id)} ({rule.level}): {rule.summary}"
        for line in style.wrap(rule.why, margin=4):
            yield f"    {line}"
        first, *rest = style.wrap(rule.cure, margin=6)
        yield f"    {style('good', '→')} {first}"
        for line in rest:
            yield f"      {line}"
    if document.rules:
        return

    counts = ", ".join(
        count(document.summary[f"{name}s"], name) for name in ("error", "warning", "remark")
    )
    clean = not document.diagnostics
    yield style("good", "Nothing found.") if clean else f"Found: {counts}."
