"""SIP domains that use lists of ours: a list that goes is left whole while phones are let in by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.twilio.sip_domains import SIP_DOMAINS
from reconciler.sandbox.twilio.sip_lists import ADDRESSES, CREDENTIALS

from .stage import Stage
from .test_lists import OFFICES, PBX, trunk

DOMAIN = "acme.sip.twilio.com"
EDGE = {"edge": trunk("acme-edge", ip_access_control_lists=[OFFICES], credential_lists=[PBX])}
BARE = {"edge": trunk("acme-edge")}
ACCESS, CREDENTIAL = "ip_access_control_list/offices", "credential_list/pbx"
ITEM = {ACCESS: "ip_address/offices/203.0.113.0/28", CREDENTIAL: "credential/pbx/pbx"}
WAYS = [
    ("calls_ip_access_control_lists", ACCESS),
    ("calls_credential_lists", CREDENTIAL),
    ("registrations_credential_lists", CREDENTIAL),
    ("ip_access_control_lists", ACCESS),
    ("credential_lists", CREDENTIAL),
]


def made(stage: Stage) -> None:
    """A trunk with both lists, as declared."""
    stage.declare(trunks=EDGE)
    stage.apply()


def used(stage: Stage, *lists: str, way: str = "", domain: str = DOMAIN) -> None:
    """Somebody lets a SIP domain use these lists."""
    ways = {
        way or f"calls_{address.partition('/')[0]}s": [stage.state[address]["sid"]]
        for address in lists
    }
    stage.sandbox.world.extend({"sip_domains": [{"domain_name": domain, "mappings": ways}]})


def asked(stage: Stage) -> list[str]:
    """The calls about SIP domains so far, since this was last asked."""
    paths = [call.path for call in stage.sandbox.calls if "/SIP/Domains" in call.path]
    stage.sandbox.calls.reset()
    return paths


def on_lists(stage: Stage) -> tuple[int, int]:
    """How many networks and credentials there are."""
    return len(stage.sandbox.world.table(ADDRESSES)), len(stage.sandbox.world.table(CREDENTIALS))


def refuse(stage: Stage, status: int, path: str = "*/SIP/Domains.json") -> None:
    """Nobody may read SIP domains, or there is no such API."""
    stage.sandbox.faults.add(Refuse(path=path, status=status, code=20003, message="No"))


@pytest.mark.parametrize("trunks", [BARE, {}], ids=["alone", "with its trunk"])
@pytest.mark.parametrize(("way", "address"), WAYS)
def test_a_list_that_a_domain_uses_in_any_way_keeps_all_that_is_on_it(
    stage: Stage, way: str, address: str, trunks: dict[str, Any]
) -> None:
    made(stage)
    used(stage, address, way=way)
    stage.declare(trunks=trunks)
    document = stage.json("plan")
    actions = {a["address"]: a for a in document["actions"]}
    item = ITEM[address]
    assert (actions[address]["action"], actions[address]["note"]) == (
        "forget",
        f"still in use on Twilio, by {DOMAIN}",
    )
    assert (actions[item]["action"], actions[item]["note"]) == (
        "forget",
        f"{address} stays on Twilio, and so does this",
    )
    assert document["diagnostics"] == []
    stage.apply()
    assert on_lists(stage) == ((1, 0) if address == ACCESS else (0, 1)), (
        "the list that nobody uses goes"
    )
    assert stage.plan() == []


def test_every_domain_that_uses_a_list_is_named_once(stage: Stage) -> None:
    made(stage)
    used(stage, CREDENTIAL)
    domain = "branch.sip.twilio.com"
    sids = [stage.state[CREDENTIAL]["sid"]]
    both = {"calls_credential_lists": sids, "credential_lists": sids}
    stage.sandbox.world.extend({"sip_domains": [{"domain_name": domain, "mappings": both}]})
    stage.declare(trunks=BARE)
    notes = {a["address"]: a.get("note") for a in stage.json("plan")["actions"]}
    assert notes[CREDENTIAL] == f"still in use on Twilio, by {DOMAIN}, {domain}"


def test_domains_are_asked_only_when_a_list_is_about_to_be_deleted(stage: Stage) -> None:
    made(stage)
    used(stage, CREDENTIAL)
    stage.json("drift")
    empty = trunk(
        "acme-edge", ip_access_control_lists=[{**OFFICES, "addresses": []}], credential_lists=[PBX]
    )
    stage.declare(trunks={"edge": empty})
    stage.apply()
    assert asked(stage) == []
    stage.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    stage.plan()
    (domain,) = stage.sandbox.world.table(SIP_DOMAINS)
    below = domain.uri.removesuffix(".json")
    assert sorted(asked(stage)) == [
        f"/2010-04-01/Accounts/{domain.account_sid}/SIP/Domains.json",
        f"{below}/Auth/Calls/IpAccessControlListMappings.json",
        f"{below}/IpAccessControlListMappings.json",
    ], "of the kind that goes, and of no other"
    stage.run("plan", "--no-refresh")
    stage.json("drift")
    assert asked(stage) == []


def test_domains_are_not_asked_about_a_list_that_stays_for_another_reason(stage: Stage) -> None:
    made(stage)
    theirs = {"friendly_name": "theirs", "credential_lists": [stage.state[CREDENTIAL]["sid"]]}
    stage.sandbox.world.extend({"trunks": [theirs]})
    stage.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[OFFICES])})
    assert dict(stage.plan())[CREDENTIAL] == "forget"
    assert asked(stage) == []


def test_domains_are_not_asked_about_a_list_outside_the_targets(stage: Stage) -> None:
    made(stage)
    stage.declare(trunks=BARE)
    asked(stage)
    stage.run("plan", "--target", "trunk/edge")
    assert asked(stage) == []

    # The same plan without a target asks: the lists would be deleted.
    stage.run("plan")
    assert asked(stage) != []


@pytest.mark.parametrize(
    ("status", "path"),
    [(403, "*/SIP/Domains.json"), (404, "*/SIP/Domains.json"), (403, "*Mappings.json")],
)
def test_a_list_that_a_domain_may_use_is_never_emptied(
    stage: Stage, status: int, path: str
) -> None:
    made(stage)
    used(stage, ACCESS, CREDENTIAL)
    refuse(stage, status, path)
    stage.declare(trunks=BARE)
    document = stage.json("plan")
    assert [(d["severity"], d["code"]) for d in document["diagnostics"]] == [
        ("warning", "sip_domains_unreadable")
    ]
    done = stage.json("apply", "--auto-approve", code=5)
    failed = {error["address"]: error["code"] for error in done["errors"]}
    assert failed[ACCESS] == failed[CREDENTIAL] == "list_in_use"
    assert on_lists(stage) == (1, 1)
    assert {ACCESS, CREDENTIAL, "credential/pbx/pbx"} <= stage.state.keys(), (
        "the next run knows them still"
    )
    stage.sandbox.faults.clear()
    assert stage.apply() == []
    assert (on_lists(stage), stage.plan()) == ((1, 1), [])


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_nobody_uses_goes_whole_where_domains_cannot_be_read(
    stage: Stage, status: int
) -> None:
    made(stage)
    refuse(stage, status)
    stage.declare(trunks=BARE)
    assert {a: name for a, name in stage.plan() if a.endswith(("offices", "/28", "pbx"))} == {
        "trunk_ip_access_control_list/edge/offices": "delete",
        "trunk_credential_list/edge/pbx": "delete",
        "ip_address/offices/203.0.113.0/28": "forget",
        "credential/pbx/pbx": "forget",
        ACCESS: "delete",
        CREDENTIAL: "delete",
    }
    asked(stage)
    writes = stage.apply()
    assert len(writes) == 4, "the two uses, and the two lists with all that is on them"
    assert len(asked(stage)) == 1, "nothing is asked twice"
    assert (on_lists(stage), stage.plan()) == ((0, 0), [])
    assert set(stage.state) == {"trunk/edge"}


def test_a_saved_plan_is_stale_once_a_domain_uses_what_it_would_delete(stage: Stage) -> None:
    made(stage)
    stage.declare(trunks=BARE)
    stage.run("plan", "--out", "saved.plan")
    used(stage, CREDENTIAL)
    refused = stage.json("apply", "saved.plan", "--auto-approve", code=4)
    assert [(d["code"], d["address"]) for d in refused["diagnostics"]] == [
        ("plan_stale", CREDENTIAL)
    ]
    assert DOMAIN in refused["diagnostics"][0]["detail"]
    assert on_lists(stage) == (1, 1)
    stage.run("plan", "--out", "saved.plan")
    stage.run("apply", "saved.plan", "--auto-approve")
    assert (on_lists(stage), stage.plan()) == ((0, 1), [])


def test_the_way_back_leaves_a_list_that_a_domain_uses(stage: Stage) -> None:
    stage.declare(trunks=BARE)
    stage.apply()
    serial = json.loads((stage.folder / "state.json").read_text(encoding="utf-8"))["serial"]
    made(stage)
    used(stage, CREDENTIAL)
    stage.run("rollback", "--to", str(serial), "--auto-approve")
    assert on_lists(stage) == (0, 1)
