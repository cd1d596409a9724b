"""Describe Vapi: settings, possible calls, attributes of a number, the text that names its agent;
sends nothing. It imports Twilio numbers with the credentials of their account and changes them in
place.

Source: https://docs.vapi.ai/api-reference/phone-numbers
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
)
from reconciler.model.route import Value

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
    """Return the agent, the SMS switch, the credentials, and the server where one is declared."""
    squad = agent.fields.get("squad_id")
    attrs: dict[str, Value] = {
        "agent": f"squad:{squad}" if squad else agent.id,
        "provider": "twilio",
        "sms_enabled": number.writes_sms,
        "credentials": SAME,
    }
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
    settings=(api_key("Private API key."), base_url("https://api.vapi.ai")),
    api_host="api.vapi.ai",
    regional_hosts=("api.eu.vapi.ai",),
    webhook_domains=("vapi.ai",),
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
    updates=("sms_enabled", "credentials", "server_url"),
    replaces=("provider",),
    unread=("sms_enabled", "credentials"),
    sms_switch="sms_enabled",
    needs_login=True,
    pages=True,
    attributes=_attributes,
)
