"""Ravan AI, driven with the requests of its documents; the ids are those of the requirements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import ACCOUNT, send, told, world
from tests.support.sandbox_client import Answer

KEY = {"X-Api-Key": "ravan-key"}
ADD = "/ravan/api/v1/phone-numbers/add-twilio"
FIELDS = {
    "id",
    "telephony_id",
    "subscription_id",
    "inbound_trunk_id",
    "outbound_trunk_id",
    "number",
    "friendly_name",
    "per_minute_price_inbound",
    "per_minute_price_outbound",
    "price",
    "region",
    "iso_country",
    "is_active",
    "created_at",
    "updated_at",
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    seed = {
        "ravan_connections": [{"account_sid": ACCOUNT}],
        "ravan_agents": [{"agent_name": "A"}, {"agent_name": "B"}],
    }
    with Sandbox(world(**seed)) as sandbox:
        yield sandbox


def bring(sandbox: Sandbox, path: str = ADD, **changes: object) -> Answer:
    sid = sandbox.world.number("+15550100101").sid
    body = {
        "phone_number": "+15550100101",
        "number_sid": sid,
        "friendly_name": "Desk",
        "price": 1.15,
    }
    return send(sandbox, "POST", path, body | changes, KEY)


@pytest.mark.parametrize("path", [ADD, ADD + "/"], ids=["as documented", "with a slash"])
def test_a_number_is_added_by_its_pair(sandbox: Sandbox, path: str) -> None:
    """RAV-1, RAV-5, RAV-6, RAV-8, RAV-9, RAV-10: the price comes back as a whole number, trunks in both directions."""
    answer = bring(sandbox, path)
    data = answer.json["data"]
    assert (answer.status, answer.json["success"], set(data)) == (200, True, FIELDS)
    assert (data["number"], data["friendly_name"], data["price"], data["is_active"]) == (
        "+15550100101",
        "Desk",
        1,
        True,
    )
    assert data["inbound_trunk_id"]
    assert data["outbound_trunk_id"]
    assert not told(sandbox)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phone_number": ""}, "required"),
        ({"number_sid": ""}, "required"),
        ({"phone_number": "5551234567"}, "E.164"),
        ({"phone_number": "+15550100102"}, "SID of another phone number"),
        ({"number_sid": "PN" + "0" * 32}, "not in a connected Twilio account"),
        ({"number_sid": "+15550100101"}, "not in a connected Twilio account"),
        ({"price": "1"}, "price must be a number"),
    ],
)
def test_reports_a_failed_addition_with_success_false(
    sandbox: Sandbox, changes: dict[str, object], message: str
) -> None:
    """RAV-3, RAV-4, RAV-8, RAV-12."""
    answer = bring(sandbox, **changes)
    assert (answer.status, answer.json["success"], answer.json["data"]) == (200, False, None)
    assert message in answer.json["message"]


def test_a_number_is_added_once(sandbox: Sandbox) -> None:
    """RAV-13."""
    bring(sandbox)
    again = bring(sandbox)
    assert (again.status, again.json["success"]) == (409, False)
    assert len(send(sandbox, "GET", "/_sandbox/platforms/ravan_numbers").json) == 1


def test_adds_nothing_without_a_connected_account() -> None:
    """RAV-7."""
    with Sandbox(world()) as sandbox:
        assert bring(sandbox).json["success"] is False


def test_agents_are_listed(sandbox: Sandbox) -> None:
    page = send(sandbox, "GET", "/ravan/api/v1/agents/?limit=1&offset=1", headers=KEY).json
    assert ([agent["agentName"] for agent in page["data"]], page["meta"]["total"]) == (["B"], 2)
    one = send(sandbox, "GET", f"/ravan/api/v1/agents/{page['data'][0]['id']}/", headers=KEY).json
    assert one["data"] == page["data"][0]
    assert send(sandbox, "GET", "/ravan/api/v1/agents/x/", headers=KEY).status == 404


def test_serves_only_documented_calls(sandbox: Sandbox) -> None:
    """RAV-2, RAV-11: listing and deleting numbers are not documented, so they are not there."""
    assert send(sandbox, "POST", ADD, {}).status == 401
    for method, path in (
        ("GET", "/ravan/api/v1/phone-numbers"),
        ("DELETE", "/ravan/api/v1/phone-numbers/x"),
    ):
        answer = send(sandbox, method, path, headers=KEY)
        assert (answer.status, answer.json["success"]) == (404, False)
    sandbox.faults.add(f.ServerError(times=1))
    assert bring(sandbox).status == 500
