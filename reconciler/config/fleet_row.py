"""Define `FleetRow`, the values that a fleet gives to one of its stacks; reads nothing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class FleetRow(msgspec.Struct, frozen=True):
    """The values of a row of `for_each`, by the name of the column; empty without a row.

    Only the process of a stack has one: no option of the command line can set it.
    """

    values: Mapping[str, str] = {}
