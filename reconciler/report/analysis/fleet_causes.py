"""Group the stacks of a fleet that did not end well by the code of their first error."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.report.documents.fleet import FleetStack

_WELL = ("done", "changes")
_UNSTARTED = ("not_started", "waiting", "running")
"""Outcomes of stacks that have no error because they have not ended."""


class Cause(msgspec.Struct, frozen=True):
    """What stacks have in common: a code, or the outcome of stacks that report no error. `example` is
    the detail of the first one.
    """

    code: str
    summary: str
    example: str
    stacks: list[str]


def has_unended(stacks: Sequence[FleetStack]) -> bool:
    """Return whether a stack waits in a queue, or runs."""
    return any(stack.outcome in ("waiting", "running") for stack in stacks)


def needs_attention(stack: FleetStack) -> bool:
    """Return whether a stack has ended, and not well."""
    return stack.outcome not in _WELL and stack.outcome not in _UNSTARTED


def group_causes(stacks: Sequence[FleetStack]) -> list[Cause]:
    """Return the causes, those of most stacks first; each stack counts once."""
    causes: dict[str, Cause] = {}
    for stack in stacks:
        if not needs_attention(stack):
            continue
        cause = _first_cause(stack)
        causes.setdefault(cause.code, cause).stacks.append(stack.name)
    return sorted(causes.values(), key=lambda cause: -len(cause.stacks))


def _first_cause(stack: FleetStack) -> Cause:
    if not stack.diagnostics:
        words = stack.outcome.replace("_", " ")
        return Cause(words, "A stack did not end well", "", [])
    first = stack.diagnostics[0]
    return Cause(first.code, first.summary, first.detail, [])
