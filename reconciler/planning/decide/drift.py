"""Find drift: live values that differ from the last applied ones, whatever is declared; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from reconciler.kinds.known_hosts import guess_platform
from reconciler.model.actor import Actor
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, WireValue
from reconciler.planning.decide.compare import last_applied, match_form
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.live_values import live_value
from reconciler.planning.identity.children import is_bound
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed

EventLog = Literal["read", "denied", "unavailable"]
"""Whether Twilio's event log could be read: the key may lack the permission, or no answer came."""


class DriftedField(msgspec.Struct, frozen=True):
    """One field with its recorded and its live value.

    `actor` made the change; it is null where that is not known.
    """

    field: str
    recorded: WireValue
    live: WireValue
    actor: Actor | None = None


class Drifted(msgspec.Struct, frozen=True):
    """One address that has drifted.

    `sid` is the key for the event log. `looks_like` is the platform whose host the number calls
    now. `file`, `line` and `column` are the place of the declaration, or of the declared parent;
    null when neither is declared.
    """

    address: str
    account: str
    sid: str
    fields: tuple[DriftedField, ...]
    looks_like: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


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


def _compare_entry(address: str, entry: Entry, observed: Observed) -> Drifted | None:
    live = observed.live(address, entry)
    if live is None:
        return Drifted(address, entry.account, entry.sid, (DriftedField("sid", entry.sid, None),))

    # Fast path: most entries agree as a whole.
    if entry.last_applied == live.attrs and entry.pending is None:
        return None

    last, now = _recorded_and_live(entry, live)
    changes = diff_fields(entry.kind, last, now)
    if not changes:
        return None

    fields = tuple([DriftedField(c.field, c.before, c.after) for c in changes])
    return Drifted(
        address,
        entry.account,
        entry.sid,
        fields,
        looks_like=guess_platform(field.live for field in fields),
    )


def find_live_values(entry: Entry, live: Live) -> dict[str, Value]:
    """Return the live values of the recorded attributes that have drifted."""
    last, now = _recorded_and_live(entry, live)
    return {name: value for name, value in now.items() if value != last[name]}


def _recorded_and_live(entry: Entry, live: Live) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the recorded attributes with the values last applied, and with those of now."""
    last: dict[str, Value] = {}
    now: dict[str, Value] = {}
    for name in entry.last_applied:
        last[name] = last_applied(entry, live, name)
        now[name] = match_form(entry, name, last[name], live_value(live, name))
    return last, now
