"""Group resources that drifted alike (same fields, each changed by the same actor), deleted ones
first, and split small groups into single resources.

The time of a change differs from resource to resource, so a group has a range of times.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property

import msgspec

from reconciler.model.actor import without_time
from reconciler.model.address import Address
from reconciler.planning.decide.drift import Drifted
from reconciler.report.analysis.actors import actors_of_drift, describe_actors
from reconciler.report.analysis.groups import (
    FEW,
    OWN_FIELDS,
    SCATTERED,
    Field,
    gather,
    list_commonest,
)


class DriftGroup(msgspec.Struct, frozen=True, dict=True):
    """Resources that drifted alike, in the order of addresses."""

    members: tuple[Drifted, ...]

    @property
    def first(self) -> Drifted:
        """Return the resource that represents the group."""
        return self.members[0]

    @property
    def is_gone(self) -> bool:
        """Return whether the resources no longer exist on Twilio."""
        return is_gone(self.first)

    @cached_property
    def addresses(self) -> list[str]:
        """Return the addresses of the group."""
        return [drifted.address for drifted in self.members]

    @cached_property
    def fields(self) -> list[Field]:
        """Return the drifted fields, with the recorded and the live values."""
        fields: list[Field] = []
        for place, first in enumerate(self.first.fields):
            alike = [drifted.fields[place] for drifted in self.members]
            recorded = list_commonest([each.recorded for each in alike])
            live = list_commonest([each.live for each in alike])
            fields.append(Field(first.field, recorded, live))
        return fields

    @property
    def actors(self) -> str:
        """Return who changed the resources and when; empty when it is not known."""
        return describe_actors([actors_of_drift(drifted) for drifted in self.members])

    @property
    def places(self) -> set[tuple[str, int]]:
        """Return file and line of each declaration."""
        found: set[tuple[str, int]] = set()
        for drifted in self.members:
            if drifted.file is not None and drifted.line is not None:
                found.add((drifted.file, drifted.line))
        return found


def is_gone(drifted: Drifted) -> bool:
    """Return whether the resource no longer exists on Twilio."""
    if len(drifted.fields) != 1:
        return False
    only = drifted.fields[0]
    return only.field == "sid" and only.live is None


def group_drift(drifted: Sequence[Drifted]) -> list[DriftGroup]:
    """Group resources of one kind whose fields one actor changed; deleted ones come first.

    Resources with the same live values are a group. If many small groups differ only in those
    values, they are one group.
    """
    groups: list[DriftGroup] = []
    for alike in gather(drifted, _roughly).values():
        by_value = list(gather(alike, _live_values).values())
        few = FEW if len(by_value) > SCATTERED else 0
        scattered: list[Drifted] = []
        for members in by_value:
            if len(members) > few:
                groups.append(DriftGroup(tuple(members)))
            else:
                scattered += members
        if scattered:
            groups.append(DriftGroup(tuple(scattered)))
    return sorted(groups, key=lambda group: not group.is_gone)


def split_small(groups: Sequence[DriftGroup], *, whole: bool) -> list[DriftGroup]:
    """Split small groups, or all of them: single resources show more in as many lines."""
    split: list[DriftGroup] = []
    for group in groups:
        if len(group.members) > FEW and not whole:
            split.append(group)
        else:
            split += [DriftGroup((member,)) for member in group.members]
    return split


def _roughly(drifted: Drifted) -> Hashable:
    names = tuple([field.field for field in drifted.fields])
    actors = tuple([without_time(field.actor) for field in drifted.fields])
    kind = Address.parse(drifted.address).kind
    return kind, names, is_gone(drifted), actors, drifted.looks_like


def _live_values(drifted: Drifted) -> Hashable:
    if is_gone(drifted):
        return None
    return tuple([None if each.field in OWN_FIELDS else each.live for each in drifted.fields])
