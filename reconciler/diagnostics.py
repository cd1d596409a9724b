"""Define a problem as a value: cause, position and cure; detect errors among problems, and sort
them; does not depend on exceptions, terminals or files.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Severity = Literal["error", "warning", "info"]


class Place(Protocol):
    """A place in a configuration file: a `Position`, an `Action`, or another diagnostic."""

    @property
    def file(self) -> str | None:
        """Return the file, relative to the folder of the entry file."""

    @property
    def line(self) -> int | None:
        """Return the line; the first one is 1."""

    @property
    def column(self) -> int | None:
        """Return the column; the first one is 1."""


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

    @classmethod
    def at(
        cls,
        place: Place | None,
        *,
        code: str,
        summary: str,
        detail: str = "",
        severity: Severity = "error",
        address: str | None = None,
    ) -> Diagnostic:
        """Return a diagnostic that points at a place, or at no place for None."""
        if place is None:
            return cls(
                severity=severity, code=code, summary=summary, detail=detail, address=address
            )
        return cls(
            severity=severity,
            code=code,
            summary=summary,
            detail=detail,
            address=address,
            file=place.file,
            line=place.line,
            column=place.column,
        )


def describe_file_problem(error: OSError) -> Diagnostic:
    """Return the problem of a file that cannot be read or written."""
    place = f"{error.filename}: " if error.filename else ""
    return Diagnostic(
        code="file_error",
        summary="File cannot be read or written",
        detail=f"{place}{error.strerror or error}. Check that it exists, and its permissions.",
    )


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Return true when at least one of them is an error."""
    return any(d.severity == "error" for d in diagnostics)


def sort_by_place(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, line, column, then address, code and detail; those without a file come last."""

    def place(d: Diagnostic) -> tuple[bool, str, int, int, str, str, str]:
        at = (d.line or 0, d.column or 0)
        return d.file is None, d.file or "", *at, d.address or "", d.code, d.detail

    return sorted(diagnostics, key=place)
