"""Dasha BlackBox, driven with the requests of its documents; the ids are those of the requirements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio import sip_lists
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

KEY = {"Authorization": "Bearer dasha-token"}
API = "/dasha/api/v1"
AGENT, SECOND = "0d3c2b1a-0000-4000-8000-000000000001", "0d3c2b1a-0000-4000-8000-000000000002"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    agents = [{"id": AGENT, "name": "Reception"}, {"id": SECOND, "name": "Night"}]
    with Sandbox(world(dasha_agents=agents)) as sandbox:
        yield sandbox


def provider_of(sandbox: Sandbox) -> Any:
    body = {"accountSid": ACCOUNT, "authToken": TOKEN, "name": "main", "region": "us1"}
    answer = send(sandbox, "POST", f"{API}/providers/twilio", body, KEY)
    assert answer.status == 200, answer.body
    return answer.json


def bring(sandbox: Sandbox, provider: Any, *sids: str) -> Any:
    path = f"{API}/providers/twilio/{provider['id']}/import-numbers"
    answer = send(sandbox, "POST", path, {"phoneNumberSids": sids}, KEY)
    assert answer.status == 200
    return answer.json


def records(sandbox: Sandbox, query: str = "") -> Any:
    return send(sandbox, "GET", f"{API}/sip-phone-numbers{query}", headers=KEY).json


def test_a_provider_is_a_trunk_with_a_credential_list_on_twilio(sandbox: Sandbox) -> None:
    """DAS-15: trunk and termination URI, credential list, generated user; the token is never returned."""
    provider = provider_of(sandbox)
    trunk = sandbox.world.trunks.get(provider["trunkSid"])
    assert trunk is not None
    assert (trunk.domain_name, trunk.account_sid) == (provider["terminationUri"], ACCOUNT)
    [sip_list] = sandbox.world.table(sip_lists.CREDENTIAL_LISTS)
    assert trunk.credential_lists == [sip_list.sid]
    assert (provider["verificationStatus"], provider["phoneNumberCount"]) == ("verified", 0)
    assert [event.event_type for event in told(sandbox)] == ["sip-credential-list.created"]
    [credential] = send(sandbox, "GET", f"{API}/sip-credentials", headers=KEY).json["items"]
    assert (credential["source"], credential["server"]) == ("provider", provider["terminationUri"])
    assert (
        send(sandbox, "DELETE", f"{API}/sip-credentials/{credential['id']}", headers=KEY).status
        == 409
    )
    one = f"{API}/sip-credentials/{credential['id']}"
    assert send(sandbox, "GET", one, headers=KEY).json == credential
    assert (
        send(
            sandbox, "POST", f"{API}/sip-credentials", {"server": "a", "transport": "x"}, KEY
        ).status
        == 400
    )
    for path in (f"{API}/providers/{provider['id']}", f"{API}/providers/twilio/{provider['id']}"):
        assert send(sandbox, "GET", path, headers=KEY).json == provider
    shown = shown_everywhere(sandbox)
    assert TOKEN not in shown
    assert credential["authPassword"] not in shown


def test_import_attaches_and_continues_after_a_failure(sandbox: Sandbox) -> None:
    """DAS-3 to DAS-13: partial success is 200 with the failures in the body."""
    provider, number = provider_of(sandbox), sandbox.world.number("+15550100101")
    other, foreign = sandbox.world.number("+15550100102"), sandbox.world.number("+15550100103")
    sandbox.faults.add(f.RefuseAttachment(numbers=(other.phone_number,)))
    result = bring(
        sandbox, provider, "PN" + "0" * 32, number.sid, other.sid, foreign.sid, number.sid.upper()
    )
    assert (result["successCount"], result["failedCount"]) == (1, 4)
    assert [error["phoneNumberSid"] for error in result["errors"]] == [
        "PN" + "0" * 32,
        other.sid,
        foreign.sid,
        number.sid.upper(),
    ]
    assert [error["errorMessage"].partition(":")[0] for error in result["errors"]] == [
        "Not found",
        "Trunk attachment failed",
        "Not found",
        "Not found",
    ]
    assert number.trunk_sid == provider["trunkSid"]
    assert changed(told(sandbox)[-1])["trunk_sid"] == provider["trunkSid"]
    again = bring(sandbox, provider, number.sid)
    assert again["errors"][0]["errorMessage"].startswith("Already imported")
    assert records(sandbox)["items"][0]["phoneNumber"] == number.phone_number
    sandbox.faults.clear()
    assert bring(sandbox, provider, other.sid) == {
        "successCount": 1,
        "failedCount": 0,
        "errors": [],
    }
    path = f"{API}/providers/twilio/{provider['id']}/import-numbers"
    for body in ({}, {"phoneNumberSids": "PN1"}, {"phoneNumberSids": [1]}):
        assert send(sandbox, "POST", path, body, KEY).status == 400


def test_attaching_fails_without_the_trunk_or_the_token(sandbox: Sandbox) -> None:
    """DAS-13, DAS-17: verify sees both."""
    provider, number = provider_of(sandbox), sandbox.world.number("+15550100101")
    verify = f"{API}/providers/{provider['id']}/verify"
    bring(sandbox, provider, number.sid)
    assert send(sandbox, "POST", verify, headers=KEY).json["verificationStatus"] == "verified"
    sandbox.edit(number.sid, {"trunk_sid": None})
    warning = send(sandbox, "POST", verify, headers=KEY).json
    assert (warning["verificationStatus"], len(warning["verificationDetails"])) == ("warning", 1)
    sandbox.world.account.auth_token = "rotated"
    assert bring(sandbox, provider, sandbox.world.number("+15550100102").sid)["failedCount"] == 1
    assert send(sandbox, "POST", verify, headers=KEY).json["verificationStatus"] == "failed"
    token = f"{API}/providers/twilio/{provider['id']}/auth-token"
    assert send(sandbox, "PATCH", token, {"authToken": TOKEN}, KEY).status == 400
    assert send(sandbox, "PATCH", token, {"authToken": "rotated"}, KEY).status == 200
    trunk = sandbox.world.trunks.get(provider["trunkSid"])
    assert trunk is not None
    sandbox.world.trunks.remove(trunk)
    result = bring(sandbox, provider, sandbox.world.number("+15550100102").sid)
    assert result["errors"][0]["errorMessage"].startswith("Trunk attachment failed")
    assert send(sandbox, "POST", verify, headers=KEY).json["verificationStatus"] == "failed"


def test_a_number_has_one_agent_inbound_and_may_serve_many_outbound(sandbox: Sandbox) -> None:
    """DAS-14: two independent directions; a link replaces an earlier one silently."""
    provider = provider_of(sandbox)
    bring(sandbox, provider, sandbox.world.number("+15550100101").sid)
    [record] = records(sandbox)["items"]
    link = f"{API}/sip-phone-numbers/{record['id']}/agent-link"
    assert send(sandbox, "PUT", f"{link}?agentId={AGENT}", headers=KEY).status == 204
    assert send(sandbox, "PUT", f"{link}?agentId={SECOND}&mode=inbound", headers=KEY).status == 204
    assert (
        send(sandbox, "PUT", f"{link}?agentId={SECOND}&mode=replaceOutbound", headers=KEY).status
        == 204
    )
    assert records(sandbox, f"?linkedAgentId={SECOND}")["totalCount"] == 1
    assert records(sandbox, "?unlinkedOnly=true")["totalCount"] == 0
    users = send(
        sandbox, "GET", f"{API}/sip-phone-numbers/{record['id']}/affected-agents", headers=KEY
    ).json
    assert users == [{"agentId": SECOND, "agentName": "Night", "uses": ["inbound", "outbound"]}]
    assert send(sandbox, "DELETE", f"{link}?mode=replaceOutbound", headers=KEY).status == 400
    assert (
        send(sandbox, "DELETE", f"{link}?mode=replaceOutbound&agentId={SECOND}", headers=KEY).status
        == 204
    )
    assert send(sandbox, "DELETE", link, headers=KEY).status == 204
    assert records(sandbox, "?unlinkedOnly=true")["totalCount"] == 1
    for query, status in (("", 400), ("?agentId=x", 404), (f"?agentId={AGENT}&mode=both", 400)):
        assert send(sandbox, "PUT", link + query, headers=KEY).status == status


def test_an_inbound_link_is_unique_in_the_whole_world(sandbox: Sandbox) -> None:
    credential = send(
        sandbox, "POST", f"{API}/sip-credentials", {"server": "sip.example.com"}, KEY
    ).json
    body = {"phoneNumber": "+15550100101", "credentialsId": credential["id"]}
    manual = send(sandbox, "POST", f"{API}/sip-phone-numbers", body, KEY).json
    again = send(
        sandbox, "POST", f"{API}/sip-phone-numbers", {**body, "displayName": "Desk"}, KEY
    ).json
    assert (again["id"], again["displayName"], manual["providerId"]) == (manual["id"], "Desk", None)
    bring(sandbox, provider_of(sandbox), sandbox.world.number("+15550100101").sid)
    first, second = records(sandbox, "?phoneNumber=%2B15550100101")["items"]
    path = f"{API}/sip-phone-numbers"
    assert (
        send(sandbox, "PUT", f"{path}/{first['id']}/agent-link?agentId={AGENT}", headers=KEY).status
        == 204
    )
    assert (
        send(
            sandbox, "PUT", f"{path}/{second['id']}/agent-link?agentId={AGENT}", headers=KEY
        ).status
        == 409
    )
    assert (
        send(sandbox, "DELETE", f"{API}/sip-credentials/{credential['id']}", headers=KEY).status
        == 409
    )
    assert (
        send(
            sandbox, "DELETE", f"{API}/sip-credentials/{credential['id']}?force=true", headers=KEY
        ).status
        == 204
    )
    assert records(sandbox)["totalCount"] == 1


def test_removing_detaches_and_asks_for_force_while_an_agent_is_linked(sandbox: Sandbox) -> None:
    """DAS-16: 409 with the affected agents; the number stays on Twilio."""
    provider, number = provider_of(sandbox), sandbox.world.number("+15550100101")
    bring(sandbox, provider, number.sid)
    [record] = records(sandbox)["items"]
    send(
        sandbox,
        "PUT",
        f"{API}/sip-phone-numbers/{record['id']}/agent-link?agentId={AGENT}",
        headers=KEY,
    )
    path = f"{API}/providers/twilio/{provider['id']}/phone-numbers/{record['id']}"
    refused = send(sandbox, "DELETE", path, headers=KEY)
    assert (refused.status, refused.json["affectedAgents"][0]["agentId"]) == (409, AGENT)
    assert number.trunk_sid == provider["trunkSid"]
    sandbox.world.account.status = "suspended"
    assert send(sandbox, "DELETE", path + "?force=true", headers=KEY).status == 502
    assert records(sandbox)["totalCount"] == 1
    sandbox.world.account.status = "active"
    assert send(sandbox, "DELETE", path + "?force=true", headers=KEY).status == 204
    assert (sandbox.world.number(number.sid).trunk_sid, records(sandbox)["totalCount"]) == (None, 0)
    assert send(sandbox, "DELETE", path, headers=KEY).status == 404


def test_patches_a_provider_and_deletes_its_number(sandbox: Sandbox) -> None:
    provider = provider_of(sandbox)
    path = f"{API}/providers/twilio/{provider['id']}"
    changed = send(sandbox, "PUT", path, {"region": "ie1", "supportsCallTransfer": True}, KEY).json
    assert changed == {**provider, "region": "ie1", "supportsCallTransfer": True}
    bring(sandbox, provider, sandbox.world.number("+15550100101").sid)
    [record] = records(sandbox)["items"]
    other = provider_of(sandbox)
    elsewhere = f"{API}/providers/twilio/{other['id']}/phone-numbers/{record['id']}"
    assert send(sandbox, "DELETE", elsewhere, headers=KEY).status == 404
    link = f"{API}/sip-phone-numbers/{record['id']}/agent-link?mode=replaceOutbound&agentId={AGENT}"
    assert send(sandbox, "PUT", link, headers=KEY).status == 204
    one = f"{API}/sip-phone-numbers/{record['id']}"
    assert send(sandbox, "DELETE", one, headers=KEY).status == 409
    assert send(sandbox, "DELETE", one + "?force=true", headers=KEY).status == 204
    assert send(sandbox, "GET", one, headers=KEY).status == 404
    wrong = {"phoneNumber": "1", "credentialsId": "x"}
    assert send(sandbox, "POST", f"{API}/sip-phone-numbers", wrong, KEY).status == 400
    sandbox.world.account.status = "suspended"
    result = bring(sandbox, provider, sandbox.world.number("+15550100102").sid)
    assert result["errors"][0]["errorMessage"].startswith("Trunk attachment failed")


def test_a_deleted_provider_takes_everything_along(sandbox: Sandbox) -> None:
    provider, number = provider_of(sandbox), sandbox.world.number("+15550100101")
    bring(sandbox, provider, number.sid)
    assert send(sandbox, "DELETE", f"{API}/providers/{provider['id']}", headers=KEY).status == 204
    assert (number.trunk_sid, len(sandbox.world.trunks), records(sandbox)["totalCount"]) == (
        None,
        0,
        0,
    )
    assert not len(sandbox.world.table(sip_lists.CREDENTIAL_LISTS))
    assert send(sandbox, "GET", f"{API}/providers/{provider['id']}", headers=KEY).status == 404


def test_pages_are_cut_with_skip_and_take(sandbox: Sandbox) -> None:
    provider = provider_of(sandbox)
    bring(
        sandbox,
        provider,
        *(number.sid for number in sandbox.world.numbers if number.account_sid == ACCOUNT),
    )
    first, second = (records(sandbox, f"?take=1&skip={skip}") for skip in (0, 1))
    assert (first["totalCount"], first["skip"], first["take"], len(first["items"])) == (2, 0, 1, 1)
    assert first["items"] != second["items"]
    assert records(sandbox, f"?providerId={provider['id']}&take=5000")["take"] == 1_000
    record = first["items"][0]
    assert (
        send(sandbox, "GET", f"{API}/sip-phone-numbers/{record['id']}", headers=KEY).json == record
    )


def test_errors_are_problems(sandbox: Sandbox) -> None:
    refused = send(sandbox, "GET", f"{API}/agents")
    assert (refused.status, refused.json["title"]) == (401, "Unauthorized")
    assert set(refused.json) == {"type", "title", "status", "detail", "instance"}
    body = {"accountSid": OTHER_ACCOUNT, "authToken": "wrong", "name": "x"}
    assert send(sandbox, "POST", f"{API}/providers/twilio", body, KEY).status == 400
    assert send(sandbox, "POST", f"{API}/providers/twilio", {}, KEY).status == 400
    sandbox.faults.add(f.RateLimit(times=1))
    assert send(sandbox, "GET", f"{API}/agents", headers=KEY).json["title"] == "Too Many Requests"
    assert [agent["name"] for agent in send(sandbox, "GET", f"{API}/agents", headers=KEY).json] == [
        "Reception",
        "Night",
    ]
    assert (
        send(sandbox, "PUT", f"{API}/agents/{AGENT}", {"isEnabled": False}, KEY).json["isEnabled"]
        is False
    )
    assert send(sandbox, "PUT", f"{API}/agents/{AGENT}", {}, KEY).status == 400


def test_seeded_provider_gets_a_trunk_and_survives_a_save() -> None:
    provider = {"id": "11111111-0000-4000-8000-000000000000", "accountSid": ACCOUNT, "name": "main"}
    with Sandbox(world(dasha_providers=[provider])) as sandbox:
        shown = send(sandbox, "GET", f"{API}/providers/{provider['id']}", headers=KEY).json
        assert sandbox.world.trunks.get(shown["trunkSid"]) is not None
        bring(sandbox, provider, sandbox.world.number("+15550100101").sid)
        seed = send(sandbox, "GET", "/_sandbox/world").json
        assert send(sandbox, "PUT", "/_sandbox/world", seed).status == 200
        assert send(sandbox, "GET", f"{API}/providers/{provider['id']}", headers=KEY).json == {
            **shown,
            "phoneNumberCount": 1,
        }
        assert (
            bring(sandbox, provider, sandbox.world.number("+15550100102").sid)["successCount"] == 1
        )
