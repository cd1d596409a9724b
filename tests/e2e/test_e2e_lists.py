"""Trunks with lists, against a server with other manners: what is shared, what is refused, what is secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.http_server import Call
from tests.support.processes.independent_twilio_with_lists import IndependentTwilioWithLists
from tests.support.processes.process_runner import AC, ProcessRunner, actions

PASSWORD, NEXT = "Correct-Horse-1", "Battery-Staple-2"
OTHER, OTHER_TOKEN = "AC" + "0b" * 16, "pl4nted:t/oken+of=other"
NETWORKS = [{"cidr": "203.0.113.0/28", "name": "hq"}, {"cidr": "198.51.100.7"}]
OFFICES = {"name": "offices", "addresses": NETWORKS}
PBX = {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX"}}]}


@pytest.fixture
def twilio() -> Iterator[IndependentTwilioWithLists]:
    with IndependentTwilioWithLists() as twilio:
        yield twilio
    assert not twilio.failures, twilio.failures[0]


@pytest.fixture
def runner(twilio: IndependentTwilioWithLists, tmp_path: Path) -> ProcessRunner:
    runner = ProcessRunner(tmp_path / "work", twilio)
    runner.environ["PBX"] = PASSWORD
    runner.plant("pbx", PASSWORD)
    runner.plant("pbx", NEXT)
    return runner


def trunk(domain: str, **fields: Any) -> dict[str, Any]:
    return {
        "domain": f"{domain}.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sbc1.example.com"}],
        **fields,
    }


def edge(**fields: Any) -> dict[str, Any]:
    lists = {"ip_access_control_lists": [OFFICES], "credential_lists": [PBX]}
    return {
        "edge": trunk("acme-edge", recording={"mode": "record-from-answer"}, **(lists | fields))
    }


def two_accounts(runner: ProcessRunner, twilio: IndependentTwilioWithLists) -> dict[str, Any]:
    twilio.add_account(OTHER, **{OTHER: OTHER_TOKEN})
    runner.environ["OTHER_TOKEN"] = OTHER_TOKEN
    runner.plant(OTHER, OTHER_TOKEN)
    main = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": twilio.url}
    return {"main": main, "other": {**main, "sid": OTHER, "auth_token": {"env": "OTHER_TOKEN"}}}


def test_creates_recognises_and_removes_everything_of_a_trunk(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    runner.declare()
    document = runner.apply()
    assert document["failed_count"] == 0
    left = [twilio.trunks, twilio.lists, twilio.items, twilio.uses]
    assert not any(left)


def test_list_used_by_a_foreign_trunk_keeps_its_entries(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    theirs = twilio.add_trunk(AC, friendly_name="somebody's")
    sids = {row["friendly_name"]: sid for sid, row in twilio.lists.items()}
    twilio.uses |= {(theirs, sid) for sid in sids.values()}
    runner.declare(trunks=edge(ip_access_control_lists=[]))
    notes = {
        a["address"]: a.get("note") for a in runner.plan()["actions"] if a["action"] == "forget"
    }
    assert notes["ip_access_control_list/offices"] == f"still in use on Twilio, by {theirs}"
    runner.apply()
    runner.declare()
    runner.apply()
    assert [row["username"] for row in twilio.items.values() if "username" in row] == ["pbx"]
    assert len(twilio.items) == 3
    assert twilio.uses == {(theirs, sid) for sid in sids.values()}
    runner.settled()


def test_refuses_to_delete_a_list_that_something_invisible_uses(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    """This server knows no SIP domains: nobody can say beforehand whether one uses the list."""
    runner.declare(trunks=edge())
    runner.apply()
    twilio.mapped |= set(twilio.lists)
    runner.declare()
    assert [d["code"] for d in runner.plan()["diagnostics"]] == ["sip_domains_unreadable"]
    done = runner.run("apply", "--auto-approve", "--json", code=5)
    failed = {error["address"]: error["code"] for error in done.json["errors"]}
    assert (
        failed["ip_access_control_list/offices"] == failed["credential_list/pbx"] == "list_in_use"
    )
    assert len(twilio.items) == 3
    twilio.mapped.clear()
    runner.apply()
    assert (twilio.lists, twilio.items) == ({}, {})
    runner.settled()


def test_refuses_one_list_name_in_two_accounts_and_explains_the_fix(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    accounts = two_accounts(runner, twilio)
    theirs = twilio.add_list(OTHER, "IpAccessControlLists", "offices")
    one = trunk("acme-one", account="main", ip_access_control_lists=[OFFICES])
    two = trunk("acme-two", account="other")
    runner.declare(
        accounts=accounts,
        trunks={"one": one, "two": {**two, "ip_access_control_lists": ["offices"]}},
    )
    document = runner.json("validate", code=3)
    (problem,) = document["diagnostics"]
    assert (problem["code"], problem["address"]) == ("conflicting_fields", "trunk/two")
    assert "`sid`" in problem["detail"]
    by_sid = {**two, "ip_access_control_lists": [{"sid": theirs}]}
    runner.declare(accounts=accounts, trunks={"one": one, "two": by_sid})
    assert runner.apply()["failed_count"] == 0
    runner.settled()
    assert {row["account_sid"] for row in twilio.items.values()} == {AC}
    assert theirs in {used for _, used in twilio.uses}


def test_changed_password_makes_a_saved_plan_stale(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    runner.run("plan", "--out", "saved.plan", PBX=NEXT)
    done = runner.run(
        "apply", "saved.plan", "--auto-approve", "--json", code=4, PBX="Third-Password-3"
    )
    assert done.codes == ["plan_stale"]
    assert "credential/pbx/pbx" in done.out
    assert "scrypt" not in done.text
    runner.run("apply", "saved.plan", "--auto-approve", PBX=NEXT)
    assert list(twilio.passwords.values()) == [NEXT]


def test_lost_answer_to_the_second_use_of_a_list_is_no_failure(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    lost: set[str] = set()

    def lose_first(call: Call) -> str | None:
        if call.method == "POST" and call.path.startswith("/v1/") and call.path not in lost:
            lost.add(call.path)
            return "drop after"
        return None

    twilio.trouble = lose_first
    shared = {"ip_access_control_lists": ["offices"], "credential_lists": ["pbx"]}
    runner.declare(
        trunks={
            **edge(),
            "two": trunk("acme-two", **shared),
            "three": trunk("acme-three", **shared),
        }
    )
    assert runner.apply("--concurrency", "1")["failed_count"] == 0
    assert (len(twilio.uses), len(twilio.trunks), len(twilio.origination_urls)) == (6, 3, 3)
    runner.settled()


def test_discarded_label_does_not_count_as_a_normalised_form(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    twilio.deaf |= {sid for sid, row in twilio.items.items() if row.get("friendly_name") == "hq"}
    renamed = [{**NETWORKS[0], "name": "head office"}, NETWORKS[1]]
    runner.declare(trunks=edge(ip_access_control_lists=[{**OFFICES, "addresses": renamed}]))
    (outcome,) = runner.apply(code=1)["outcomes"]
    assert (outcome["status"], outcome["error"]["code"]) == ("dropped", "write_dropped")
    assert actions(runner.plan()) == [("ip_address/offices/203.0.113.0/28", "update")]


def test_edited_label_makes_a_saved_plan_stale(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    renamed = [{**NETWORKS[0], "name": "head office"}, NETWORKS[1]]
    runner.declare(trunks=edge(ip_access_control_lists=[{**OFFICES, "addresses": renamed}]))
    runner.run("plan", "--out", "saved.plan")
    next(row for row in twilio.items.values() if row.get("friendly_name") == "hq")[
        "friendly_name"
    ] = "theirs"
    done = runner.run("apply", "saved.plan", "--auto-approve", "--json", code=4)
    assert done.codes == ["plan_stale"]
    assert "theirs" in done.out


def test_deleted_credential_reports_no_new_secret(runner: ProcessRunner) -> None:
    runner.declare(trunks=edge())
    runner.apply()
    runner.declare(trunks=edge(credential_lists=[]))
    assert "secret" not in runner.run("plan").out


@pytest.mark.parametrize("account", ["main", "other"])
def test_resource_that_twilio_refused_to_create_is_not_ours_when_it_appears(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists, account: str
) -> None:
    accounts = two_accounts(runner, twilio)
    domain = "acme-edge.pstn.twilio.com"
    twilio.domains_elsewhere.add(domain)
    edge = trunk("acme-edge", account="main")
    runner.declare(accounts=accounts, trunks={"edge": edge})
    runner.apply(code=1)
    assert runner.state == {}
    theirs = twilio.add_trunk(
        {"main": AC, "other": OTHER}[account], domain_name=domain, friendly_name="Theirs"
    )
    runner.declare(accounts=accounts, trunks={"edge": {**edge, "account": account}})
    assert actions(runner.plan())[0] == ("trunk/edge", "import")
    runner.apply()
    runner.declare(accounts=accounts)
    assert ("trunk/edge", "forget") in actions(runner.plan())
    runner.apply()
    assert list(twilio.trunks) == [theirs]


def test_pending_trunk_of_one_account_is_not_ours_in_a_different_one(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    accounts = two_accounts(runner, twilio)
    edge = trunk("acme-edge", account="main")
    runner.declare(accounts=accounts, trunks={"edge": edge})
    gate = twilio.hold(lambda call: call.writes)
    running = runner.start("apply", "--auto-approve", "--json")
    gate.wait()
    running.kill()
    runner.end(running)
    gate.open(discard=True)
    twilio.quiet()
    twilio.add_trunk(OTHER, domain_name="acme-edge.pstn.twilio.com", friendly_name="Theirs")
    runner.declare(accounts=accounts, trunks={"edge": {**edge, "account": "other"}})
    assert actions(runner.plan())[0] == ("trunk/edge", "import")


def test_trunk_redeclared_in_a_different_account_is_an_error(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists
) -> None:
    accounts = two_accounts(runner, twilio)
    edge = {"origination": [{"sip_url": "sip:sbc1.example.com"}], "account": "main"}
    runner.declare(accounts=accounts, trunks={"edge": edge})
    runner.apply()
    runner.declare(accounts=accounts, trunks={"edge": {**edge, "account": "other"}})
    done = runner.run("apply", "--auto-approve", "--json", code=1)
    assert done.codes == ["account_mismatch"]
    assert runner.state["trunk/edge"]["account"] == "main"
    runner.declare(accounts=accounts, trunks={"west": {**edge, "account": "other"}})
    runner.apply()
    assert [row["account_sid"] for row in twilio.trunks.values()] == [OTHER]
    runner.settled()


@pytest.mark.parametrize("name", ["prod", "alpha"])
def test_account_can_be_renamed(
    runner: ProcessRunner, twilio: IndependentTwilioWithLists, name: str
) -> None:
    accounts = {"main": {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": twilio.url}}
    runner.declare(accounts=accounts, trunks=edge())
    runner.apply()
    both = {**accounts, name: accounts["main"]}
    runner.declare(accounts=both, defaults={"account": name}, trunks=edge())
    runner.apply()
    runner.declare(accounts={name: accounts["main"]}, trunks=edge())
    runner.settled()
    assert {entry["account"] for entry in runner.state.values()} == {name}
