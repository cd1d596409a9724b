"""Describe Dasha BlackBox: settings, possible calls, attributes of a number; sends nothing. It
imports many Twilio numbers with one call, and they reach it by a trunk.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import (
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
    """Return the agent for incoming calls; only the agent's caller id is linked for outgoing ones."""
    attrs: dict[str, Value] = {"agent": agent.id if number.inbound else None}
    return Registering(attrs, caller_id=number.outbound)


DASHA = PlatformKind(
    type="dasha",
    model_name="Dasha",
    title="Dasha BlackBox",
    summary="Dasha BlackBox.",
    settings=(
        api_key("Bearer token."),
        connections(
            r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            "the UUID of the Twilio provider",
        ),
        base_url("https://blackbox.dasha.ai"),
    ),
    api_host="blackbox.dasha.ai",
    webhook_domains=("dasha.ai",),
    can=frozenset({"list", "create", "delete", "link", "verify"}),
    serves=frozenset({"number"}),
    overwrites=("voice",),
    links=("agent", "outbound_agent"),
    bulk=True,
    needs_connection=True,
    by_trunk=True,
    pages=True,
    attributes=_attributes,
)
