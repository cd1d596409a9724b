"""Give each stack the `--target` and `--exclude` patterns that match in it.

A command alone refuses a pattern without a match, because it may be mistyped. In a fleet a pattern is
mistyped only when no stack knows it. So every stack gets all patterns first; one that refuses some of
them has done nothing yet, and gets the others in a second run.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.report.documents.fleet import FleetStack

CODE = "target_no_match"


class Patterns(msgspec.Struct, frozen=True):
    """The patterns of a command line."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of the command line that give these patterns."""
        words = [f"--target={pattern}" for pattern in self.targets]
        words += [f"--exclude={pattern}" for pattern in self.excludes]
        return tuple(words)

    @property
    def options(self) -> frozenset[str]:
        """Return each pattern with its option, as a refusal names it: `--target number/*`."""
        return frozenset(word.replace("=", " ", 1) for word in self.words)

    def without(self, refused: frozenset[str]) -> Patterns:
        """Return the patterns that are not among the refused ones."""
        targets = [each for each in self.targets if f"--target {each}" not in refused]
        excludes = [each for each in self.excludes if f"--exclude {each}" not in refused]
        return Patterns(tuple(targets), tuple(excludes))


def find_refused(stack: FleetStack, patterns: Patterns) -> frozenset[str]:
    """Return the patterns that match nothing in a stack; none for a stack that used all of them, or
    failed for another reason.
    """
    lines: list[str] = []
    for each in stack.diagnostics:
        if each.code == CODE:
            lines += each.detail.splitlines()

    refused: set[str] = set()
    for option in patterns.options:
        if any(line.startswith(f"`{option}` matches nothing") for line in lines):
            refused.add(option)
    return frozenset(refused)


def find_mistyped(stacks: Sequence[FleetStack], patterns: Patterns) -> list[str]:
    """Return the patterns that every stack has refused: then no stack has done anything."""
    mistyped = patterns.options if stacks else frozenset()
    for stack in stacks:
        mistyped &= find_refused(stack, patterns)
    return sorted(mistyped)
