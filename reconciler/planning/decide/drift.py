"""Find drift: live values that differ from the last applied ones, whatever is declared; pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.kinds.known_hosts import guess_platform
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import WireValue
from reconciler.planning.decide.compare import last_applied, live_value, match_form
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.identity.children import is_bound
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed


class DriftedField(msgspec.Struct, frozen=True):
    """One field: what we recorded and what is there now."""

    field: str
    recorded: WireValue
    live: WireValue


class Drifted(msgspec.Struct, frozen=True):
    """One address that has drifted; `sid` to ask the event log about it. `actor` says who did it,
    when known.

    `looks_like` names the platform whose host stands on the number now.
    """

    address: str
    account: str
    sid: str
    fields: tuple[DriftedField, ...]
    actor: str | None = None
    looks_like: str | None = None


def find_drift(resources: Mapping[str, Entry], observed: Observed) -> list[Drifted]:
    """Return every bound address whose live fields differ from the recorded ones, in the order of
    addresses.
    """
    known = resolve_names(resources, observed.resources)

    found: list[Drifted] = []
    for address, entry in known.items():
        drifted = _compare_entry(address, entry, observed) if is_bound(entry) else None
        if drifted is not None:
            found.append(drifted)
    return sorted(found, key=lambda drifted: drifted.address)


def find_live(address: str, entry: Entry, observed: Observed) -> Live | None:
    """Return the live resource that an entry is bound to."""
    if entry.kind in NUMBER_KINDS:
        return observed.bound_number(entry.account, entry.key, entry.sid)
    return observed.resources.get(address)


def _compare_entry(address: str, entry: Entry, observed: Observed) -> Drifted | None:
    live = find_live(address, entry, observed)
    if live is None:
        return Drifted(address, entry.account, entry.sid, (DriftedField("sid", entry.sid, None),))

    # Fast path: most entries agree as a whole.
    if entry.last_applied == live.attrs and entry.pending is None:
        return None

    last = {name: last_applied(entry, live, name) for name in entry.last_applied}
    have = {name: match_form(entry, name, last[name], live_value(live, name)) for name in last}
    fields = tuple(
        DriftedField(c.field, c.before, c.after) for c in diff_fields(entry.kind, last, have)
    )
    if not fields:
        return None
    return Drifted(
        address,
        entry.account,
        entry.sid,
        fields,
        looks_like=guess_platform(field.live for field in fields),
    )
