"""Problems as values: what is wrong, where, and how to mend it; knows nothing of exceptions, terminals or files."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, order=False):
    """One problem.

    `code` is a stable snake_case id listed in ``docs/reference/codes.md``; `summary` is short and holds no user data;
    `detail` says in whole sentences what exactly is wrong and how to mend it (a command to copy stands on a
    line of its own). `line` and `column` start at 1. `address` is the resource it concerns.
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
    """Whether any of them forbids going on."""
    return any(d.severity == "error" for d in diagnostics)


def sort_by_place(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, line, column, then code; those without a place come last."""
    return sorted(
        diagnostics,
        key=lambda d: (
            d.file is None,
            d.file or "",
            d.line or 0,
            d.column or 0,
            d.address or "",
            d.code,
            d.detail,
        ),
    )
