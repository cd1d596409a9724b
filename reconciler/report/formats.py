"""The table of formats: every one a rendering of the same document, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from reconciler.report.documents import (
    ApplyDocument,
    Document,
    DriftDocument,
    FailureDocument,
    PlanDocument,
    ValidateDocument,
)
from reconciler.report.style import Style

Render = Callable[[Document, str, Style], str]
"""(document, name of the project, how text is to look) → the report."""

REPORTED = (PlanDocument, ApplyDocument, DriftDocument, ValidateDocument, FailureDocument)
"""What there are reports of; other documents are text and JSON alone."""


class Format(msgspec.Struct, frozen=True):
    """One format; `purpose` says what it is for."""

    purpose: str
    render: Render


def _text(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_text

    return as_text.render(document, style)


def _json(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_json

    return as_json.render(document)


def _markdown(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_markdown

    return as_markdown.render(document, project)


def _html(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_html

    return as_html.render(document, project)


def _sarif(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_sarif

    return as_sarif.render(document, project)


def _github(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_github

    return as_github.render(document)


def _gitlab(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_gitlab

    return as_gitlab.render(document)


def _junit(document: Document, project: str, style: Style) -> str:
    from reconciler.report import as_junit

    return as_junit.render(document, project)


FORMATS: Mapping[str, Format] = {
    "text": Format("a terminal or a log", _text),
    "json": Format("programs: the whole document, described by a schema", _json),
    "markdown": Format("a comment on a pull request", _markdown),
    "html": Format("a browser: one file to search, filter and sort", _html),
    "sarif": Format("code scanning and editors", _sarif),
    "github": Format("annotations in GitHub Actions", _github),
    "gitlab": Format("the Code Quality report of GitLab", _gitlab),
    "junit": Format("the test tab of a CI", _junit),
}
