"""Describe Butter AI: settings, possible calls, attributes of a number; sends nothing. It takes
Twilio numbers and numbers outside Twilio; an imported number cannot be changed.
"""

from __future__ import annotations

from reconciler.kinds.platforms.kind import (
    ALL_PARTS,
    PlatformAgent,
    PlatformField,
    PlatformKind,
    PlatformNumber,
    Registering,
    api_key,
    base_url,
    connections,
)
from reconciler.model.route import Value


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the agent and the directions that it serves."""
    attrs: dict[str, Value] = {
        "agent": agent.id,
        "supports_inbound": number.inbound,
        "supports_outbound": number.outbound,
    }
    return Registering(attrs)


BUTTER = PlatformKind(
    type="butter",
    model_name="Butter",
    title="Butter AI",
    summary="Butter AI.",
    settings=(
        api_key(),
        PlatformField(
            name="organization_id",
            form="text",
            description="The organisation's id.",
            example="org_a1b2c3",
        ),
        connections(
            r"intg_[a-f0-9]{12,}", "`intg_` and at least 12 hexadecimal digits in lower case"
        ),
        base_url("https://api.getbutter.ai"),
    ),
    api_host="api.getbutter.ai",
    webhook_domains=("getbutter.ai",),
    can=frozenset({"list", "create", "link"}),
    serves=frozenset({"number", "sip"}),
    overwrites=ALL_PARTS,
    links=("agent",),
    needs_connection=True,
    manual={
        "update": "Butter AI documents no call that changes an imported number: change it in its "
        "dashboard.",
        "delete": "Butter AI documents no call that removes a number: remove it in its dashboard.",
    },
    attributes=_attributes,
)
