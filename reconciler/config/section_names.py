"""List the top-level keys of a configuration file, and build the error for a double declaration."""

from __future__ import annotations

from reconciler.config.codes import diagnostic
from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

NUMBER_SECTIONS = ("numbers", "bridge_numbers")


HEADER_KEYS = ("version", "project", "state", "fingerprint_key", "encryption_key")
"""The keys that commands on the state alone need."""


MOVES = "moved"
NUMBER_GROUPS = "number_groups"
NUMBER_FILES = "numbers_from"
LIST_SECTIONS = (MOVES, NUMBER_GROUPS, NUMBER_FILES)
"""Lists: those of several files are one after the other."""


def duplicate_declaration(
    code: str, name: str, first: Position, second: Position, address: str | None = None
) -> Diagnostic:
    """The diagnostic of what is declared at two places."""
    where = f"{first.file}:{first.line}:{first.column}"
    return diagnostic(
        code, f"`{name}` is already declared at {where}. Keep one of the two.", second, address
    )


SECTIONS = (
    "version",
    "project",
    "state",
    "fingerprint_key",
    "encryption_key",
    "include",
    "variables",
    "accounts",
    "platforms",
    "agents",
    "applications",
    "messaging_services",
    "trunks",
    "numbers",
    "number_groups",
    "numbers_from",
    "bridge_numbers",
    "moved",
    "defaults",
    "safety",
    "lint",
    "policies",
)
"""The keys that may be at the top of a file: the fields of `reconciler.config.sections.model.Config`,
which a test compares.
"""
