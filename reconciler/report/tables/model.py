"""Define the table of changes (sections, entries, rows, values) that text, Markdown and HTML
render; `changes` builds it.

Every cell is printable text without the escapes or the layout of a format.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from reconciler.report.analysis.groups import FEW
from reconciler.report.wording import NOTHING, count, kind_of, printable

Meaning = Literal["change", "takeover", "loss", "calls", "hidden", "gone"]
"""`loss` is a takeover of a field that does not change otherwise, `hidden` a value without effect,
`gone` a resource that no longer exists on Twilio.
"""


class Value(msgspec.Struct, frozen=True):
    """A value, or the most common one of several `different` values."""

    example: str
    different: int = 1

    @property
    def prefix(self) -> str:
        """Return the words before the example; empty for a single value."""
        return f"{self.different:,} different, such as " if self.different > 1 else ""

    def __str__(self) -> str:
        return self.prefix + self.example


class Row(msgspec.Struct, frozen=True):
    """One line of an entry: a name, and the value before and after."""

    name: str
    before: Value
    after: Value = Value("")
    meaning: Meaning = "change"


class Entry(msgspec.Struct, frozen=True):
    """Resources that change alike. `action` is their steps and the reason, `place` is where they
    are declared, `actors` who changed them on Twilio. `agent_before` is the former agent where
    `agent` is another one.
    """

    addresses: list[str]
    rows: list[Row]
    action: str = ""
    place: str = ""
    agent: str = ""
    agent_before: str | None = None
    notes: tuple[str, ...] = ()
    actors: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return the actors, then the notes."""
        return (self.actors, *self.notes) if self.actors else self.notes

    @property
    def is_group(self) -> bool:
        """Return whether this is more than one resource."""
        return len(self.addresses) > 1

    @property
    def subject(self) -> str:
        """Return the address, or the number of resources and their agent."""
        if not self.is_group:
            return printable(self.addresses[0])
        if self.agent_before is not None:
            return f"{self.count_text}: agent {self.agent_before} → {self.agent or NOTHING}"
        return f"{self.count_text} of agent {self.agent}" if self.agent else self.count_text

    @property
    def count_text(self) -> str:
        """Return the number of resources in words."""
        return count(len(self.addresses), kind_of(self.addresses[0]))

    @property
    def first_addresses(self) -> list[str]:
        """Return the addresses that a short list names."""
        return self.addresses[:FEW]

    @property
    def unnamed_count(self) -> int:
        """Return the number of addresses that a short list leaves out."""
        return max(0, len(self.addresses) - FEW)


class Section(msgspec.Struct, frozen=True):
    """A titled table with one or more rows for each entry.

    `entries` are built as they are read: a format with a size limit reads only some of `total`.
    """

    title: str
    columns: tuple[str, str, str, str]
    total: int
    entries: Iterable[Entry]
