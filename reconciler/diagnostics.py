"""Problems as values: cause, position and cure; does not depend on exceptions, terminals or files."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, order=False):
    """One problem.

    `code` is a stable snake_case id from ``docs/reference/codes.md``. `summary` is short and
    constant, without user data. `detail` describes the exact problem and its cure in whole
    sentences; a command to copy has a line of its own. `line` and `column` start at 1. `address` is
    the resource that it concerns.
    """

    severity: Severity = "error"
    code: str
    summary: str
    detail: str = ""
    address: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Return true when at least one of them is an error."""
    return any(d.severity == "error" for d in diagnostics)


def sort_by_place(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, line, column, then address, code and detail; those without a file come last."""

    def place(d: Diagnostic) -> tuple[bool, str, int, int, str, str, str]:
        at = (d.line or 0, d.column or 0)
        return d.file is None, d.file or "", *at, d.address or "", d.code, d.detail

    return sorted(diagnostics, key=place)
