"""Trunks with lists, against a server with other manners: what is shared, what is refused, what is secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .stage import AC, Stage, actions
from .whole import Whole
from .wire import Call

PASSWORD, NEXT = "Correct-Horse-1", "Battery-Staple-2"
OTHER, OTHER_TOKEN = "AC" + "0b" * 16, "pl4nted:t/oken+of=other"
NETWORKS = [{"cidr": "203.0.113.0/28", "name": "hq"}, {"cidr": "198.51.100.7"}]
OFFICES = {"name": "offices", "addresses": NETWORKS}
PBX = {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX"}}]}


@pytest.fixture
def twilio() -> Iterator[Whole]:
    with Whole() as twilio:
        yield twilio
    assert not twilio.failures, twilio.failures[0]


@pytest.fixture
def stage(twilio: Whole, tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "work", twilio)
    stage.environ["PBX"] = PASSWORD
    stage.plant("pbx", PASSWORD)
    stage.plant("pbx", NEXT)
    return stage


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


def two_accounts(stage: Stage, twilio: Whole) -> dict[str, Any]:
    twilio.add_account(OTHER, **{OTHER: OTHER_TOKEN})
    stage.environ["OTHER_TOKEN"] = OTHER_TOKEN
    stage.plant(OTHER, OTHER_TOKEN)
    main = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": twilio.url}
    return {"main": main, "other": {**main, "sid": OTHER, "auth_token": {"env": "OTHER_TOKEN"}}}


def test_all_of_a_trunk_comes_is_found_again_and_goes(stage: Stage, twilio: Whole) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    stage.settled()
    assert stage.json("drift")["drifted"] == []
    stage.declare()
    document = stage.apply()
    assert document["failed_count"] == 0
    left = [twilio.trunks, twilio.lists, twilio.items, twilio.uses]
    assert not any(left)


def test_a_list_that_a_trunk_of_somebody_else_uses_keeps_all_that_is_on_it(
    stage: Stage, twilio: Whole
) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    theirs = twilio.add_trunk(AC, friendly_name="somebody's")
    sids = {row["friendly_name"]: sid for sid, row in twilio.lists.items()}
    twilio.uses |= {(theirs, sid) for sid in sids.values()}
    stage.declare(trunks=edge(ip_access_control_lists=[]))
    notes = {
        a["address"]: a.get("note") for a in stage.plan()["actions"] if a["action"] == "forget"
    }
    assert notes["ip_access_control_list/offices"] == f"still in use on Twilio, by {theirs}"
    stage.apply()
    stage.declare()
    stage.apply()
    assert [row["username"] for row in twilio.items.values() if "username" in row] == ["pbx"]
    assert len(twilio.items) == 3
    assert twilio.uses == {(theirs, sid) for sid in sids.values()}
    stage.settled()


def test_a_list_that_something_out_of_sight_uses_is_refused_whole(
    stage: Stage, twilio: Whole
) -> None:
    """This server knows no SIP domains: nobody can say beforehand whether one uses the list."""
    stage.declare(trunks=edge())
    stage.apply()
    twilio.mapped |= set(twilio.lists)
    stage.declare()
    assert [d["code"] for d in stage.plan()["diagnostics"]] == ["sip_domains_unreadable"]
    done = stage.run("apply", "--auto-approve", "--json", code=5)
    failed = {error["address"]: error["code"] for error in done.json["errors"]}
    assert (
        failed["ip_access_control_list/offices"] == failed["credential_list/pbx"] == "list_in_use"
    )
    assert len(twilio.items) == 3
    twilio.mapped.clear()
    stage.apply()
    assert (twilio.lists, twilio.items) == ({}, {})
    stage.settled()


def test_one_list_name_in_two_accounts_is_refused_with_the_way_out(
    stage: Stage, twilio: Whole
) -> None:
    accounts = two_accounts(stage, twilio)
    theirs = twilio.add_list(OTHER, "IpAccessControlLists", "offices")
    one = trunk("acme-one", account="main", ip_access_control_lists=[OFFICES])
    two = trunk("acme-two", account="other")
    stage.declare(
        accounts=accounts,
        trunks={"one": one, "two": {**two, "ip_access_control_lists": ["offices"]}},
    )
    document = stage.json("validate", code=3)
    (problem,) = document["diagnostics"]
    assert (problem["code"], problem["address"]) == ("conflicting_fields", "trunk/two")
    assert "`sid`" in problem["detail"]
    by_sid = {**two, "ip_access_control_lists": [{"sid": theirs}]}
    stage.declare(accounts=accounts, trunks={"one": one, "two": by_sid})
    assert stage.apply()["failed_count"] == 0
    stage.settled()
    assert {row["account_sid"] for row in twilio.items.values()} == {AC}
    assert theirs in {used for _, used in twilio.uses}


def test_a_saved_plan_does_not_outlive_the_password_it_was_made_with(
    stage: Stage, twilio: Whole
) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    stage.run("plan", "--out", "saved.plan", PBX=NEXT)
    done = stage.run(
        "apply", "saved.plan", "--auto-approve", "--json", code=4, PBX="Third-Password-3"
    )
    assert done.codes == ["plan_stale"]
    assert "credential/pbx/pbx" in done.out
    assert "scrypt" not in done.text
    stage.run("apply", "saved.plan", "--auto-approve", PBX=NEXT)
    assert list(twilio.passwords.values()) == [NEXT]


def test_no_answer_to_the_second_use_of_a_list_is_no_failure(stage: Stage, twilio: Whole) -> None:
    lost: set[str] = set()

    def lose_first(call: Call) -> str | None:
        if call.method == "POST" and call.path.startswith("/v1/") and call.path not in lost:
            lost.add(call.path)
            return "drop after"
        return None

    twilio.trouble = lose_first
    shared = {"ip_access_control_lists": ["offices"], "credential_lists": ["pbx"]}
    stage.declare(
        trunks={
            **edge(),
            "two": trunk("acme-two", **shared),
            "three": trunk("acme-three", **shared),
        }
    )
    assert stage.apply("--concurrency", "1")["failed_count"] == 0
    assert (len(twilio.uses), len(twilio.trunks), len(twilio.origination_urls)) == (6, 3, 3)
    stage.settled()


def test_a_label_that_is_accepted_and_not_stored_is_not_taken_for_another_form(
    stage: Stage, twilio: Whole
) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    twilio.deaf |= {sid for sid, row in twilio.items.items() if row.get("friendly_name") == "hq"}
    renamed = [{**NETWORKS[0], "name": "head office"}, NETWORKS[1]]
    stage.declare(trunks=edge(ip_access_control_lists=[{**OFFICES, "addresses": renamed}]))
    (outcome,) = stage.apply(code=1)["outcomes"]
    assert (outcome["status"], outcome["error"]["code"]) == ("dropped", "write_dropped")
    assert actions(stage.plan()) == [("ip_address/offices/203.0.113.0/28", "update")]


def test_a_saved_plan_sees_that_a_label_has_been_edited_meanwhile(
    stage: Stage, twilio: Whole
) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    renamed = [{**NETWORKS[0], "name": "head office"}, NETWORKS[1]]
    stage.declare(trunks=edge(ip_access_control_lists=[{**OFFICES, "addresses": renamed}]))
    stage.run("plan", "--out", "saved.plan")
    next(row for row in twilio.items.values() if row.get("friendly_name") == "hq")[
        "friendly_name"
    ] = "theirs"
    done = stage.run("apply", "saved.plan", "--auto-approve", "--json", code=4)
    assert done.codes == ["plan_stale"]
    assert "theirs" in done.out


def test_a_credential_that_goes_tells_of_no_new_secret(stage: Stage) -> None:
    stage.declare(trunks=edge())
    stage.apply()
    stage.declare(trunks=edge(credential_lists=[]))
    assert "secret" not in stage.run("plan").out


@pytest.mark.parametrize("account", ["main", "other"])
def test_what_twilio_refused_to_make_is_not_ours_when_it_appears(
    stage: Stage, twilio: Whole, account: str
) -> None:
    accounts = two_accounts(stage, twilio)
    domain = "acme-edge.pstn.twilio.com"
    twilio.domains_elsewhere.add(domain)
    edge = trunk("acme-edge", account="main")
    stage.declare(accounts=accounts, trunks={"edge": edge})
    stage.apply(code=1)
    assert stage.state == {}
    theirs = twilio.add_trunk(
        {"main": AC, "other": OTHER}[account], domain_name=domain, friendly_name="Theirs"
    )
    stage.declare(accounts=accounts, trunks={"edge": {**edge, "account": account}})
    assert actions(stage.plan())[0] == ("trunk/edge", "import")
    stage.apply()
    stage.declare(accounts=accounts)
    assert ("trunk/edge", "forget") in actions(stage.plan())
    stage.apply()
    assert list(twilio.trunks) == [theirs]


def test_a_trunk_about_to_be_made_in_one_account_is_not_ours_in_another(
    stage: Stage, twilio: Whole
) -> None:
    accounts = two_accounts(stage, twilio)
    edge = trunk("acme-edge", account="main")
    stage.declare(accounts=accounts, trunks={"edge": edge})
    gate = twilio.hold(lambda call: call.writes)
    running = stage.start("apply", "--auto-approve", "--json")
    gate.wait()
    running.kill()
    stage.end(running)
    gate.open(discard=True)
    twilio.quiet()
    twilio.add_trunk(OTHER, domain_name="acme-edge.pstn.twilio.com", friendly_name="Theirs")
    stage.declare(accounts=accounts, trunks={"edge": {**edge, "account": "other"}})
    assert actions(stage.plan())[0] == ("trunk/edge", "import")


def test_a_trunk_that_is_declared_in_another_account_is_an_error_and_not_forgotten(
    stage: Stage, twilio: Whole
) -> None:
    accounts = two_accounts(stage, twilio)
    edge = {"origination": [{"sip_url": "sip:sbc1.example.com"}], "account": "main"}
    stage.declare(accounts=accounts, trunks={"edge": edge})
    stage.apply()
    stage.declare(accounts=accounts, trunks={"edge": {**edge, "account": "other"}})
    done = stage.run("apply", "--auto-approve", "--json", code=1)
    assert done.codes == ["account_mismatch"]
    assert stage.state["trunk/edge"]["account"] == "main"
    stage.declare(accounts=accounts, trunks={"west": {**edge, "account": "other"}})
    stage.apply()
    assert [row["account_sid"] for row in twilio.trunks.values()] == [OTHER]
    stage.settled()


@pytest.mark.parametrize("name", ["prod", "alpha"])
def test_an_account_may_get_another_name_here(stage: Stage, twilio: Whole, name: str) -> None:
    accounts = {"main": {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": twilio.url}}
    stage.declare(accounts=accounts, trunks=edge())
    stage.apply()
    both = {**accounts, name: accounts["main"]}
    stage.declare(accounts=both, defaults={"account": name}, trunks=edge())
    stage.apply()
    stage.declare(accounts={name: accounts["main"]}, trunks=edge())
    stage.settled()
    assert {entry["account"] for entry in stage.state.values()} == {name}
