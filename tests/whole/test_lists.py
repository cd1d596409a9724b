"""Lists of networks and users: shared by trunks, used where they exist already, and their passwords kept secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Drop

from .stage import Stage

PBX = {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}
OFFICES = {"name": "offices", "addresses": [{"cidr": "203.0.113.0/28", "name": "hq"}]}


def trunk(domain: str, **fields: Any) -> dict[str, Any]:
    return {"domain": f"{domain}.pstn.twilio.com", **fields}


def test_two_trunks_share_a_list_and_it_goes_with_the_last(stage: Stage) -> None:
    one = trunk("acme-one", ip_access_control_lists=[OFFICES])
    two = trunk("acme-two", ip_access_control_lists=["offices"])
    stage.declare(trunks={"one": one, "two": two})
    stage.apply()
    assert stage.plan() == []
    lists = [t.ip_access_control_lists for t in stage.sandbox.world.trunks]
    assert lists[0] == lists[1]
    assert len(lists[0]) == 1
    stage.declare(trunks={"one": one})
    assert ("ip_access_control_list/offices", "delete") not in stage.plan()
    stage.apply()
    assert stage.plan() == []
    stage.declare()
    stage.apply()
    assert stage.plan() == []
    assert stage.state == {}


def test_a_list_that_exists_is_used_by_name_or_sid_and_never_touched(stage: Stage) -> None:
    named = stage.post("/SIP/IpAccessControlLists.json", FriendlyName="old offices")["sid"]
    other = stage.post("/SIP/CredentialLists.json", FriendlyName="old users")["sid"]
    edge = trunk("acme-edge", ip_access_control_lists=["old offices"], credential_lists=[other])
    edge["ip_access_control_lists"] = [{"sid": named}]
    stage.declare(trunks={"edge": edge})
    stage.apply()
    assert stage.plan() == []
    (live,) = list(stage.sandbox.world.trunks)
    assert (live.ip_access_control_lists, live.credential_lists) == ([named], [other])
    stage.declare()
    stage.apply()
    account = f"/2010-04-01/Accounts/{stage.sandbox.world.account.sid}/SIP"
    assert [
        row["sid"] for row in stage.rows(f"{account}/CredentialLists.json", "credential_lists")
    ] == [other]
    assert list(stage.sandbox.world.trunks) == []


def test_a_list_that_is_managed_by_name_may_be_used_by_its_sid(stage: Stage) -> None:
    stage.declare(trunks={"one": trunk("acme-one", ip_access_control_lists=[OFFICES])})
    stage.apply()
    sid = stage.state["ip_access_control_list/offices"]["sid"]
    stage.declare(
        trunks={
            "one": trunk("acme-one", ip_access_control_lists=[OFFICES]),
            "two": trunk("acme-two", ip_access_control_lists=[{"sid": sid}]),
        }
    )
    stage.apply()
    assert stage.plan() == []


def test_a_list_that_nobody_has_is_an_error_before_anything_is_written(stage: Stage) -> None:
    stage.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=["nowhere"])})
    document = stage.json("plan", code=1)
    (problem,) = [d for d in document["diagnostics"] if d["code"] == "list_not_found"]
    assert "nowhere" in problem["detail"]
    assert stage.apply(code=1) == []


def test_an_existing_credential_gets_our_password_because_nobody_can_see_its_own(
    stage: Stage,
) -> None:
    sid = stage.post("/SIP/CredentialLists.json", FriendlyName="pbx")["sid"]
    stage.post(
        f"/SIP/CredentialLists/{sid}/Credentials.json", Username="pbx", Password="Some-Other-Word-9"
    )
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    actions = stage.plan()
    assert ("credential/pbx/pbx", "update") in actions
    stage.apply()
    assert stage.plan() == []


def test_a_saved_plan_carries_no_password_and_can_be_applied(stage: Stage, tmp_path: Path) -> None:
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    stage.run("plan", "--out", "saved.plan")
    assert stage.environ["PBX_PASSWORD"] not in (tmp_path / "saved.plan").read_text(
        encoding="utf-8"
    )
    stage.run("apply", "saved.plan", "--auto-approve")
    assert stage.plan() == []


def test_a_missing_password_is_named_with_its_place_and_nothing_is_written(stage: Stage) -> None:
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    document = stage.json("plan", code=1, PBX_PASSWORD="")
    (problem,) = document["diagnostics"]
    assert (problem["code"], bool(problem["line"])) == ("secret_not_found", True)
    stage.run("validate")


def test_the_password_is_nowhere_but_at_twilio(stage: Stage, tmp_path: Path) -> None:
    secret = stage.environ["PBX_PASSWORD"]
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    said = [
        stage.run("plan"),
        stage.run("plan", "--json"),
        stage.run("apply", "--auto-approve", "-v"),
    ]
    said += [
        stage.run("show", "credential/pbx/pbx"),
        stage.run("state", "show", "credential/pbx/pbx"),
    ]
    said += [
        path.read_text(encoding="utf-8", errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file()
    ]
    assert not any(secret in text for text in said)


@pytest.mark.parametrize(
    ("password", "code", "words"),
    [
        ("Qz7", "short_secret", "guessed"),
        ("Eleven-Cha1", "weak_sip_password", "fewer than 12"),
        ("No-Digits-Here", "weak_sip_password", "no digit"),
        ("NO-SMALL-LETTER-1", "weak_sip_password", "no small letter"),
        ("no-capital-letter-1", "weak_sip_password", "no capital letter"),
        ("ÄÖÜÄÖÜ-small-1é", "weak_sip_password", "no capital letter"),
    ],
)
def test_a_password_that_twilio_refuses_is_an_error_before_the_first_write(
    stage: Stage, password: str, code: str, words: str
) -> None:
    stage.environ["PBX_PASSWORD"] = password
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    for command in (("plan",), ("apply", "--auto-approve")):
        [problem] = stage.json(*command, code=1)["diagnostics"]
        assert (problem["code"], problem["line"] is not None) == (code, True)
        assert words in problem["detail"]
        assert password not in json.dumps(problem)
    assert [call for call in stage.sandbox.calls if call.is_write] == []

    # A password that follows every rule is accepted.
    twelve = trunk("acme-edge", credential_lists=[PBX])
    stage.environ["PBX_PASSWORD"] = "Twelve-Char1"
    stage.declare(trunks={"edge": twelve})
    stage.apply()
    assert stage.plan() == []


def test_a_list_said_differently_in_two_places_is_an_error(stage: Stage) -> None:
    other = {"name": "offices", "addresses": [{"cidr": "198.51.100.0/24"}]}
    stage.declare(
        trunks={
            "one": trunk("acme-one", ip_access_control_lists=[OFFICES]),
            "two": trunk("acme-two", ip_access_control_lists=[other]),
        }
    )
    document = stage.json("validate", code=3)
    assert [d["code"] for d in document["diagnostics"]] == ["conflicting_fields"]


def test_no_answer_to_a_create_makes_nothing_twice(stage: Stage) -> None:
    everything = trunk("acme-edge", ip_access_control_lists=[OFFICES], credential_lists=[PBX])
    stage.sandbox.faults.add(Drop(carried_out=True, method="POST", every=2))
    stage.declare(
        trunks={"edge": everything},
        applications={"menu": {"voice": "https://agents.example.com/menu"}},
    )
    stage.apply()
    assert stage.plan() == []
    assert len(stage.applications()) == 1
    (live,) = list(stage.sandbox.world.trunks)
    assert (len(live.ip_access_control_lists), len(live.credential_lists)) == (1, 1)


def test_a_network_that_changes_under_its_label_is_updated(stage: Stage) -> None:
    """Made beside the old one first, it would be refused: a label is taken once."""
    stage.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[OFFICES])})
    stage.apply()
    moved = {"name": "offices", "addresses": [{"cidr": "198.51.100.0/27", "name": "hq"}]}
    stage.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[moved])})
    (action,) = stage.json("plan")["actions"]
    assert (action["address"], action["action"]) == ("ip_address/offices/198.51.100.0/27", "update")
    assert {c["field"]: c["after"] for c in action["changes"]} == {
        "ip_address": "198.51.100.0",
        "cidr_prefix_length": 27,
    }
    assert len(stage.apply()) == 1
    assert stage.plan() == []
    assert "ip_address/offices/203.0.113.0/28" not in stage.state


def test_what_somebody_puts_on_a_list_that_keeps_it_is_reported_and_left_alone(
    stage: Stage,
) -> None:
    shared = {"name": "offices", "addresses": [], "unlisted": "keep"}
    stage.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[shared])})
    stage.apply()
    sid = stage.state["ip_access_control_list/offices"]["sid"]
    path = f"/SIP/IpAccessControlLists/{sid}/IpAddresses.json"
    stage.post(path, FriendlyName="theirs", IpAddress="192.0.2.7", CidrPrefixLength="32")
    document = stage.json("plan")
    (problem,) = document["diagnostics"]
    assert (problem["severity"], problem["code"]) == ("warning", "unlisted_child")
    assert "ip_address/offices/192.0.2.7/32" in problem["detail"]
    assert document["actions"] == []
    assert stage.apply() == []


def test_two_trunks_with_one_domain_cannot_be(stage: Stage) -> None:
    stage.declare(trunks={"one": trunk("acme-edge"), "two": trunk("acme-edge")})
    assert [d["code"] for d in stage.json("validate", code=3)["diagnostics"]] == ["duplicate_key"]
