"""Read the canonical and the raw values of one live resource: those that numbers share, and those that
each has for itself; pure.
"""

from __future__ import annotations

from reconciler.kinds.number_fields import BY_WIRE, wire_value
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, WireValue


def live_value(live: Live, name: str) -> Value:
    """Return a canonical attribute of a live resource."""
    # A number has its friendly name and fields apart from what it shares with others.
    if name in live.attrs:
        return live.attrs[name]
    if name == "friendly_name":
        return live.name
    return live.fields.get(name) if live.fields is not None else None


def raw_value(live: Live, field: str) -> WireValue:
    """Return a raw field of a live number."""
    if field == "friendly_name":
        return live.name
    if field in BY_WIRE and field not in live.wire:
        return wire_value(live_value(live, BY_WIRE[field].name))
    return live.wire.get(field)


def live_attrs(live: Live, names: Attrs) -> dict[str, Value]:
    """Return the live values of these attributes."""
    return {name: live_value(live, name) for name in names}
