"""Feather, driven with the requests of its OpenAPI document; the ids are those of the requirements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.twilio_client import ADDRESS
from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import ACCOUNT, OTHER_ACCOUNT, changed, send, told, world
from tests.support.sandbox_client import Answer

KEY = {"x-api-key": "fth_live_1"}
BRIDGES = "/feather/v1/identity/org/bridge-numbers"
NUMBERS = "/feather/v1/communication/phone-numbers"
URL = "https://api-sandbox.featherhq.com/twilio/sandbox/bridge"
CONNECTION, AGENT = "22222222-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
SEED: dict[str, Any] = {
    "feather_connections": [{"id": CONNECTION, "account_sid": ACCOUNT}],
    "feather_assistants": [
        {"id": AGENT, "name": "Reception"},
        {"name": "Old", "archived": True},
        {"name": "Night"},
    ],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(world(**SEED)) as sandbox:
        yield sandbox


def bring(sandbox: Sandbox, name: object = "+15550100101", **more: object) -> Answer:
    return send(sandbox, "POST", BRIDGES, {"twilio_number_sid": name, **more}, KEY)


@pytest.mark.parametrize("by_sid", [True, False], ids=["SID", "E.164"])
def test_an_import_takes_a_sid_or_a_number_and_sets_the_bridge_url(
    sandbox: Sandbox, by_sid: bool
) -> None:
    """FEA-1, FEA-6, FEA-9, FEA-13: 200 with the view; the voice webhook, and nothing else, points at the bridge."""
    number = sandbox.world.number("+15550100101")
    answer = bring(sandbox, number.sid if by_sid else number.phone_number)
    assert answer.status == 200
    view = answer.json
    assert set(view) == {
        "id",
        "phone_e164",
        "twilio_sid",
        "integration_connection_id",
        "status",
        "created_at",
    }
    assert UUID(view["id"])
    assert (view["phone_e164"], view["twilio_sid"]) == (number.phone_number, number.sid)
    assert view["integration_connection_id"] == CONNECTION
    assert send(sandbox, "GET", BRIDGES, headers=KEY).json == [view]
    warm = send(sandbox, "GET", "/feather/v1/identity/org/warm-transfer", headers=KEY).json
    assert number.voice_url == warm["bridge_webhook_url"] == URL
    [event] = told(sandbox)
    assert (changed(event), event.actor_sid, event.source_ip_address) == (
        {"voice_url": URL},
        ACCOUNT,
        ADDRESS,
    )


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({}, "missing", "twilio_number_sid"),
        ({"twilio_number_sid": ""}, "string_too_short", "twilio_number_sid"),
        ({"twilio_number_sid": "x" * 65}, "string_too_long", "twilio_number_sid"),
        ({"twilio_number_sid": 1}, "string_type", "twilio_number_sid"),
        ({"twilio_number_sid": "+15550100101", "colour": "red"}, "extra_forbidden", "colour"),
        ({"twilio_number_sid": "+15550100103"}, "value_error", "twilio_number_sid"),
        ({"twilio_number_sid": "PN" + "0" * 32}, "value_error", "twilio_number_sid"),
        (
            {"twilio_number_sid": "+15550100101", "integration_connection_id": AGENT},
            "value_error",
            None,
        ),
    ],
)
def test_invalid_import_is_a_validation_error(
    sandbox: Sandbox, body: object, kind: str, field: str | None
) -> None:
    """FEA-4, FEA-5, FEA-11: 422 with `detail[]` of loc, msg and type."""
    answer = send(sandbox, "POST", BRIDGES, body, KEY)
    [detail] = answer.json["detail"]
    assert (answer.status, detail["type"]) == (422, kind)
    assert field in (None, detail["loc"][-1])
    assert not told(sandbox)


def test_refuses_an_import_without_a_twilio_integration() -> None:
    """FEA-8."""
    with Sandbox(world()) as sandbox:
        assert bring(sandbox).status == 422
        warm = send(sandbox, "GET", "/feather/v1/identity/org/warm-transfer", headers=KEY).json
        assert warm == {"bridge_webhook_url": None}


def test_requires_a_choice_between_several_integrations() -> None:
    """FEA-14."""
    second = {"id": AGENT, "account_sid": OTHER_ACCOUNT}
    with Sandbox(world(feather_connections=[*SEED["feather_connections"], second])) as sandbox:
        assert bring(sandbox).status == 422
        assert bring(sandbox, integration_connection_id=CONNECTION).status == 200
        elsewhere = sandbox.world.accounts.get(OTHER_ACCOUNT)
        assert elsewhere is not None
        assert bring(sandbox, "+15550100103", integration_connection_id=AGENT).status == 422, (
            "it is suspended"
        )
        elsewhere.status = "active"
        second_one = bring(sandbox, "+15550100103", integration_connection_id=AGENT).json
        assert second_one["integration_connection_id"] == AGENT
        elsewhere.status = "suspended"
        results = send(sandbox, "POST", BRIDGES + "/reprovision", headers=KEY).json
        assert [result["configured"] for result in results] == [True, False]


def test_reprovisioning_heals_and_deleting_clears_the_webhook(sandbox: Sandbox) -> None:
    """FEA-13, FEA-15: importing again gives the same row."""
    view = bring(sandbox).json
    assert bring(sandbox).json == view
    bring(sandbox, "+15550100102")
    sandbox.edit("+15550100101", {"voice_url": "https://pbx.example.net/voice"})
    sandbox.world.numbers.remove(sandbox.world.number("+15550100102"))
    results = send(sandbox, "POST", BRIDGES + "/reprovision", headers=KEY).json
    assert [(result["phone_e164"], result["configured"]) for result in results] == [
        ("+15550100101", True),
        ("+15550100102", False),
    ]
    assert sandbox.world.number("+15550100101").voice_url == URL
    assert send(sandbox, "DELETE", f"{BRIDGES}/{view['id']}", headers=KEY).status == 200
    assert not sandbox.world.number("+15550100101").voice_url
    assert send(sandbox, "DELETE", f"{BRIDGES}/{view['id']}", headers=KEY).status == 404


def test_requires_the_key_in_its_own_header() -> None:
    """FEA-3: never Bearer."""
    keys = [{"platform": "feather", "key": "fth_live_1", "organization": "org-1"}]
    with Sandbox(world(platform_keys=keys, **SEED)) as sandbox:
        for headers in ({}, {"Authorization": "Bearer fth_live_1"}, {"x-api-key": "fth_live_2"}):
            refused = send(sandbox, "GET", BRIDGES, headers=headers)
            assert (refused.status, refused.json["error"]) == (401, "unauthorized")
        who = send(sandbox, "GET", "/feather/v1/identity/whoami", headers=KEY).json
        assert who["organization_name"] == "org-1"
        bring(sandbox)
        assert sandbox.world.number("+15550100101").voice_url == URL.replace(
            "sandbox/bridge", "org-1/bridge"
        )


def test_a_phone_number_is_retired_and_restored(sandbox: Sandbox) -> None:
    body = {
        "phone_e164": "+15550100101",
        "vendor": "twilio",
        "vendor_mode": "byo",
        "capabilities": ["voice"],
    }
    made = send(sandbox, "POST", NUMBERS, body, KEY)
    assert (made.status, made.json["status"]) == (201, "active")
    one = f"{NUMBERS}/{made.json['id']}"
    assert send(sandbox, "POST", NUMBERS, body, KEY).status == 400
    assert send(sandbox, "POST", NUMBERS, {**body, "phone_e164": "+15550100103"}, KEY).status == 400
    for wrong in (
        {"vendor": "other"},
        {"phone_e164": "1"},
        {"capabilities": ["fax"]},
        {"colour": "red"},
    ):
        assert send(sandbox, "POST", NUMBERS, {**body, **wrong}, KEY).status == 422
    assert (
        send(sandbox, "PATCH", one, {"status": "paused", "vendor_metadata": {"a": 1}}, KEY).json[
            "status"
        ]
        == "paused"
    )
    assert send(sandbox, "PATCH", one, {"status": "gone"}, KEY).status == 422
    assert send(sandbox, "DELETE", one + "?force=true", headers=KEY).status == 403
    assert send(sandbox, "DELETE", one, headers=KEY).status == 204
    assert [
        row["id"] for row in send(sandbox, "GET", NUMBERS + "?status=retired", headers=KEY).json
    ] == [made.json["id"]]
    assert send(sandbox, "GET", NUMBERS + "?capability=sms", headers=KEY).json == []
    assert send(sandbox, "POST", one + "/restore", headers=KEY).json["status"] == "active"
    assert send(sandbox, "GET", one, headers=KEY).json["status"] == "active"
    assert not told(sandbox)


def test_channels_are_replaced_as_a_set(sandbox: Sandbox) -> None:
    body = {"phone_e164": "+15550100101", "vendor": "twilio", "vendor_mode": "platform"}
    channels = f"{NUMBERS}/{send(sandbox, 'POST', NUMBERS, body, KEY).json['id']}/channels"
    added = send(sandbox, "POST", channels, {"channel_type": "sms", "agent_id": AGENT}, KEY)
    assert (added.status, added.json["agent_id"]) == (201, AGENT)
    bindings = {"bindings": [{"agent_id": AGENT}, {"team_id": "team", "team_revision_id": "r1"}]}
    replaced = send(sandbox, "PUT", channels + "/inbound_call", bindings, KEY).json
    assert [row["revision_state"] for row in replaced] == ["legacy_unpinned", "pinned_current"]
    assert len(send(sandbox, "GET", channels, headers=KEY).json) == 3
    assert (
        send(
            sandbox,
            "PUT",
            channels + "/inbound_call",
            {"bindings": [{"agent_id": CONNECTION}]},
            KEY,
        ).status
        == 404
    )
    assert send(sandbox, "PUT", channels + "/inbound_call", {"bindings": [{}]}, KEY).status == 422
    assert len(send(sandbox, "GET", channels, headers=KEY).json) == 3
    assert send(sandbox, "PUT", channels + "/inbound_call", {"bindings": []}, KEY).json == []
    assert send(sandbox, "PUT", channels + "/fax", {"bindings": []}, KEY).status == 422
    assert send(sandbox, "DELETE", f"{channels}/{added.json['id']}", headers=KEY).status == 204
    assert send(sandbox, "DELETE", f"{channels}/{added.json['id']}", headers=KEY).status == 404


def test_assistants_and_connections_are_listed(sandbox: Sandbox) -> None:
    def names(query: str) -> list[str]:
        page = send(sandbox, "GET", "/feather/v1/assistants" + query, headers=KEY).json
        return [assistant["name"] for assistant in page["assistants"]]

    first = send(sandbox, "GET", "/feather/v1/assistants?limit=1", headers=KEY).json
    assert (first["has_more"], names(f"?limit=1&cursor={first['next_cursor']}")) == (
        True,
        ["Night"],
    )
    assert (names("?include_archived=true"), names("?search=recep")) == (
        ["Reception", "Old", "Night"],
        ["Reception"],
    )
    [connection] = send(sandbox, "GET", "/feather/v1/integrations/connections", headers=KEY).json
    assert (connection["integration_key"], connection["id"]) == ("twilio", CONNECTION)
    path = f"/feather/v1/integrations/connections/{CONNECTION}"
    assert send(sandbox, "GET", path, headers=KEY).json == connection
    assert send(sandbox, "DELETE", path, headers=KEY).status == 204
    assert bring(sandbox).status == 422


def test_faults_have_the_form_of_feather(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.RateLimit(times=1))
    assert send(sandbox, "GET", BRIDGES, headers=KEY).json["error"] == "rate_limited"
    assert send(sandbox, "POST", BRIDGES, b"{", KEY).json["detail"][0]["type"] == "json_invalid"
    assert send(sandbox, "GET", "/feather/v1/nothing", headers=KEY).json["error"] == "not_found"
