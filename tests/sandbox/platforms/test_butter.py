"""Butter AI, driven with the requests of its documents; the ids are those of the requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import (
    ACCOUNT,
    TOKEN,
    changed,
    send,
    shown_everywhere,
    told,
    world,
)
from tests.support.sandbox_client import Answer

KEY = {"X-API-Key": "butter-key", "X-Organization-Id": "org-1"}
NUMBERS, INTEGRATION = "/butter/api/phone-numbers", "intg_a1b2c3d4e5f6"
TWILIO = {
    "phone_number": "+15550100101",
    "provider": "twilio",
    "supports_inbound": True,
    "supports_outbound": True,
    "integration_id": INTEGRATION,
}
SIP = {
    "phone_number": "+15550100199",
    "provider": "sip",
    "supports_inbound": True,
    "supports_outbound": True,
    "sip_trunk_name": "my-trunk",
    "sip_server_address": "sip.example.com",
    "sip_username": "user",
    "sip_password": "planted-sip-password",
    "inbound_pin": "planted4",
    "media_encryption": "require",
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    integrations = [
        {"integration_id": INTEGRATION, "account_sid": ACCOUNT},
        {"integration_id": "intg_000000000001", "organization": "org-2"},
        {"integration_id": "intg_000000000002", "provider": "slack"},
    ]
    agents = [
        {"agent_id": "agent_1"},
        {"agent_id": "agent_2"},
        {"agent_id": "agent_3", "organization": "org-2"},
    ]
    with Sandbox(world(butter_integrations=integrations, butter_agents=agents)) as sandbox:
        yield sandbox


def bring(sandbox: Sandbox, body: object = TWILIO, headers: dict[str, str] = KEY) -> Answer:
    return send(sandbox, "POST", NUMBERS, body, headers)


def assign(sandbox: Sandbox, number: str, agent: str = "agent_1") -> Answer:
    return send(
        sandbox,
        "POST",
        f"/butter/api/agents/{agent}/assign-phone-number",
        {"phone_number_id": number},
        KEY,
    )


def test_an_import_is_free_and_touches_no_webhook(sandbox: Sandbox) -> None:
    """P001-1, P001-18, P001-19, P001-20."""
    answer = bring(sandbox).json
    assert (answer["success"], answer["message"]) == (
        True,
        "Phone number imported successfully with twilio",
    )
    data = answer["data"]
    assert re.fullmatch("phon_[a-f0-9]{12,}", data.pop("phone_number_id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data.pop("created_at"))
    data.pop("updated_at")
    assert data == {**TWILIO, "status": "free"}
    assert not told(sandbox)


def test_directions_are_off_by_default(sandbox: Sandbox) -> None:
    """P001-6, P001-7."""
    body = {name: TWILIO[name] for name in ("phone_number", "provider", "integration_id")}
    data = bring(sandbox, body).json["data"]
    assert (data["supports_inbound"], data["supports_outbound"]) == (False, False)


def test_a_number_over_sip_needs_no_twilio(sandbox: Sandbox) -> None:
    """P001-9 to P001-16."""
    answer = bring(sandbox, SIP)
    assert answer.json["message"] == "Phone number imported successfully with sip"
    assert answer.json["data"]["integration_id"] is None
    [row] = send(sandbox, "GET", "/_sandbox/platforms/butter_numbers").json
    assert (row["media_encryption"], row["sip_server_address"]) == ("require", "sip.example.com")
    assert assign(sandbox, answer.json["data"]["phone_number_id"]).status == 200
    assert not told(sandbox)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**TWILIO, "phone_number": ""}, 400),
        ({**TWILIO, "phone_number": "5551234567"}, 400),
        ({**TWILIO, "provider": "livekit"}, 400),
        ({**TWILIO, "integration_id": ""}, 400),
        ({**TWILIO, "integration_id": "intg_000000000002"}, 400),
        ({**TWILIO, "integration_id": "intg_ffffffffffff"}, 404),
        ({**TWILIO, "integration_id": "intg_000000000001"}, 403),
        ({**SIP, "sip_server_address": ""}, 400),
        ({**SIP, "inbound_pin": "123"}, 400),
        ({**SIP, "media_encryption": "allowed"}, 400),
    ],
)
def test_each_documented_error_has_its_condition(
    sandbox: Sandbox, body: object, status: int
) -> None:
    """P001-4, P001-5, P001-8, P001-13, P001-15, P001-16, P001-21 to P001-23."""
    assert bring(sandbox, body).status == status
    assert send(sandbox, "GET", NUMBERS, headers=KEY).json["data"] == []


def test_a_number_exists_once_in_the_system(sandbox: Sandbox) -> None:
    """P001-24: for another organisation too, which does not see it."""
    bring(sandbox)
    assert bring(sandbox).status == 409
    elsewhere = {**KEY, "X-Organization-Id": "org-2"}
    assert (
        bring(sandbox, {**TWILIO, "integration_id": "intg_000000000001"}, elsewhere).status == 409
    )
    assert send(sandbox, "GET", NUMBERS, headers=elsewhere).json["data"] == []


def test_assigning_sets_the_webhooks_and_unassigning_frees(sandbox: Sandbox) -> None:
    """P001-20."""
    number_id = bring(sandbox).json["data"]["phone_number_id"]
    done = assign(sandbox, number_id)
    assert (done.status, done.json["data"]["status"]) == (200, "assigned")
    number = sandbox.world.number("+15550100101")
    assert (number.voice_url or "").startswith("https://api.getbutter.ai/")
    [event] = told(sandbox)
    assert (event.actor_sid, set(changed(event))) == (ACCOUNT, {"voice_url", "status_callback"})
    listed = send(sandbox, "GET", NUMBERS + "?status=assigned", headers=KEY).json
    assert listed["data"][0]["assigned_agent_id"] == "agent_1"
    assert listed["pagination"] == {
        "next_cursor": None,
        "has_more": False,
        "page_size": 1,
        "total_count": 1,
    }
    assert [assign(sandbox, number_id, agent).status for agent in ("agent_1", "agent_2")] == [
        409,
        409,
    ]
    free = "/butter/api/agents/{}/unassign-phone-number/" + number_id
    assert send(sandbox, "POST", free.format("agent_2"), headers=KEY).status == 400
    assert (
        send(sandbox, "POST", free.format("agent_1"), headers=KEY).json["data"]["status"] == "free"
    )
    assert send(sandbox, "POST", free.format("agent_1"), headers=KEY).status == 400
    for agent, wanted, status in (
        ("agent_9", number_id, 404),
        ("agent_1", "phon_1", 404),
        ("agent_3", number_id, 403),
    ):
        assert assign(sandbox, wanted, agent).status == status


def test_assigning_needs_the_integration_and_the_number(sandbox: Sandbox) -> None:
    number_id = bring(sandbox).json["data"]["phone_number_id"]
    elsewhere = bring(sandbox, {**TWILIO, "phone_number": "+15550100103"}).json["data"][
        "phone_number_id"
    ]
    assert assign(sandbox, elsewhere).status == 400
    sandbox.world.account.status = "suspended"
    assert "20005" in assign(sandbox, number_id).json["detail"]
    sandbox.world.account.status = "active"
    assert (
        send(sandbox, "DELETE", f"/_sandbox/platforms/butter_integrations/{INTEGRATION}").status
        == 200
    )
    assert assign(sandbox, number_id).status == 400


def test_validates_an_integration_and_keeps_it_while_in_use(sandbox: Sandbox) -> None:
    """P001-8; the token goes nowhere."""
    credentials = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN}
    made = send(
        sandbox,
        "POST",
        "/butter/api/integrations",
        {"name": "main", "credentials": credentials},
        KEY,
    )
    data = made.json["data"]
    assert re.fullmatch("intg_[a-f0-9]{12}", data["integration_id"])
    assert (data["category"], data["status"], data["client_id"]) == ("telephony", "active", "org-1")
    path = f"/butter/api/integrations/{data['integration_id']}"
    number = bring(sandbox, {**TWILIO, "integration_id": data["integration_id"]})
    refused = send(sandbox, "DELETE", path, headers=KEY)
    assert refused.json == {
        "detail": "Integration is still referenced by phone numbers: ['+15550100101']. Remove or reassign them first."
    }
    gone = f"/_sandbox/platforms/butter_numbers/{number.json['data']['phone_number_id']}"
    assert send(sandbox, "DELETE", gone).status == 200
    assert send(sandbox, "DELETE", path, headers=KEY).status == 200
    for wrong in ({**credentials, "auth_token": "wrong"}, {**credentials, "provider": "x"}, "x"):
        body = {"name": "main", "credentials": wrong}
        assert send(sandbox, "POST", "/butter/api/integrations", body, KEY).status == 400
    assert (
        send(sandbox, "POST", "/butter/api/integrations", {"credentials": credentials}, KEY).status
        == 400
    )
    assert TOKEN not in shown_everywhere(sandbox)


def test_shows_no_passwords_and_pins(sandbox: Sandbox) -> None:
    """P001-12, P001-15."""
    shown = bring(sandbox, SIP).body.decode() + shown_everywhere(sandbox)
    assert "planted" not in shown.replace(TOKEN, "")


def test_requires_all_headers() -> None:
    """P001-2, P001-3: a key speaks for its own organisation."""
    keys = [{"platform": "butter", "key": "butter-key", "organization": "org-1"}]
    with Sandbox(world(platform_keys=keys)) as sandbox:
        statuses = [
            send(sandbox, "GET", NUMBERS, headers=headers).status
            for headers in (
                KEY,
                {**KEY, "X-API-Key": "other"},
                {"X-API-Key": "butter-key"},
                {**KEY, "X-Organization-Id": "org-2"},
            )
        ]
        assert statuses == [200, 401, 400, 403]
        sandbox.faults.add(f.RateLimit(times=1))
        limited = send(sandbox, "GET", NUMBERS, headers=KEY)
        assert (limited.status, "detail" in limited.json) == (429, True)
