"""Describe Vapi: settings, possible calls, attributes of a number, the text that names its agent;
sends nothing. It imports Twilio numbers with the credentials of their account, or takes the calls of
a declared trunk, and changes numbers in place.

Sources: https://docs.vapi.ai/api-reference/phone-numbers, https://docs.vapi.ai/advanced/sip/sip-trunk
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds.platforms.kind import (
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

TWILIO = "twilio"
"""The provider of a number that Vapi imports with the credentials of its Twilio account."""
TRUNK = "byo-phone-number"
"""The provider of a number whose calls reach Vapi through a trunk."""
SAME = "as declared"
"""The value of `credentials` when Vapi signs in to Twilio with the account that is declared."""

AGENT_KEYS: Mapping[str, str] = {
    "": "assistantId",
    "squad:": "squadId",
    "workflow:": "workflowId",
}
"""Beginning of the attribute `agent` → the field of Vapi that holds the rest of it.

A number has one of them. One attribute for all three means that a change from an assistant to a
squad is a change of the agent, as any other.
"""


def _attributes(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the agent, the server where one is declared, and what the way of the calls needs: an
    import the SMS switch and the credentials.
    """
    squad = agent.fields.get("squad_id")
    attrs: dict[str, Value] = {
        "agent": f"squad:{squad}" if squad else agent.id,
        "provider": TWILIO if number.trunk is None else TRUNK,
    }
    if number.trunk is None:
        attrs |= {"sms_enabled": number.writes_sms, "credentials": SAME}
    if "server_url" in agent.fields:
        attrs["server_url"] = agent.fields["server_url"]
    return Registering(attrs)


def split_agent(agent: str) -> tuple[str, str]:
    """Return the field of Vapi that holds an agent, and its id there."""
    for start, key in AGENT_KEYS.items():
        if start and agent.startswith(start):
            return key, agent.removeprefix(start)
    return AGENT_KEYS[""], agent


VAPI = PlatformKind(
    type="vapi",
    model_name="Vapi",
    title="Vapi",
    summary="Vapi.",
    settings=(
        api_key("Private API key."),
        credential(""),
        PlatformField(
            name="trunk_credential",
            form="text",
            description="Id of the credential `byo-sip-trunk` at Vapi, for numbers on a declared trunk.",
            example="8f14e45f-ceea-467f-a9d5-5b6c6f1d2a11",
            default="",
        ),
        base_url("https://api.vapi.ai"),
    ),
    api_host="api.vapi.ai",
    regional_hosts=("api.eu.vapi.ai",),
    webhook_domains=("vapi.ai",),
    sip_hosts=("*.sip.vapi.ai", "*.sip.eu.vapi.ai", "sip.vapi.ai", "sip.eu.vapi.ai"),
    agent_fields=(
        PlatformField(
            name="squad_id",
            form="text",
            description="Id of a squad, in place of the id of an assistant.",
            example="3f6c1a52-8e1b-4b0f-9a77-2f6d0c1b5e90",
            instead_of_id=True,
        ),
        PlatformField(
            name="server_url",
            form="url",
            description="The URL that Vapi sends the events of the number to.",
            example="https://agents.example.com/vapi",
        ),
    ),
    can=frozenset({"list", "create", "update", "delete", "link", "verify"}),
    serves=frozenset({"number"}),
    overwrites=("voice", "sms"),
    links=("agent",),
    updates=(
        "sms_enabled",
        "credentials",
        "server_url",
        "trunk_credential",
        "termination_uri",
        "username",
        "password",
    ),
    replaces=("provider",),
    unread=("sms_enabled", "credentials", "termination_uri", "username", "password"),
    own_trunk="possible",
    trunk_settings=("trunk_credential",),
    sms_switch="sms_enabled",
    needs_login=True,
    pages=True,
    attributes=_attributes,
)
