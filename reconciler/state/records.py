"""Define journal records and apply them to resources; define `Saved` and `StoredVersion`, which
describe when and by whom a version was written.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.model.destination import Destination
from reconciler.model.entry import Entry


class Saved(msgspec.Struct, frozen=True):
    """When a version was written (RFC 3339), by whom, with which command, in which CI job."""

    at: str
    who: str
    command: str
    job_url: str | None = None
    destinations: tuple[Destination, ...] | msgspec.UnsetType = msgspec.UNSET
    """Where the last apply sent secrets; unset in what earlier versions wrote."""

    def __str__(self) -> str:
        job = f" (CI job {self.job_url})" if self.job_url else ""
        return f"{self.at} by {self.who} with `{self.command}`{job}"


class Put(msgspec.Struct, frozen=True, tag="put", tag_field="op"):
    """From now on the address holds this entry; with `pending` set, a run is about to write that."""

    address: str
    entry: Entry


class Drop(msgspec.Struct, frozen=True, tag="drop", tag_field="op"):
    """From now on the address has no entry."""

    address: str


Record = Put | Drop


def apply_records(resources: dict[str, Entry], records: Sequence[Record]) -> None:
    """Change the resources as the records say, in their order."""
    for record in records:
        match record:
            case Put(address=address, entry=entry):
                resources[address] = entry
            case Drop(address=address):
                resources.pop(address, None)


class StoredVersion(msgspec.Struct, frozen=True):
    """One version that is kept: its serial, and where it comes from (None when nobody wrote that
    down).
    """

    serial: int
    saved: Saved | None
