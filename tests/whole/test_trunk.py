"""Everything that a trunk can have: made on an empty account, read back, changed field by field, removed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.support.command_runner import CommandRunner

from .openapi import DOCUMENTS, complaints

EDGE: dict[str, Any] = {
    "friendly_name": "Edge",
    "domain": "acme-edge.pstn.twilio.com",
    "secure": True,
    "cnam_lookup": True,
    "transfer_mode": "sip-only",
    "transfer_caller_id": "from-transferor",
    "disaster_recovery": {"url": "https://agents.example.com/dr", "method": "GET"},
    "recording": {"mode": "record-from-answer", "trim": "trim-silence"},
    "origination": [
        {
            "sip_url": "sip:sbc1.example.com;transport=tls",
            "priority": 10,
            "weight": 10,
            "friendly_name": "one",
        },
        {"sip_url": "sip:sbc2.example.com;transport=tls", "priority": 20, "weight": 10},
    ],
    "ip_access_control_lists": [
        {
            "name": "offices",
            "addresses": [{"cidr": "203.0.113.0/28", "name": "hq"}, {"cidr": "198.51.100.7"}],
        }
    ],
    "credential_lists": [
        {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]},
    ],
}


def edge(*path: str | int, to: object) -> dict[str, Any]:
    """The trunk with one value changed; None takes it out."""
    trunk: Any = deepcopy(EDGE)
    place = trunk
    for segment in path[:-1]:
        place = place[segment]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return {"edge": trunk}


def test_creates_everything_in_a_safe_order_and_converges(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": EDGE})
    assert [action for _, action in runner.plan()] == ["create"] * 11
    calls = runner.apply()
    assert runner.plan() == []
    assert runner.json("drift")["drifted"] == []
    assert [call for call in runner.apply() if call.is_write] == []
    made = [call.path.rsplit("/", 1)[1] for call in calls]
    assert made.index("Trunks") < made.index("OriginationUrls")
    assert made.index("IpAccessControlLists.json") < made.index("IpAccessControlLists")
    assert made.index("Trunks") < made.index("Recording")
    trunk = next(iter(runner.sandbox.world.trunks))
    assert (trunk.recording.mode, trunk.transfer_mode, trunk.cnam_lookup_enabled) == (
        "record-from-answer",
        "sip-only",
        True,
    )
    assert (len(trunk.credential_lists), len(trunk.ip_access_control_lists)) == (1, 1)


CHANGES: list[tuple[tuple[str | int, ...], object, str, dict[str, object]]] = [
    (("friendly_name",), "Other", "trunk/edge", {"friendly_name": "Other"}),
    (("domain",), "other.pstn.twilio.com", "trunk/edge", {"domain_name": "other.pstn.twilio.com"}),
    (("secure",), False, "trunk/edge", {"secure": False}),
    (("cnam_lookup",), False, "trunk/edge", {"cnam_lookup_enabled": False}),
    (("cnam_lookup",), None, "trunk/edge", {"cnam_lookup_enabled": False}),
    (("transfer_mode",), "enable-all", "trunk/edge", {"transfer_mode": "enable-all"}),
    (("transfer_mode",), None, "trunk/edge", {"transfer_mode": "disable-all"}),
    (
        ("transfer_caller_id",),
        "from-transferee",
        "trunk/edge",
        {"transfer_caller_id": "from-transferee"},
    ),
    (
        ("disaster_recovery", "url"),
        "https://agents.example.com/other",
        "trunk/edge",
        {"disaster_recovery_url": "https://agents.example.com/other"},
    ),
    (("disaster_recovery", "method"), "POST", "trunk/edge", {"disaster_recovery_method": "POST"}),
    (
        ("disaster_recovery",),
        None,
        "trunk/edge",
        {"disaster_recovery_url": None, "disaster_recovery_method": None},
    ),
    (
        ("recording", "mode"),
        "record-from-ringing",
        "recording/edge",
        {"mode": "record-from-ringing"},
    ),
    (("recording", "trim"), "do-not-trim", "recording/edge", {"trim": "do-not-trim"}),
    (
        ("origination", 0, "priority"),
        5,
        "origination_url/edge/sip:sbc1.example.com;transport=tls",
        {"priority": 5},
    ),
    (
        ("origination", 0, "weight"),
        7,
        "origination_url/edge/sip:sbc1.example.com;transport=tls",
        {"weight": 7},
    ),
    (
        ("origination", 0, "enabled"),
        False,
        "origination_url/edge/sip:sbc1.example.com;transport=tls",
        {"enabled": False},
    ),
    (
        ("origination", 0, "friendly_name"),
        "first",
        "origination_url/edge/sip:sbc1.example.com;transport=tls",
        {"friendly_name": "first"},
    ),
    (
        ("ip_access_control_lists", 0, "addresses", 0, "name"),
        "head office",
        "ip_address/offices/203.0.113.0/28",
        {"friendly_name": "head office"},
    ),
    (
        ("credential_lists", 0, "credentials", 0, "password"),
        {"env": "SECOND_PASSWORD"},
        "credential/pbx/pbx",
        {"password": "(new secret)"},
    ),
]


def test_change_of_one_field_plans_exactly_that_field(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    for path, value, address, fields in CHANGES:
        runner.declare(trunks=edge(*path, to=value))
        (action,) = runner.json("plan")["actions"]
        assert (action["address"], action["action"], action["reason"]) == (
            address,
            "update",
            "config",
        ), path
        assert {change["field"]: change["after"] for change in action["changes"]} == fields, path
        assert len(runner.apply()) == 1, path
        assert runner.plan() == [], path
        runner.declare(trunks={"edge": EDGE})
        runner.apply()
        assert runner.plan() == [], path


def test_adds_and_removes_children_of_a_trunk(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    less = deepcopy(EDGE)
    del (
        less["origination"][1],
        less["ip_access_control_lists"],
        less["credential_lists"][0]["credentials"],
    )
    runner.declare(trunks={"edge": less})
    assert sorted(runner.plan()) == [
        ("credential/pbx/pbx", "forget"),
        ("credential_list/pbx", "forget"),
        ("ip_access_control_list/offices", "delete"),
        ("ip_address/offices/198.51.100.7/32", "delete"),
        ("ip_address/offices/203.0.113.0/28", "delete"),
        ("origination_url/edge/sip:sbc2.example.com;transport=tls", "delete"),
        ("trunk_ip_access_control_list/edge/offices", "delete"),
    ], "a list that is still used, and now managed elsewhere, stays"
    runner.apply()
    assert runner.plan() == []
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    assert runner.plan() == []


def test_everything_is_removed_cleanly(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": EDGE})
    runner.apply()
    runner.declare()
    assert {action for _, action in runner.plan()} == {"delete", "forget"}
    runner.apply()
    assert runner.plan() == []
    assert list(runner.sandbox.world.trunks) == []
    assert [runner.state, runner.json("plan")["actions"]] == [{}, []]
    lists = f"/2010-04-01/Accounts/{runner.sandbox.world.account.sid}/SIP"
    assert runner.rows(f"{lists}/CredentialLists.json", "credential_lists") == []
    assert runner.rows(f"{lists}/IpAccessControlLists.json", "ip_access_control_lists") == []


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="Twilio's documents are not here")
def test_checker_reports_requests_that_violate_the_documents() -> None:
    """A checker that never complains proves nothing."""
    assert complaints("POST", "/v1/Trunks", {"FriendlyName": "x"}) == []
    assert complaints("POST", "/v1/Trunks", {"Friendly": "x"})
    assert complaints("POST", "/v1/Trunks/TK1/OriginationUrls", {"SipUrl": "sip:a.example.com"})
    assert complaints("POST", "/v1/Trunks", {"Secure": "maybe"})
    assert complaints("GET", "/v1/Nothing", {})
