"""Answers of the platforms, also to writes and refusals, carry every field that their documents require."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import ACCOUNT, TOKEN, send, world

from .test_livekit import INBOUND, OUTBOUND, RULE, token

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
    "butter_numbers": [
        {
            "phone_number_id": "phon_a1b2c3d4e5f6",
            "phone_number": NUMBER,
            "integration_id": "intg_a1b2c3d4e5f6",
            "account_sid": ACCOUNT,
        }
    ],
    "butter_integrations": [{"integration_id": "intg_a1b2c3d4e5f6", "account_sid": ACCOUNT}],
    "butter_agents": [{"agent_id": "agent_a1b2c3d4e5f6"}],
    "nixflex_numbers": [{"phone_number": NUMBER, "account_sid": ACCOUNT}],
    "nixflex_agents": [{"agent_id": "agent_1"}],
    "dasha_providers": [{"id": f"{UUID}4", "accountSid": ACCOUNT, "name": "main"}],
    "dasha_numbers": [{"id": f"{UUID}6", "phoneNumber": NUMBER, "providerId": f"{UUID}4"}],
    "dasha_agents": [{"id": f"{UUID}5", "name": "Sales"}],
    "ravan_agents": [{"agent_name": "Sales"}],
    "ravan_connections": [{"account_sid": ACCOUNT}],
    "vapi_numbers": [{"id": f"{UUID}7", "number": NUMBER, "twilioAccountSid": ACCOUNT}],
    "livekit_inbound_trunks": [{"sip_trunk_id": "ST_1", "numbers": [NUMBER]}],
    "livekit_outbound_trunks": [
        {"sip_trunk_id": "ST_2", "numbers": [NUMBER], "address": "acme.pstn.twilio.com"}
    ],
    "livekit_dispatch_rules": [{"sip_dispatch_rule_id": "SDR_1", "rule": RULE["rule"]}],
}
HEADERS = {
    "feather": {"x-api-key": "k"},
    "butter": {"X-API-Key": "k", "X-Organization-Id": "org_1"},
    "nixflex": {"Authorization": "Bearer k:s"},
    "dasha": {"Authorization": "Bearer k"},
    "ravan": {"X-Api-Key": "k"},
    "livekit": {"Authorization": f"Bearer {token()}"},
    "vapi": {"Authorization": "Bearer k"},
}
CONNECTION = (
    "id organization_id integration_key nickname_slug nickname vendor vendor_connection_id status "
    "tools_status tools_synced_at status_reason connected_at last_refreshed_at last_used_at "
    "metadata created_at updated_at"
)
NUMBERS = "/v1/communication/phone-numbers"
VAPI_NUMBER = "provider id orgId createdAt updatedAt status number twilioAccountSid"
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
    # Vapi: the required fields of TwilioPhoneNumber in its OpenAPI document.
    ("vapi", "/phone-number", "[]", VAPI_NUMBER),
]


BRIDGE = "id phone_e164 twilio_sid status created_at"
PHONE = (
    "id organization_id phone_e164 vendor vendor_mode capabilities vendor_metadata status "
    "created_at updated_at"
)
CHANNEL = "id phone_number_id channel_type created_at"
PROVIDER = (
    "id providerType name region verificationStatus verificationDetails phoneNumberCount trunkSid "
    "terminationUri"
)
SIP_NUMBER = (
    "id orgId phoneNumber credentialsId displayName description registration providerId "
    "incomingCallsAgentId registrationStatus"
)
NIXFLEX = "phone_number agent_id twilio_number_sid inbound_enabled outbound_enabled"
PURCHASED = (
    "id telephony_id subscription_id inbound_trunk_id outbound_trunk_id number friendly_name "
    "per_minute_price_inbound per_minute_price_outbound price region iso_country is_active "
    "created_at updated_at"
)

# LiveKit: the fields of its messages; its JSON carries them also where they are empty.
_TRUNK = (
    "sip_trunk_id name metadata numbers auth_username auth_password headers headers_to_attributes "
    "attributes_to_headers include_headers media_encryption media created_at updated_at "
)
INBOUND_TRUNK = _TRUNK + (
    "allowed_addresses allowed_numbers auth_realm ringing_timeout max_call_duration krisp_enabled"
)
OUTBOUND_TRUNK = _TRUNK + "address destination_country transport from_host"
DISPATCH_RULE = (
    "sip_dispatch_rule_id rule trunk_ids hide_phone_number inbound_numbers numbers name metadata "
    "attributes room_preset room_config media krisp_enabled media_encryption created_at updated_at"
)
SIP = "/twirp/livekit.SIP"
DASHA_NUMBER = f"/api/v1/sip-phone-numbers/{UUID}6"
AGENT = {"agent_id": f"{UUID}2"}
IMPORT = {
    "phone_number": OTHER,
    "provider": "twilio",
    "supports_inbound": True,
    "supports_outbound": True,
    "integration_id": "intg_a1b2c3d4e5f6",
}
CREDENTIALS = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN}
BUTTER_AGENT = "/api/agents/agent_a1b2c3d4e5f6"
PHONE_ID = {"phone_number_id": "phon_a1b2c3d4e5f6"}
VAPI_IMPORT = {
    "provider": "twilio",
    "number": OTHER,
    "twilioAccountSid": ACCOUNT,
    "twilioAuthToken": TOKEN,
    "assistantId": f"{UUID}8",
    "smsEnabled": False,
}
WRITES: list[tuple[str, str, object, str, str]] = [
    ("feather", "POST /v1/identity/org/bridge-numbers", {"twilio_number_sid": NUMBER}, "", BRIDGE),
    (
        "feather",
        "POST /v1/identity/org/bridge-numbers/reprovision",
        None,
        "[]",
        "phone_e164 configured",
    ),
    ("feather", "GET /v1/identity/org/warm-transfer", None, "", "bridge_webhook_url"),
    (
        "feather",
        f"POST {NUMBERS}",
        {"phone_e164": OTHER, "vendor": "twilio", "vendor_mode": "byo"},
        "",
        PHONE,
    ),
    ("feather", f"PATCH {NUMBERS}/{UUID}3", {"status": "paused"}, "", PHONE),
    ("feather", f"POST {NUMBERS}/{UUID}3/restore", None, "", PHONE),
    (
        "feather",
        f"POST {NUMBERS}/{UUID}3/channels",
        {"channel_type": "inbound_call", **AGENT},
        "",
        CHANNEL,
    ),
    ("feather", f"PUT {NUMBERS}/{UUID}3/channels/sms", {"bindings": [AGENT]}, "[]", CHANNEL),
    ("butter", "POST /api/phone-numbers", IMPORT, "", "success message data"),
    (
        "butter",
        "POST /api/phone-numbers",
        IMPORT,
        "data",
        "phone_number_id phone_number provider status supports_inbound supports_outbound "
        "integration_id created_at updated_at",
    ),
    ("butter", f"POST {BUTTER_AGENT}/assign-phone-number", PHONE_ID, "", "success message data"),
    (
        "butter",
        "POST /api/integrations",
        {"name": "main", "credentials": CREDENTIALS},
        "data",
        "integration_id client_id name provider category status",
    ),
    (
        "nixflex",
        "POST /v1/phone-numbers",
        {
            "phone_number": OTHER,
            "twilio_sid": ACCOUNT,
            "twilio_token": TOKEN,
            "agent_id": "agent_1",
        },
        "phone_number",
        NIXFLEX,
    ),
    (
        "nixflex",
        f"PATCH /v1/phone-numbers/{NUMBER}",
        {"record_call": True},
        "phone_number",
        NIXFLEX,
    ),
    ("nixflex", f"DELETE /v1/phone-numbers/{NUMBER}", None, "phone_number", "phone_number deleted"),
    (
        "dasha",
        f"POST /api/v1/providers/twilio/{UUID}4/import-numbers",
        {"phoneNumberSids": ["PN" + "9" * 32]},
        "",
        "successCount failedCount errors",
    ),
    (
        "dasha",
        f"POST /api/v1/providers/twilio/{UUID}4/import-numbers",
        {"phoneNumberSids": ["PN" + "9" * 32]},
        "errors",
        "phoneNumberSid errorMessage",
    ),
    ("dasha", f"GET {DASHA_NUMBER}", None, "", SIP_NUMBER),
    (
        "dasha",
        "POST /api/v1/providers/twilio",
        {"accountSid": ACCOUNT, "authToken": TOKEN, "name": "second", "region": "us1"},
        "",
        PROVIDER,
    ),
    ("dasha", f"GET /api/v1/providers/{UUID}4", None, "", PROVIDER),
    (
        "ravan",
        "POST /api/v1/phone-numbers/add-twilio",
        {"phone_number": OTHER, "number_sid": OTHER},
        "",
        "success message data",
    ),
    (
        "ravan",
        "POST /api/v1/phone-numbers/add-twilio",
        {"phone_number": OTHER, "number_sid": OTHER},
        "data",
        PURCHASED,
    ),
    (
        "livekit",
        f"POST {SIP}/CreateSIPInboundTrunk",
        {"trunk": {**INBOUND, "numbers": [OTHER]}},
        "",
        INBOUND_TRUNK,
    ),
    ("livekit", f"POST {SIP}/CreateSIPOutboundTrunk", {"trunk": OUTBOUND}, "", OUTBOUND_TRUNK),
    (
        "livekit",
        f"POST {SIP}/CreateSIPDispatchRule",
        {"dispatch_rule": {**RULE, "numbers": [OTHER]}},
        "",
        DISPATCH_RULE,
    ),
    ("livekit", f"POST {SIP}/ListSIPInboundTrunk", {}, "items", INBOUND_TRUNK),
    ("livekit", f"POST {SIP}/ListSIPOutboundTrunk", {}, "items", OUTBOUND_TRUNK),
    ("livekit", f"POST {SIP}/ListSIPDispatchRule", {}, "items", DISPATCH_RULE),
    (
        "livekit",
        f"POST {SIP}/UpdateSIPInboundTrunk",
        {"sip_trunk_id": "ST_1", "update": {"name": "new"}},
        "",
        INBOUND_TRUNK,
    ),
    (
        "livekit",
        f"POST {SIP}/UpdateSIPOutboundTrunk",
        {"sip_trunk_id": "ST_2", "update": {"name": "new"}},
        "",
        OUTBOUND_TRUNK,
    ),
    (
        "livekit",
        f"POST {SIP}/UpdateSIPDispatchRule",
        {"sip_dispatch_rule_id": "SDR_1", "update": {"name": "new"}},
        "",
        DISPATCH_RULE,
    ),
    ("livekit", f"POST {SIP}/DeleteSIPTrunk", {"sip_trunk_id": "ST_1"}, "", INBOUND_TRUNK),
    (
        "livekit",
        f"POST {SIP}/DeleteSIPDispatchRule",
        {"sip_dispatch_rule_id": "SDR_1"},
        "",
        DISPATCH_RULE,
    ),
]
WRITES += [
    ("vapi", "POST /phone-number", VAPI_IMPORT, "", f"{VAPI_NUMBER} assistantId smsEnabled"),
    ("vapi", f"PATCH /phone-number/{UUID}7", {"provider": "twilio"}, "", VAPI_NUMBER),
    ("vapi", f"DELETE /phone-number/{UUID}7", None, "", VAPI_NUMBER),
]
REFUSALS: list[tuple[str, str, object, str, str]] = [
    ("feather", f"GET {NUMBERS}/{UUID}9", None, "", "error message"),
    ("butter", "POST /api/integrations/x", None, "", "detail"),
    (
        "nixflex",
        "DELETE /v1/phone-numbers/+15550100999",
        None,
        "error",
        "type code message doc_url details",
    ),
    (
        "dasha",
        f"GET /api/v1/sip-phone-numbers/{UUID}9",
        None,
        "",
        "type title status detail instance",
    ),
    ("ravan", f"GET /api/v1/agents/{UUID}9/", None, "", "success message"),
    ("livekit", f"POST {SIP}/DeleteSIPTrunk", {"sip_trunk_id": "ST_9"}, "", "code msg meta"),
    ("vapi", f"GET /phone-number/{UUID}9", None, "", "message statusCode"),
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


def _ask(sandbox: Sandbox, platform: str, call: str, body: object) -> Any:
    """Send one call; a number in a field for a SID stands for its SID."""
    method, _, path = call.partition(" ")
    if isinstance(body, dict):
        sids = {n: sandbox.world.number(n).sid for n in (NUMBER, OTHER)}
        body = {k: sids.get(v, v) if k.endswith("number_sid") else v for k, v in body.items()}
    path = path.replace("+", "%2B")
    return send(sandbox, method, f"/{platform}{path}", body, headers=HEADERS[platform])


def _row(answer: Any, place: str) -> Any:
    found = answer.json if place in ("", "[]") else answer.json[place]
    return found[0] if isinstance(found, list) else found


@pytest.mark.parametrize(
    ("platform", "call", "body", "place", "required"),
    WRITES,
    ids=[f"{c[0]} {c[1]} {c[3]}" for c in WRITES],
)
def test_an_answer_to_a_write_has_the_required_fields(
    platform: str, call: str, body: object, place: str, required: str
) -> None:
    with Sandbox(world(**SEED)) as sandbox:
        answer = _ask(sandbox, platform, call, body)
        assert answer.status in (200, 201), answer.body
        assert set(required.split()) - set(_row(answer, place)) == set()


@pytest.mark.parametrize(
    ("platform", "call", "body", "place", "required"), REFUSALS, ids=[c[0] for c in REFUSALS]
)
def test_a_refusal_has_the_required_fields(
    platform: str, call: str, body: object, place: str, required: str
) -> None:
    with Sandbox(world(**SEED)) as sandbox:
        answer = _ask(sandbox, platform, call, body)
        assert answer.status >= 400 or platform == "ravan", answer.body
        assert set(required.split()) - set(_row(answer, place)) == set()
