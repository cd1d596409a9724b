"""Render a document as SARIF 2.1.0 for code scanning and editors: findings at their lines of YAML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from reconciler.report.analysis.risks import Finding, list_findings
from reconciler.report.documents.types import Document
from reconciler.report.formats.gitlab import fingerprint
from reconciler.report.wording import printable
from reconciler.version import __version__

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(document: Document, project: str) -> str:
    """Render a document as one run with a rule for each code that occurs."""
    found = list_findings(document)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(document, project, found)]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _run(document: Document, project: str, found: Sequence[Finding]) -> dict[str, Any]:
    rules = {finding.rule: finding for finding in reversed(found)}
    order = {rule: index for index, rule in enumerate(sorted(rules))}
    driver = {
        "name": "reconciler",
        "version": __version__,
        "rules": [_rule(rules[name]) for name in order],
    }

    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"reconciler/{document.command}/{printable(project)}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, order[finding.rule]) for finding in found],
    }


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.summary},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {"reconciler/v1": fingerprint(finding)},
    }
    location = _location(finding)
    return {**result, "locations": [location]} if location else result


def _location(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if finding.file:
        # A colon in a relative reference would be read as a scheme, and anything but ASCII is no
        # URI.
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": quote(finding.file.replace("\\", "/"), safe="/")}
        }
        if finding.line:
            region = {"startLine": finding.line, "startColumn": finding.column}
            physical["region"] = {name: value for name, value in region.items() if value}
        location["physicalLocation"] = physical
    if finding.address:
        kind = "resource"
        location["logicalLocations"] = [
            {"fullyQualifiedName": printable(finding.address), "kind": kind}
        ]
    return location
