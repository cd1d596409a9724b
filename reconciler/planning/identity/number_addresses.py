"""Give numbers that are declared by their SID the address with their E.164; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.observed import Observed


def with_e164_addresses(
    desired: Iterable[Desired], recorded: Mapping[str, Entry], observed: Observed | None = None
) -> Iterator[Desired]:
    """Yield the declarations; a number that is declared by its SID has the address that Twilio's
    answer, or else the state, gives it.
    """
    by_sid: dict[str, str] | None = None
    for declared in desired:
        if declared.kind not in NUMBER_KINDS or not declared.key.startswith("PN"):
            yield declared
            continue

        live = observed.number(declared.profile.account, declared.key) if observed else None
        if by_sid is None:
            by_sid = _index_addresses(recorded)
        address = by_sid.get(declared.key)
        if live is not None:
            address = f"{declared.kind}/{live.key}"
        yield msgspec.structs.replace(declared, address=address) if address else declared


def _index_addresses(recorded: Mapping[str, Entry]) -> dict[str, str]:
    """Map the SIDs of recorded numbers to their addresses."""
    found: dict[str, str] = {}
    for address, entry in recorded.items():
        if entry.kind in NUMBER_KINDS and entry.sid:
            found[entry.sid] = address
    return found
