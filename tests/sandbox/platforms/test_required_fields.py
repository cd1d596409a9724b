"""Answers of the platforms carry every field that their documents require."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import ACCOUNT, send, world

UUID = "aaaaaaaa-0000-4000-8000-00000000000"
NUMBER, OTHER = "+15550100101", "+15550100102"
SEED: dict[str, Any] = {
    "feather_connections": [{"id": f"{UUID}1", "account_sid": ACCOUNT}],
    "feather_assistants": [{"id": f"{UUID}2", "name": "Sales"}],
    "feather_bridge_numbers": [{"phone_e164": OTHER, "account_sid": ACCOUNT}],
    "feather_phone_numbers": [{"id": f"{UUID}3", "phone_e164": NUMBER}],
    "feather_channels": [
        {"phone_number_id": f"{UUID}3", "channel_type": "sms", "agent_id": f"{UUID}2"}
    ],
    "butter_numbers": [{"phone_number": NUMBER}],
    "nixflex_numbers": [{"phone_number": NUMBER, "account_sid": ACCOUNT}],
    "nixflex_agents": [{"agent_id": "agent_1"}],
    "dasha_providers": [{"id": f"{UUID}4", "accountSid": ACCOUNT, "name": "main"}],
    "dasha_numbers": [{"phoneNumber": NUMBER, "providerId": f"{UUID}4"}],
    "dasha_agents": [{"id": f"{UUID}5", "name": "Sales"}],
    "ravan_agents": [{"agent_name": "Sales"}],
}
HEADERS = {
    "feather": {"x-api-key": "k"},
    "butter": {"X-API-Key": "k", "X-Organization-Id": "org_1"},
    "nixflex": {"Authorization": "Bearer k:s"},
    "dasha": {"Authorization": "Bearer k"},
    "ravan": {"X-Api-Key": "k"},
}
CONNECTION = (
    "id organization_id integration_key nickname_slug nickname vendor vendor_connection_id status "
    "tools_status tools_synced_at status_reason connected_at last_refreshed_at last_used_at "
    "metadata created_at updated_at"
)
NUMBERS = "/v1/communication/phone-numbers"
CASES = [
    # Feather: `required` of the schemas in its OpenAPI document 1.90.0.
    (
        "feather",
        "/v1/identity/whoami",
        "",
        "user_id clerk_user_id role organization_id organization_name kb_clearance_level "
        "kb_acl_enabled",
    ),
    (
        "feather",
        "/v1/identity/org/bridge-numbers",
        "[]",
        "id phone_e164 twilio_sid status created_at",
    ),
    (
        "feather",
        NUMBERS,
        "[]",
        "id organization_id phone_e164 vendor vendor_mode capabilities vendor_metadata status "
        "created_at updated_at",
    ),
    (
        "feather",
        f"{NUMBERS}/{UUID}3/channels",
        "[]",
        "id phone_number_id channel_type created_at",
    ),
    ("feather", "/v1/integrations/connections", "[]", CONNECTION),
    ("feather", "/v1/assistants", "assistants", "id name created_at updated_at"),
    # Butter AI: the summary of a number and the envelope of a list.
    (
        "butter",
        "/api/phone-numbers",
        "data",
        "phone_number_id phone_number provider status supports_inbound supports_outbound "
        "assigned_agent_id created_at",
    ),
    (
        "butter",
        "/api/phone-numbers",
        "pagination",
        "next_cursor has_more page_size total_count",
    ),
    # Nixflex, Dasha BlackBox, Ravan AI: the fields of the examples.
    (
        "nixflex",
        "/v1/phone-numbers",
        "phone_numbers",
        "phone_number agent_id provider inbound_enabled outbound_enabled created_at",
    ),
    (
        "dasha",
        "/api/v1/sip-phone-numbers",
        "items",
        "id orgId phoneNumber credentialsId displayName description registration providerId "
        "incomingCallsAgentId registrationStatus",
    ),
    ("dasha", "/api/v1/sip-phone-numbers", "", "items totalCount skip take"),
    ("dasha", "/api/v1/agents", "[]", "id name"),
    ("ravan", "/api/v1/agents/", "data", "id agentName status"),
    ("ravan", "/api/v1/agents/", "meta", "total limit offset"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(world(**SEED)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("platform", "path", "place", "required"), CASES, ids=[f"{c[0]} {c[1]} {c[2]}" for c in CASES]
)
def test_an_answer_has_the_required_fields(
    sandbox: Sandbox, platform: str, path: str, place: str, required: str
) -> None:
    answer = send(sandbox, "GET", f"/{platform}{path}", headers=HEADERS[platform])
    assert answer.status == 200, answer.body
    found: Any = answer.json if place in ("", "[]") else answer.json[place]
    row = found[0] if isinstance(found, list) else found
    assert set(required.split()) <= set(row)
