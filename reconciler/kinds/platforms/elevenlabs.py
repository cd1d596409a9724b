"""Describe ElevenLabs Agents: settings, hosts, possible calls, attributes of a number; sends
nothing. It imports Twilio numbers, each with the credentials of its Twilio account, or takes the
calls of a declared trunk. Agent, label and trunk change in place; another change needs a new import.

https://elevenlabs.io/docs/eleven-agents/api-reference/phone-numbers/create,
https://elevenlabs.io/docs/eleven-agents/phone-numbers/sip-trunking
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
    credential,
)
from reconciler.model.route import Value

_IN_PLACE = ("branch", "environment")
"""The fields of agents that a change of a number takes."""


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the agent with its branch, and what the way of the calls needs: a trunk its protocol,
    an import the switch for messages and the region.
    """
    attrs: dict[str, Value] = {
        "provider": "twilio" if number.trunk is None else "sip_trunk",
        "supports_inbound": True,
        "agent": agent.id,
    }
    for name in _IN_PLACE:
        if name in agent.fields:
            attrs[name] = agent.fields[name]

    if number.trunk is not None:
        # A secure trunk of Twilio takes encrypted calls only.
        is_secure = number.trunk.secure
        attrs["transport"] = agent.fields.get("transport") or ("TLS" if is_secure else "AUTO")
        attrs["media_encryption"] = "required" if is_secure else "allowed"
        return Registering(attrs, sends_label=number.has_label)

    # Without the flag ElevenLabs would take the messages too.
    attrs["enable_sms"] = number.writes_sms
    attrs["region"] = number.region or None
    return Registering(attrs, sends_label=number.has_label)


ELEVENLABS = PlatformKind(
    type="elevenlabs",
    model_name="ElevenLabs",
    title="ElevenLabs",
    summary="ElevenLabs Agents.",
    settings=(api_key(), credential(""), base_url("https://api.elevenlabs.io")),
    api_host="api.elevenlabs.io",
    regional_hosts=(
        "api.us.elevenlabs.io",
        "api.eu.residency.elevenlabs.io",
        "api.in.residency.elevenlabs.io",
        "api.sg.residency.elevenlabs.io",
    ),
    webhook_domains=("elevenlabs.io",),
    sip_hosts=(
        "sip.rtc.elevenlabs.io",
        "sip-static.rtc.elevenlabs.io",
        "*.residency.elevenlabs.io",
    ),
    agent_fields=(
        PlatformField(
            name="branch",
            form="text",
            description="Branch of the agent that takes the calls of its numbers.",
            example="agtbrch_8901k4t9z5defmb8",
        ),
        PlatformField(
            name="environment",
            form="text",
            description="Environment whose variables the calls of its numbers use.",
            example="production",
        ),
        PlatformField(
            name="transport",
            form="choice",
            description="Protocol of outgoing calls through a trunk; default: TLS for a secure trunk.",
            example="TCP",
            choices=("TCP", "TLS", "UDP"),
        ),
        PlatformField(
            name="split",
            form="split",
            description="Share of each branch of the agent in its calls, for all its numbers.",
            example="",
            shares="branches",
        ),
    ),
    can=frozenset({"list", "create", "update", "delete", "link"}),
    serves=frozenset({"number"}),
    overwrites=ALL_PARTS,
    links=("agent", "branch", "environment"),
    updates=(
        "friendly_name",
        "split",
        "termination_uri",
        "transport",
        "media_encryption",
        "username",
        "password",
    ),
    replaces=("provider", "enable_sms", "region", "token", "account_auth_token"),
    unread=("enable_sms", "region", "token", "account_auth_token", "supports_inbound"),
    keeps_login=True,
    own_trunk="possible",
    sms_switch="enable_sms",
    needs_token=True,
    both_ways=True,
    twilio_zones=(
        "us1",
        "ie1",
        "au1",
        "ashburn",
        "dublin",
        "frankfurt",
        "sao-paulo",
        "singapore",
        "sydney",
        "tokyo",
        "umatilla",
        "roaming",
    ),
    pages=True,
    manual={
        "update": "ElevenLabs shows the number as one for outgoing calls only, as it does with a "
        "verified caller id of Twilio, which takes no agent. Remove it in its dashboard, then run "
        "apply again to import it as a number.",
    },
    attributes=_attributes,
)
