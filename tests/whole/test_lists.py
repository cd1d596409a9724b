"""Lists of networks and users: shared by trunks, used where they exist already, and their passwords kept secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Drop
from tests.support.command_runner import CommandRunner

PBX = {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}
OFFICES = {"name": "offices", "addresses": [{"cidr": "203.0.113.0/28", "name": "hq"}]}


def trunk(domain: str, **fields: Any) -> dict[str, Any]:
    return {"domain": f"{domain}.pstn.twilio.com", **fields}


def test_deletes_a_shared_list_with_its_last_trunk(runner: CommandRunner) -> None:
    one = trunk("acme-one", ip_access_control_lists=[OFFICES])
    two = trunk("acme-two", ip_access_control_lists=["offices"])
    runner.declare(trunks={"one": one, "two": two})
    runner.apply()
    assert runner.plan() == []
    lists = [t.ip_access_control_lists for t in runner.sandbox.world.trunks]
    assert lists[0] == lists[1]
    assert len(lists[0]) == 1
    runner.declare(trunks={"one": one})
    assert ("ip_access_control_list/offices", "delete") not in runner.plan()
    runner.apply()
    assert runner.plan() == []
    runner.declare()
    runner.apply()
    assert runner.plan() == []
    assert runner.state == {}


def test_uses_an_existing_list_by_name_or_sid_without_changing_it(runner: CommandRunner) -> None:
    named = runner.post("/SIP/IpAccessControlLists.json", FriendlyName="old offices")["sid"]
    other = runner.post("/SIP/CredentialLists.json", FriendlyName="old users")["sid"]
    edge = trunk("acme-edge", ip_access_control_lists=["old offices"], credential_lists=[other])
    edge["ip_access_control_lists"] = [{"sid": named}]
    runner.declare(trunks={"edge": edge})
    runner.apply()
    assert runner.plan() == []
    (live,) = list(runner.sandbox.world.trunks)
    assert (live.ip_access_control_lists, live.credential_lists) == ([named], [other])
    runner.declare()
    runner.apply()
    account = f"/2010-04-01/Accounts/{runner.sandbox.world.account.sid}/SIP"
    assert [
        row["sid"] for row in runner.rows(f"{account}/CredentialLists.json", "credential_lists")
    ] == [other]
    assert list(runner.sandbox.world.trunks) == []


def test_managed_list_may_be_used_by_sid(runner: CommandRunner) -> None:
    runner.declare(trunks={"one": trunk("acme-one", ip_access_control_lists=[OFFICES])})
    runner.apply()
    sid = runner.state["ip_access_control_list/offices"]["sid"]
    runner.declare(
        trunks={
            "one": trunk("acme-one", ip_access_control_lists=[OFFICES]),
            "two": trunk("acme-two", ip_access_control_lists=[{"sid": sid}]),
        }
    )
    runner.apply()
    assert runner.plan() == []


def test_missing_list_is_an_error_before_any_write(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=["nowhere"])})
    document = runner.json("plan", code=1)
    (problem,) = [d for d in document["diagnostics"] if d["code"] == "list_not_found"]
    assert "nowhere" in problem["detail"]
    assert runner.apply(code=1) == []


def test_sets_our_password_on_an_existing_credential(
    runner: CommandRunner,
) -> None:
    sid = runner.post("/SIP/CredentialLists.json", FriendlyName="pbx")["sid"]
    runner.post(
        f"/SIP/CredentialLists/{sid}/Credentials.json", Username="pbx", Password="Some-Other-Word-9"
    )
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    actions = runner.plan()
    assert ("credential/pbx/pbx", "update") in actions
    runner.apply()
    assert runner.plan() == []


def test_a_saved_plan_carries_no_password_and_can_be_applied(
    runner: CommandRunner, tmp_path: Path
) -> None:
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    runner.run("plan", "--out", "saved.plan")
    assert runner.environ["PBX_PASSWORD"] not in (tmp_path / "saved.plan").read_text(
        encoding="utf-8"
    )
    runner.run("apply", "saved.plan", "--auto-approve")
    assert runner.plan() == []


def test_names_the_position_of_a_missing_password_and_writes_nothing(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    document = runner.json("plan", code=1, PBX_PASSWORD="")
    (problem,) = document["diagnostics"]
    assert (problem["code"], bool(problem["line"])) == ("secret_not_found", True)
    runner.run("validate")


def test_stores_the_password_only_at_twilio(runner: CommandRunner, tmp_path: Path) -> None:
    secret = runner.environ["PBX_PASSWORD"]
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    said = [
        runner.run("plan"),
        runner.run("plan", "--json"),
        runner.run("apply", "--auto-approve", "-v"),
    ]
    said += [
        runner.run("show", "credential/pbx/pbx"),
        runner.run("state", "show", "credential/pbx/pbx"),
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
def test_password_that_twilio_would_refuse_is_an_error_before_any_write(
    runner: CommandRunner, password: str, code: str, words: str
) -> None:
    runner.environ["PBX_PASSWORD"] = password
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    for command in (("plan",), ("apply", "--auto-approve")):
        [problem] = runner.json(*command, code=1)["diagnostics"]
        assert (problem["code"], problem["line"] is not None) == (code, True)
        assert words in problem["detail"]
        assert password not in json.dumps(problem)
    assert [call for call in runner.sandbox.calls if call.is_write] == []

    # A password that follows every rule is accepted.
    twelve = trunk("acme-edge", credential_lists=[PBX])
    runner.environ["PBX_PASSWORD"] = "Twelve-Char1"
    runner.declare(trunks={"edge": twelve})
    runner.apply()
    assert runner.plan() == []


def test_conflicting_declarations_of_a_list_are_an_error(runner: CommandRunner) -> None:
    other = {"name": "offices", "addresses": [{"cidr": "198.51.100.0/24"}]}
    runner.declare(
        trunks={
            "one": trunk("acme-one", ip_access_control_lists=[OFFICES]),
            "two": trunk("acme-two", ip_access_control_lists=[other]),
        }
    )
    document = runner.json("validate", code=3)
    assert [d["code"] for d in document["diagnostics"]] == ["conflicting_fields"]


def test_lost_answer_to_a_create_makes_no_duplicate(runner: CommandRunner) -> None:
    everything = trunk("acme-edge", ip_access_control_lists=[OFFICES], credential_lists=[PBX])
    runner.sandbox.faults.add(Drop(carried_out=True, method="POST", every=2))
    runner.declare(
        trunks={"edge": everything},
        applications={"menu": {"voice": "https://agents.example.com/menu"}},
    )
    runner.apply()
    assert runner.plan() == []
    assert len(runner.applications()) == 1
    (live,) = list(runner.sandbox.world.trunks)
    assert (len(live.ip_access_control_lists), len(live.credential_lists)) == (1, 1)


def test_updates_a_network_that_changes_under_its_label(runner: CommandRunner) -> None:
    """Made beside the old one first, it would be refused: a label is taken once."""
    runner.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[OFFICES])})
    runner.apply()
    moved = {"name": "offices", "addresses": [{"cidr": "198.51.100.0/27", "name": "hq"}]}
    runner.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[moved])})
    (action,) = runner.json("plan")["actions"]
    assert (action["address"], action["action"]) == ("ip_address/offices/198.51.100.0/27", "update")
    assert {c["field"]: c["after"] for c in action["changes"]} == {
        "ip_address": "198.51.100.0",
        "cidr_prefix_length": 27,
    }
    assert len(runner.apply()) == 1
    assert runner.plan() == []
    assert "ip_address/offices/203.0.113.0/28" not in runner.state


def test_reports_and_keeps_foreign_entries_of_a_list(
    runner: CommandRunner,
) -> None:
    shared = {"name": "offices", "addresses": [], "unlisted": "keep"}
    runner.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[shared])})
    runner.apply()
    sid = runner.state["ip_access_control_list/offices"]["sid"]
    path = f"/SIP/IpAccessControlLists/{sid}/IpAddresses.json"
    runner.post(path, FriendlyName="theirs", IpAddress="192.0.2.7", CidrPrefixLength="32")
    document = runner.json("plan")
    (problem,) = document["diagnostics"]
    assert (problem["severity"], problem["code"]) == ("warning", "unlisted_child")
    assert "ip_address/offices/192.0.2.7/32" in problem["detail"]
    assert document["actions"] == []
    assert runner.apply() == []


def test_refuses_two_trunks_with_one_domain(runner: CommandRunner) -> None:
    runner.declare(trunks={"one": trunk("acme-edge"), "two": trunk("acme-edge")})
    assert [d["code"] for d in runner.json("validate", code=3)["diagnostics"]] == ["duplicate_key"]
