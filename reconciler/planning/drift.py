"""Last applied × live → what somebody else has changed; a question of its own, apart from what is declared; pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model import Entry, Live, WireValue
from reconciler.planning.children import is_bound
from reconciler.planning.compare import in_form, last_applied, live_value
from reconciler.planning.fields import changes
from reconciler.planning.hosts import looks_like
from reconciler.planning.named import by_names
from reconciler.planning.observed import Observed


class DriftedField(msgspec.Struct, frozen=True):
    """One field: what we recorded and what is there now."""

    field: str
    recorded: WireValue
    live: WireValue


class Drifted(msgspec.Struct, frozen=True):
    """One address that has drifted; `sid` to ask the event log about it. `actor` says who did it, when known.

    `looks_like` names the platform whose host stands on the number now.
    """

    address: str
    account: str
    sid: str
    fields: tuple[DriftedField, ...]
    actor: str | None = None
    looks_like: str | None = None


def find(resources: Mapping[str, Entry], observed: Observed) -> list[Drifted]:
    """Every bound address whose recorded fields are not what is live, in the order of addresses."""
    known = by_names(resources, observed.others)
    found = (_drifted(address, entry, observed) for address, entry in known.items() if is_bound(entry))
    return sorted((drifted for drifted in found if drifted is not None), key=lambda d: d.address)


def live_of(address: str, entry: Entry, observed: Observed) -> Live | None:
    """The live resource that state means by this entry."""
    if entry.kind in NUMBER_KINDS:
        return observed.bound_number(entry.account, entry.key, entry.sid)
    return observed.others.get(address)


def _drifted(address: str, entry: Entry, observed: Observed) -> Drifted | None:
    live = live_of(address, entry, observed)
    if live is None:
        return Drifted(address, entry.account, entry.sid, (DriftedField("sid", entry.sid, None),))
    if entry.applied == live.attrs and entry.pending is None:
        return None
    last = {name: last_applied(entry, live, name) for name in entry.applied}
    have = {name: in_form(entry, name, last[name], live_value(live, name)) for name in last}
    fields = tuple(DriftedField(c.field, c.before, c.after) for c in changes(entry.kind, last, have))
    if not fields:
        return None
    return Drifted(address, entry.account, entry.sid, fields, looks_like=looks_like(field.live for field in fields))
