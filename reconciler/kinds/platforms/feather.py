"""Describe Feather: settings, possible calls, attributes of a number; sends nothing. It takes
Twilio numbers with an agent each for calls in, calls out and SMS, and bridge numbers.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import (
    ALL_PARTS,
    PlatformAgent,
    PlatformKind,
    PlatformNumber,
    Registering,
    api_key,
    base_url,
    connections,
)
from reconciler.model.route import Value


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the agent of each direction; None takes an agent off."""
    attrs: dict[str, Value] = {
        "bridge": False,
        "status": "active",
        "agent": agent.id if number.inbound else None,
        "outbound_agent": agent.id if number.outbound else None,
        "sms_agent": agent.id if number.writes_sms else None,
    }
    return Registering(attrs)


FEATHER = PlatformKind(
    type="feather",
    model_name="Feather",
    title="Feather",
    summary="Feather.",
    settings=(
        api_key(),
        base_url(example="https://api-sandbox.featherhq.com"),
        connections(),
    ),
    api_host="*.featherhq.com",
    webhook_domains=("featherhq.com",),
    can=frozenset({"list", "create", "update", "delete", "link", "verify"}),
    serves=frozenset({"number", "bridge_number"}),
    overwrites=ALL_PARTS,
    links=("agent", "outbound_agent", "sms_agent"),
    updates=("status",),
    replaces=("bridge",),
    attributes=_attributes,
)
