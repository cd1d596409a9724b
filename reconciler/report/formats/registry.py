"""Map the name of each report format to its purpose and its renderer, imported on first use; mask
credentials in a document before a format renders it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from reconciler.planning.checks.secrecy import has_credentials, mask_all
from reconciler.report.documents.fleet import FleetDocument
from reconciler.report.documents.types import (
    ApplyDocument,
    Document,
    DriftDocument,
    FailureDocument,
    PlanDocument,
    ValidateDocument,
)
from reconciler.report.text.style import Style

Render = Callable[[Document, str, Style], str]
"""(document, name of the project, style of text) → the report."""

REPORTED = (
    PlanDocument,
    ApplyDocument,
    DriftDocument,
    ValidateDocument,
    FleetDocument,
    FailureDocument,
)
"""Documents that have reports; others have only text and JSON."""


class Format(msgspec.Struct, frozen=True):
    """One format and its purpose."""

    purpose: str
    render: Render


def _text(document: Document, project: str, style: Style) -> str:
    from reconciler.report.text.render import render

    return render(document, style)


def _json(document: Document, project: str, style: Style) -> str:
    from reconciler.report.formats.json import render

    return render(document)


def without_credentials(document: Document) -> Document:
    """Return the document with credentials in URLs masked, before a format writes them in its own
    way.
    """
    if not has_credentials(msgspec.json.encode(document).decode()):
        return document
    return msgspec.convert(mask_all(msgspec.to_builtins(document)), type(document))


def _markdown(document: Document, project: str, style: Style) -> str:
    from reconciler.report.markdown.render import render

    return render(without_credentials(document), project)


def _html(document: Document, project: str, style: Style) -> str:
    from reconciler.report.html.render import render

    return render(without_credentials(document), project)


def _sarif(document: Document, project: str, style: Style) -> str:
    from reconciler.report.formats import sarif

    return sarif.render(without_credentials(document), project)


def _github(document: Document, project: str, style: Style) -> str:
    from reconciler.report.formats import github

    return github.render(without_credentials(document))


def _gitlab(document: Document, project: str, style: Style) -> str:
    from reconciler.report.formats import gitlab

    return gitlab.render(without_credentials(document))


def _junit(document: Document, project: str, style: Style) -> str:
    from reconciler.report.formats import junit

    return junit.render(without_credentials(document), project)


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
