"""Nixflex, driven with the requests of its documents; the ids are those of the requirements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms import nixflex
from reconciler.sandbox.platforms.twilio_client import ADDRESS
from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import (
    ACCOUNT,
    OTHER_ACCOUNT,
    TOKEN,
    changed,
    send,
    shown_everywhere,
    told,
    world,
)
from tests.support.sandbox_client import Answer

AGENT, SECOND, FOREIGN = "agent_125207e452f8714a", "agent_2", "agent_3"
KEY = {"Authorization": "Bearer nxf_1:nxfs_1"}
NUMBERS = "/nixflex/v1/phone-numbers"
ONE = NUMBERS + "/%2B15550100101"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    agents = [
        {"agent_id": AGENT},
        {"agent_id": SECOND},
        {"agent_id": FOREIGN, "organization": "somebody else"},
    ]
    with Sandbox(world(nixflex_agents=agents)) as sandbox:
        yield sandbox


def bring(sandbox: Sandbox, **changes: str) -> Answer:
    body = {
        "phone_number": "+15550100101",
        "twilio_sid": ACCOUNT,
        "twilio_token": TOKEN,
        "agent_id": AGENT,
    }
    return send(sandbox, "POST", NUMBERS, body | changes, KEY)


def test_an_import_answers_as_documented(sandbox: Sandbox) -> None:
    """NIX-1, NIX-2, NIX-8: 201, the row nested under `phone_number`, both directions enabled."""
    answer = bring(sandbox)
    assert answer.status == 201
    row = answer.json["phone_number"]
    assert {name: row[name] for name in ("phone_number", "agent_id", "twilio_number_sid")} == {
        "phone_number": "+15550100101",
        "agent_id": AGENT,
        "twilio_number_sid": sandbox.world.number("+15550100101").sid,
    }
    assert (row["inbound_enabled"], row["outbound_enabled"]) == (True, True)


def test_an_import_overwrites_all_webhooks_in_one_call(sandbox: Sandbox) -> None:
    """NIX-12, NIX-15: voice, SMS and status callbacks; Twilio tells who it was."""
    sandbox.edit("+15550100101", {"voice_fallback_url": "https://pbx.example.net/fallback"})
    bring(sandbox)
    number = sandbox.world.number("+15550100101")
    assert (number.voice_url, number.sms_url, number.status_callback) == (
        nixflex.VOICE_URL,
        nixflex.SMS_URL,
        nixflex.STATUS_URL,
    )
    assert not number.voice_fallback_url
    event = told(sandbox)[-1]
    assert (event.actor_sid, event.source, event.source_ip_address) == (ACCOUNT, "api", ADDRESS)
    assert set(changed(event)) >= {"voice_url", "sms_url", "status_callback"}


def test_names_in_camel_case_are_taken_too(sandbox: Sandbox) -> None:
    """NIX-7."""
    body = {
        "phoneNumber": "+15550100101",
        "twilioSid": ACCOUNT,
        "twilioToken": TOKEN,
        "agentId": AGENT,
    }
    assert send(sandbox, "POST", NUMBERS, body, KEY).status == 201


@pytest.mark.parametrize(
    ("changes", "status", "code", "kind"),
    [
        ({"phone_number": ""}, 400, "missing_field", "invalid_request"),
        ({"twilio_token": " "}, 400, "missing_field", "invalid_request"),
        ({"phone_number": "15550100101"}, 400, "invalid_phone_format", "invalid_request"),
        ({"twilio_sid": "AC" + "A" * 32}, 400, "invalid_twilio_sid", "invalid_request"),
        ({"twilio_token": "wrong"}, 401, "twilio_auth_failed", "authentication_error"),
        (
            {"twilio_sid": OTHER_ACCOUNT, "twilio_token": "other"},
            401,
            "twilio_invalid_credentials",
            None,
        ),
        ({"phone_number": "+15550100103"}, 404, "number_not_in_twilio", "not_found"),
        ({"agent_id": "agent_9"}, 404, "agent_not_found", "not_found"),
        ({"agent_id": FOREIGN}, 403, "agent_not_owned", "permission_error"),
    ],
)
def test_each_documented_error_has_its_condition(
    sandbox: Sandbox, changes: dict[str, str], status: int, code: str, kind: str | None
) -> None:
    """NIX-14, NIX-16 to NIX-23: nothing is touched before all checks have passed."""
    answer = bring(sandbox, **changes)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert kind in (None, answer.json["error"]["type"])
    assert set(answer.json["error"]) == {"type", "code", "message", "doc_url", "details"}
    assert not told(sandbox)
    assert send(sandbox, "GET", NUMBERS, headers=KEY).json == {"phone_numbers": [], "count": 0}


def test_a_number_moves_by_delete_and_import(sandbox: Sandbox) -> None:
    """NIX-24: under another agent it is 409; the same agent may have it again."""
    bring(sandbox)
    assert bring(sandbox).status == 201
    again = bring(sandbox, agent_id=SECOND)
    assert (again.status, again.json["error"]["code"]) == (409, "number_already_imported")
    gone = send(sandbox, "DELETE", ONE, headers=KEY)
    assert gone.json == {"phone_number": {"phone_number": "+15550100101", "deleted": True}}
    number = sandbox.world.number("+15550100101")
    assert not any((number.voice_url, number.sms_url, number.status_callback))
    assert send(sandbox, "DELETE", ONE, headers=KEY).json["error"]["code"] == "number_not_found"
    assert bring(sandbox, agent_id=SECOND).json["phone_number"]["agent_id"] == SECOND


def test_changes_one_setting_at_a_time(sandbox: Sandbox) -> None:
    bring(sandbox)
    changed = send(sandbox, "PATCH", ONE, {"custom_prompt": "Be brief.", "record_call": None}, KEY)
    assert changed.json["phone_number"]["custom_prompt"] == "Be brief."
    refused = [
        ({}, "missing_field"),
        ({"custom_prompt": "x" * 8_001}, "custom_prompt_too_long"),
        ({"voicemail_leave_enabled": True}, "voicemail_message_required"),
        ({"record_call": "yes"}, "invalid_request"),
    ]
    for body, code in refused:
        answer = send(sandbox, "PATCH", ONE, body, KEY)
        assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert send(sandbox, "PATCH", NUMBERS + "/%2B1555", {"record_call": True}, KEY).status == 404


def test_writes_only_voice_without_messages_and_nothing_on_a_suspended_account(
    sandbox: Sandbox,
) -> None:
    sandbox.world.extend(
        {"numbers": [{"phone_number": "+15550100104", "capabilities": {"sms": False}}]}
    )
    assert bring(sandbox, phone_number="+15550100104").status == 201
    number = sandbox.world.number("+15550100104")
    assert (number.voice_url, number.sms_url) == (nixflex.VOICE_URL, "")
    sandbox.world.account.status = "suspended"
    refused = send(sandbox, "DELETE", NUMBERS + "/%2B15550100104", headers=KEY)
    assert (refused.status, refused.json["error"]["type"]) == (502, "provider_error")
    assert send(sandbox, "GET", NUMBERS, headers=KEY).json["count"] == 1


def test_deleting_an_agent_leaves_its_numbers_without_an_agent(sandbox: Sandbox) -> None:
    """NIX-24: such a number may go to another agent at once."""
    made = send(sandbox, "POST", "/nixflex/v1/agents", {"name": "Night", "colour": "red"}, KEY)
    agent = f"/nixflex/v1/agents/{made.json['agent_id']}"
    assert (made.status, made.json["name"], made.json["is_active"]) == (201, "Night", True)
    changed = send(sandbox, "PUT", agent, {"system_prompt": "Be brief.", "colour": "red"}, KEY)
    assert (changed.status, changed.json["system_prompt"], "colour" in changed.json) == (
        200,
        "Be brief.",
        False,
    )
    for body, code in (
        ({"system_prompt": "x" * 16_001}, "prompt_too_long"),
        ({"name": 1}, "invalid_request"),
    ):
        assert send(sandbox, "PUT", agent, body, KEY).json["error"]["code"] == code
    bring(sandbox, agent_id=made.json["agent_id"])
    assert send(sandbox, "DELETE", agent, headers=KEY).json == {
        "agent_id": made.json["agent_id"],
        "deleted": True,
    }
    assert send(sandbox, "GET", NUMBERS, headers=KEY).json["phone_numbers"][0]["agent_id"] is None
    assert bring(sandbox, agent_id=SECOND).json["phone_number"]["agent_id"] == SECOND


def test_lists_come_newest_first_in_pages(sandbox: Sandbox) -> None:
    """NIX-26: one agent may have many numbers."""
    bring(sandbox)
    bring(sandbox, phone_number="+15550100102")

    def listed(query: str) -> list[str]:
        rows = send(sandbox, "GET", NUMBERS + query, headers=KEY).json["phone_numbers"]
        return [row["phone_number"] for row in rows]

    assert listed("") == ["+15550100102", "+15550100101"]
    assert listed("?limit=1") == ["+15550100102"]
    assert listed("?limit=1&offset=1") == ["+15550100101"]
    assert listed(f"?agent_id={SECOND}") == []
    agents = send(sandbox, "GET", "/nixflex/v1/agents", headers=KEY).json
    assert [agent["agent_id"] for agent in agents] == [SECOND, AGENT]
    assert (
        send(sandbox, "GET", f"/nixflex/v1/agents/{AGENT}", headers=KEY).json["agent_id"] == AGENT
    )
    assert send(sandbox, "GET", f"/nixflex/v1/agents/{FOREIGN}", headers=KEY).status == 404


def test_keys_need_both_parts_and_seeded_keys_identify_their_owner() -> None:
    """NIX-2, NIX-11."""
    keys = [{"platform": "nixflex", "key": "nxf_1:nxfs_1", "organization": "acme"}]
    agents = [{"agent_id": AGENT, "organization": "acme"}]
    with Sandbox(world(platform_keys=keys, nixflex_agents=agents)) as sandbox:
        assert bring(sandbox).status == 201
        for token, code in (
            ("", "invalid_api_key"),
            ("nxf_1", "key_secret_required"),
            ("a:b", "invalid_api_key"),
        ):
            answer = send(sandbox, "GET", NUMBERS, headers={"Authorization": f"Bearer {token}"})
            assert (answer.status, answer.json["error"]["code"]) == (401, code)
        assert "nxfs_1" not in send(sandbox, "GET", "/_sandbox/platforms").body.decode()


def test_never_shows_a_received_token(sandbox: Sandbox) -> None:
    """NIX-5: not in the answers, the log, the listings or a seed."""
    assert TOKEN not in bring(sandbox).body.decode()
    bring(sandbox, agent_id="agent_9")
    for body in (
        b'{"twilio_token": "planted-2"}',
        b' {"twilio_token": "planted-2"',
        b'[{"twilio_token": "planted-2"}]',
    ):
        send(
            sandbox,
            "POST",
            NUMBERS,
            body,
            {**KEY, "Content-Type": "application/x-www-form-urlencoded"},
        )
    shown = shown_everywhere(sandbox)
    assert TOKEN not in shown
    assert "planted-2" not in shown


def test_faults_have_the_form_of_nixflex(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.RateLimit(retry_after=7, times=1), f.ServerError(skip=1, times=1))
    limited = send(sandbox, "GET", NUMBERS, headers=KEY)
    assert (limited.status, limited.json["error"]["type"]) == (429, "rate_limit_error")
    assert limited.headers["Retry-After"] == "7"
    assert "Twilio-Request-Id" not in limited.headers
    failed = send(sandbox, "GET", NUMBERS, headers=KEY)
    assert (failed.status, failed.json["error"]["type"]) == (500, "server_error")
    for method, path, body, status in (
        ("GET", "/nixflex/v1/nothing", None, 404),
        ("DELETE", NUMBERS, None, 405),
        ("POST", NUMBERS, b"{", 400),
        ("POST", NUMBERS, [], 400),
    ):
        answer = send(sandbox, method, path, body, KEY)
        assert (answer.status, "error" in answer.json) == (status, True)


def test_supports_edits_and_deletes_by_hand(sandbox: Sandbox) -> None:
    bring(sandbox)
    place = "/_sandbox/platforms/nixflex_numbers"
    assert [row["phone_number"] for row in send(sandbox, "GET", place).json] == ["+15550100101"]
    assert (
        send(sandbox, "POST", place + "/+15550100101", {"agent_id": SECOND}).json["agent_id"]
        == SECOND
    )
    assert send(sandbox, "GET", NUMBERS, headers=KEY).json["phone_numbers"][0]["agent_id"] == SECOND
    for body in ({"colour": "red"}, [], {"phone_number": "+15550100109"}, {"agent_id": 1}):
        assert send(sandbox, "POST", place + "/+15550100101", body).status == 400
    assert send(sandbox, "DELETE", place + "/+15550100101").status == 200
    assert send(sandbox, "DELETE", place + "/+15550100101").status == 404
    assert sandbox.world.number("+15550100101").voice_url == nixflex.VOICE_URL
    assert send(sandbox, "GET", "/_sandbox/platforms/nothing").status == 404
