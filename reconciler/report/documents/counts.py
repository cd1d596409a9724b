"""Count the declared files, accounts, agents and resources of a configuration, and its errors and
warnings.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from reconciler.config.project import Project


def count_declared(project: Project) -> dict[str, Any]:
    """Count the declared resources by kind, and the problems by severity."""
    kinds = Counter(want.kind for want in project.desired)
    severities = Counter(d.severity for d in (*project.warnings, *project.violations))
    return {
        "project": project.name,
        "files": len(project.files),
        "accounts": len(project.accounts),
        "agents": len(project.agents),
        **{f"{kind}s": count for kind, count in sorted(kinds.items())},
        "errors": severities["error"],
        "warnings": severities["warning"],
    }
