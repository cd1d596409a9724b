"""Find `# reconciler: ignore[rule]` comments, and return diagnostics with their configured levels,
without ignored and disabled rules; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reconciler.config.lint_rules import RULES
from reconciler.config.sections.policy import Lint
from reconciler.diagnostics import Diagnostic

MARK = b"reconciler: ignore["
_COMMENT = re.compile(r"#\s*reconciler: ignore\[([\w\s,]*)\]")
IgnoredRules = Mapping[tuple[str, int], frozenset[str]]
"""(file, line) → rules that a comment switches off there."""


def find_ignore_comments(
    data: bytes, file: str
) -> Iterator[tuple[tuple[str, int], frozenset[str]]]:
    """Yield the rules that comments `# reconciler: ignore[rule]` switch off, by file and line.

    A comment applies to its own line; a comment alone on a line also applies to the next line.
    """
    if MARK not in data:
        return

    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        found = _COMMENT.search(line)
        if found is not None:
            rules = frozenset(filter(None, re.split(r"[\s,]+", found[1])))
            yield (file, number), rules
            if line.lstrip().startswith("#"):
                yield (file, number + 1), rules


def apply_levels(
    diagnostics: Iterable[Diagnostic], lint: Lint, ignored: IgnoredRules
) -> list[Diagnostic]:
    """Return the diagnostics with the configured severities, without ignored and disabled rules."""
    disabled = frozenset(lint.disable)
    remaining: list[Diagnostic] = []
    for d in diagnostics:
        # Errors of the configuration are no rules: nothing switches them off.
        if d.code not in RULES:
            remaining.append(d)
        elif d.code not in disabled and d.code not in ignored.get((d.file or "", d.line or 0), ()):
            severity = lint.level.get(d.code, RULES[d.code].level)
            remaining.append(msgspec.structs.replace(d, severity=severity))
    return remaining
