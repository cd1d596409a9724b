"""Split the address of a resource, such as ``number/+15550100101``, into kind, name, owner and key,
and build it from parts; validates nothing.

| address                             | kind            | name               | owner        | key          |
|-------------------------------------|-----------------|--------------------|--------------|--------------|
| ``trunk/main``                      | trunk           | main               | main         |              |
| ``number/+15550100101``             | number          | +15550100101       | +15550100101 |              |
| ``origination_url/main/primary``    | origination_url | main/primary       | main         | primary      |
| ``registration/dasha/+15550100101`` | registration    | dasha/+15550100101 | dasha        | +15550100101 |
| ``registration/el/agent/agent_5f01`` | registration   | el/agent/agent_5f01 | el          | agent/agent_5f01 |

Plans, states and reports hold addresses as text: this type reads that text and writes it.
"""

from __future__ import annotations

from typing import NamedTuple

NUMBER_KINDS = frozenset({"number", "bridge_number"})
"""Kinds whose resource is a phone number."""


class Address(NamedTuple):
    """An address in parts: `kind`, and `name`, which is everything after the first slash."""

    kind: str
    name: str

    @classmethod
    def of(cls, kind: str, *names: str) -> Address:
        """Return the address of a kind and names, outermost first."""
        return cls(kind, "/".join(names))

    @classmethod
    def parse(cls, text: str) -> Address:
        """Split the text of an address; `name` is empty where the text has no slash."""
        kind, _, name = text.partition("/")
        return cls(kind, name)

    @property
    def owner(self) -> str:
        """Return the first part of the name.

        It is the parent of a child, the platform of a registration, and the whole name of any
        other resource.
        """
        return self.name.partition("/")[0]

    @property
    def key(self) -> str:
        """Return the part of the name after the owner; it is empty for a resource without one."""
        return self.name.partition("/")[2]

    @property
    def is_number(self) -> bool:
        """Return true for the address of a phone number."""
        return self.kind in NUMBER_KINDS

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"
