"""ElevenLabs, driven with the requests of its reference; what it leaves open is in `docs/how-to/sandbox.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.platforms import elevenlabs
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

KEY = {"xi-api-key": "sk_1"}
NUMBERS, LIST = "/elevenlabs/v1/convai/phone-numbers", "/elevenlabs/v1/convai/v2/phone-numbers"
AGENT = "/elevenlabs/v1/convai/agents/agent_1"
ONE = "+15550100101"
PASSWORD = "planted-sip-password"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    branches = [
        {"id": "b_main", "agent_id": "agent_1"},
        {"id": "b_new", "agent_id": "agent_1"},
        {"id": "b_safe", "agent_id": "agent_1", "protection_status": "admin_perms_required"},
    ]
    with Sandbox(
        world(
            elevenlabs_agents=[
                {"agent_id": "agent_1", "name": "Reception"},
                {"agent_id": "agent_2"},
            ],
            elevenlabs_branches=branches,
            elevenlabs_deployments=[
                {"agent_id": "agent_1", "traffic_percentage_branch_id_map": {"b_main": 100}}
            ],
        )
    ) as sandbox:
        yield sandbox


def bring(sandbox: Sandbox, **changes: Any) -> Answer:
    body = {
        "provider": "twilio",
        "phone_number": ONE,
        "label": "Sales",
        "sid": ACCOUNT,
        "token": TOKEN,
    }
    return send(sandbox, "POST", NUMBERS, {**body, **changes}, KEY)


def row(sandbox: Sandbox, sid: str) -> Any:
    return send(sandbox, "GET", f"{NUMBERS}/{sid}", headers=KEY).json


def test_import_answers_with_the_id_and_writes_the_webhooks(sandbox: Sandbox) -> None:
    answer = bring(sandbox, agent_id="agent_1")
    assert (answer.status, list(answer.json)) == (200, ["phone_number_id"])
    shown = row(sandbox, answer.json["phone_number_id"])
    assert shown["assigned_agent"] == {
        "agent_id": "agent_1",
        "agent_name": "Reception",
        "environment": None,
        "branch_id": None,
    }
    assert {"enable_sms", "token", "sid", "region_config"}.isdisjoint(shown)
    number = sandbox.world.number(ONE)
    assert (number.voice_url, number.sms_url) == (elevenlabs.VOICE_URL, elevenlabs.SMS_URL)
    assert {"voice_url", "sms_url"} <= set(changed(told(sandbox)[-1]))


def test_messages_stay_where_they_are_without_the_flag(sandbox: Sandbox) -> None:
    sandbox.edit(ONE, {"sms_url": "https://texts.example.net/in"})
    bring(sandbox, enable_sms=False)
    assert sandbox.world.number(ONE).sms_url == "https://texts.example.net/in"


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"label": None}, 422, "label"),
        ({"token": 7}, 422, "token"),
        ({"enable_sms": "yes"}, 422, "enable_sms"),
        ({"provider": "vonage"}, 422, "provider"),
        ({"region_config": {"region_id": "ie1", "token": "t"}}, 422, "edge_location"),
        (
            {"region_config": {"region_id": "de1", "token": "t", "edge_location": "dublin"}},
            422,
            "region_id",
        ),
        ({"provider": "sip_trunk", "outbound_trunk_config": {}}, 422, "address"),
        (
            {
                "provider": "sip_trunk",
                "outbound_trunk_config": {"address": "a", "transport": "sctp"},
            },
            422,
            "transport",
        ),
        ({"agent_id": "nobody"}, 404, None),
        ({"token": "wrong"}, 400, None),
        ({"sid": OTHER_ACCOUNT, "token": "other"}, 400, None),
        ({"phone_number": "+15550100103"}, 400, None),
    ],
)
def test_refused_import_writes_nothing(
    sandbox: Sandbox, changes: dict[str, Any], status: int, where: str | None
) -> None:
    answer = bring(sandbox, **changes)
    assert answer.status == status
    if where is None:
        assert set(answer.json["detail"]) == {"status", "message"}
    else:
        [finding] = answer.json["detail"]
        assert finding["loc"][-1] == where
        assert set(finding) == {"loc", "msg", "type"}
    assert not told(sandbox)
    assert send(sandbox, "GET", LIST, headers=KEY).json["phone_numbers"] == []


def test_unknown_fields_are_dropped_silently(sandbox: Sandbox) -> None:
    sid = bring(sandbox, colour="red").json["phone_number_id"]
    place = f"{NUMBERS}/{sid}"
    changed = send(sandbox, "PATCH", place, {"colour": "red", "label": "Other", "sid": "AC9"}, KEY)
    assert (changed.status, changed.json["label"], "colour" in changed.json) == (
        200,
        "Other",
        False,
    )
    assert send(sandbox, "PATCH", place, {"agent_id": "nobody"}, KEY).status == 404
    assert send(sandbox, "PATCH", place, {"agent_id": None}, KEY).json["assigned_agent"] is None
    assert send(sandbox, "PATCH", f"{NUMBERS}/other", {}, KEY).status == 404


def test_lists_have_cursors_and_filters(sandbox: Sandbox) -> None:
    for e164 in (ONE, "+15550100102"):
        bring(sandbox, phone_number=e164)
    bring(sandbox)
    first = send(sandbox, "GET", f"{LIST}?page_size=2", headers=KEY).json
    assert (len(first["phone_numbers"]), first["has_more"]) == (2, True)
    rest = send(
        sandbox, "GET", f"{LIST}?page_size=2&cursor={first['next_cursor']}", headers=KEY
    ).json
    assert (len(rest["phone_numbers"]), rest["has_more"], rest["next_cursor"]) == (1, False, None)
    found = send(sandbox, "GET", f"{LIST}?phone_number=%2B15550100101", headers=KEY).json
    assert [row["phone_number"] for row in found["phone_numbers"]] == [ONE, ONE]


def test_deployments_divide_the_calls_of_an_agent(sandbox: Sandbox) -> None:
    def deploy(**traffic: float) -> Answer:
        requests = [
            {"branch_id": b, "deployment_strategy": {"type": "percentage", "traffic_percentage": p}}
            for b, p in traffic.items()
        ]
        body = {"deployment_request": {"requests": requests}}
        return send(sandbox, "POST", f"{AGENT}/deployments", body, KEY)

    assert deploy(b_main=60, b_new=40).json == {
        "traffic_percentage_branch_id_map": {"b_main": 60.0, "b_new": 40.0}
    }
    history = send(sandbox, "GET", f"{AGENT}/deployments?page_size=1", headers=KEY).json
    assert [row["is_active"] for row in history["results"]] == [True]
    older = send(sandbox, "GET", f"{AGENT}/deployments?page=2&page_size=1", headers=KEY).json
    assert [row["is_active"] for row in older["results"]] == [False]
    for answer, status in (
        (deploy(b_main=60), 422),
        (deploy(b_main=60, b_safe=40), 403),
        (deploy(nothing=100), 404),
        (send(sandbox, "POST", f"{AGENT}/deployments", {}, KEY), 422),
    ):
        assert answer.status == status
    branches = send(sandbox, "GET", f"{AGENT}/branches", headers=KEY).json["results"]
    assert {row["id"]: row["current_live_percentage"] for row in branches} == {
        "b_main": 60.0,
        "b_new": 40.0,
        "b_safe": 0.0,
    }


def test_no_secret_that_was_received_is_shown(sandbox: Sandbox) -> None:
    bring(sandbox)
    trunk = {"address": "a.pstn.twilio.com", "credentials": {"username": "u", "password": PASSWORD}}
    made = bring(sandbox, provider="sip_trunk", outbound_trunk_config=trunk, sid=None, token=None)
    shown = row(sandbox, made.json["phone_number_id"])["outbound_trunk"]
    assert (shown["username"], shown["has_auth_credentials"]) == ("u", True)
    everything = shown_everywhere(sandbox)
    assert TOKEN not in everything
    assert PASSWORD not in everything


def test_unknown_key_is_refused_once_a_seed_names_one() -> None:
    with Sandbox(world(platform_keys=[{"platform": "elevenlabs", "key": "sk_1"}])) as sandbox:
        assert send(sandbox, "GET", LIST, headers=KEY).status == 200
        answer = send(sandbox, "GET", LIST, headers={"xi-api-key": "sk_2"})
        assert (answer.status, answer.json["detail"]["status"]) == (401, "invalid_api_key")
