"""What was found in, what counts how much out: rules switched off or raised in the file, or spared on a line; pure."""

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
    """The comments `# reconciler: ignore[rule]` of a file: each counts for its line; one alone for the next one too."""
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
    diagnostics: Iterable[Diagnostic], lint: Lint, spare: IgnoredRules
) -> list[Diagnostic]:
    """The diagnostics with the level that each rule has here; without those that are switched off."""
    off = frozenset(lint.disable)
    return [
        _at_level(d, lint)
        for d in diagnostics
        if d.code not in RULES
        or (d.code not in off and d.code not in spare.get((d.file or "", d.line or 0), ()))
    ]


def _at_level(d: Diagnostic, lint: Lint) -> Diagnostic:
    if d.code not in RULES:
        return d
    return msgspec.structs.replace(d, severity=lint.level.get(d.code, RULES[d.code].level))
