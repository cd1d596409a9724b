"""Render the findings of a document as a Code Quality report of GitLab, at their lines of YAML;
compute the fingerprint of a finding, for SARIF as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from reconciler.diagnostics import Severity
from reconciler.report.analysis.risks import Finding, list_findings
from reconciler.report.documents.types import Document
from reconciler.report.wording import printable

_SEVERITIES: Mapping[Severity, str] = {"error": "blocker", "warning": "major", "info": "info"}


def render(document: Document) -> str:
    """Render a document as a JSON list of issues; an issue without a place is put at the top of the
    entry file.
    """
    issues = [_issue(finding) for finding in list_findings(document)]
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    description = finding.summary
    if finding.message != finding.summary:
        description += f": {finding.message}"

    return {
        "description": description,
        "check_name": finding.rule,
        "fingerprint": fingerprint(finding),
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": printable(finding.file or "reconciler.yaml"),
            "lines": {"begin": finding.line or 1},
        },
    }


def fingerprint(finding: Finding) -> str:
    """Return an id of a finding that does not depend on its line."""
    identity = (finding.rule, finding.file or "", finding.address or "", finding.message)
    return hashlib.sha256("\0".join(identity).encode("utf-8", "replace")).hexdigest()
