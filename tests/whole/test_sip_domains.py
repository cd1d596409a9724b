"""SIP domains that use lists of ours: a list that goes is left whole while phones are let in by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.twilio.sip_domains import SIP_DOMAINS
from reconciler.sandbox.twilio.sip_lists import ADDRESSES, CREDENTIALS
from tests.support.command_runner import CommandRunner

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


def made(runner: CommandRunner) -> None:
    """A trunk with both lists, as declared."""
    runner.declare(trunks=EDGE)
    runner.apply()


def used(runner: CommandRunner, *lists: str, way: str = "", domain: str = DOMAIN) -> None:
    """Somebody lets a SIP domain use these lists."""
    ways = {
        way or f"calls_{address.partition('/')[0]}s": [runner.state[address]["sid"]]
        for address in lists
    }
    runner.sandbox.world.extend({"sip_domains": [{"domain_name": domain, "mappings": ways}]})


def asked(runner: CommandRunner) -> list[str]:
    """The calls about SIP domains so far, since this was last asked."""
    paths = [call.path for call in runner.sandbox.calls if "/SIP/Domains" in call.path]
    runner.sandbox.calls.reset()
    return paths


def on_lists(runner: CommandRunner) -> tuple[int, int]:
    """How many networks and credentials there are."""
    return len(runner.sandbox.world.table(ADDRESSES)), len(runner.sandbox.world.table(CREDENTIALS))


def refuse(runner: CommandRunner, status: int, path: str = "*/SIP/Domains.json") -> None:
    """Nobody may read SIP domains, or there is no such API."""
    runner.sandbox.faults.add(Refuse(path=path, status=status, code=20003, message="No"))


@pytest.mark.parametrize("trunks", [BARE, {}], ids=["alone", "with its trunk"])
@pytest.mark.parametrize(("way", "address"), WAYS)
def test_list_used_by_a_sip_domain_keeps_its_entries(
    runner: CommandRunner, way: str, address: str, trunks: dict[str, Any]
) -> None:
    made(runner)
    used(runner, address, way=way)
    runner.declare(trunks=trunks)
    document = runner.json("plan")
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
    runner.apply()
    assert on_lists(runner) == ((1, 0) if address == ACCESS else (0, 1)), (
        "the list that nobody uses goes"
    )
    assert runner.plan() == []


def test_names_every_domain_that_uses_a_list_once(runner: CommandRunner) -> None:
    made(runner)
    used(runner, CREDENTIAL)
    domain = "branch.sip.twilio.com"
    sids = [runner.state[CREDENTIAL]["sid"]]
    both = {"calls_credential_lists": sids, "credential_lists": sids}
    runner.sandbox.world.extend({"sip_domains": [{"domain_name": domain, "mappings": both}]})
    runner.declare(trunks=BARE)
    notes = {a["address"]: a.get("note") for a in runner.json("plan")["actions"]}
    assert notes[CREDENTIAL] == f"still in use on Twilio, by {DOMAIN}, {domain}"


def test_reads_domains_only_when_a_list_is_to_be_deleted(runner: CommandRunner) -> None:
    made(runner)
    used(runner, CREDENTIAL)
    runner.json("drift")
    empty = trunk(
        "acme-edge", ip_access_control_lists=[{**OFFICES, "addresses": []}], credential_lists=[PBX]
    )
    runner.declare(trunks={"edge": empty})
    runner.apply()
    assert asked(runner) == []
    runner.declare(trunks={"edge": trunk("acme-edge", credential_lists=[PBX])})
    runner.plan()
    (domain,) = runner.sandbox.world.table(SIP_DOMAINS)
    below = domain.uri.removesuffix(".json")
    assert sorted(asked(runner)) == [
        f"/2010-04-01/Accounts/{domain.account_sid}/SIP/Domains.json",
        f"{below}/Auth/Calls/IpAccessControlListMappings.json",
        f"{below}/IpAccessControlListMappings.json",
    ], "of the kind that goes, and of no other"
    runner.run("plan", "--no-refresh")
    runner.json("drift")
    assert asked(runner) == []


def test_does_not_read_domains_for_a_list_that_stays_anyway(
    runner: CommandRunner,
) -> None:
    made(runner)
    theirs = {"friendly_name": "theirs", "credential_lists": [runner.state[CREDENTIAL]["sid"]]}
    runner.sandbox.world.extend({"trunks": [theirs]})
    runner.declare(trunks={"edge": trunk("acme-edge", ip_access_control_lists=[OFFICES])})
    assert dict(runner.plan())[CREDENTIAL] == "forget"
    assert asked(runner) == []


def test_does_not_read_domains_for_a_list_outside_the_targets(runner: CommandRunner) -> None:
    made(runner)
    runner.declare(trunks=BARE)
    asked(runner)
    runner.run("plan", "--target", "trunk/edge")
    assert asked(runner) == []

    # The same plan without a target asks: the lists would be deleted.
    runner.run("plan")
    assert asked(runner) != []


@pytest.mark.parametrize(
    ("status", "path"),
    [(403, "*/SIP/Domains.json"), (404, "*/SIP/Domains.json"), (403, "*Mappings.json")],
)
def test_never_empties_a_list_that_a_domain_may_use(
    runner: CommandRunner, status: int, path: str
) -> None:
    made(runner)
    used(runner, ACCESS, CREDENTIAL)
    refuse(runner, status, path)
    runner.declare(trunks=BARE)
    document = runner.json("plan")
    assert [(d["severity"], d["code"]) for d in document["diagnostics"]] == [
        ("warning", "sip_domains_unreadable")
    ]
    done = runner.json("apply", "--auto-approve", code=5)
    failed = {error["address"]: error["code"] for error in done["errors"]}
    assert failed[ACCESS] == failed[CREDENTIAL] == "list_in_use"
    assert on_lists(runner) == (1, 1)
    assert {ACCESS, CREDENTIAL, "credential/pbx/pbx"} <= runner.state.keys(), (
        "the next run knows them still"
    )
    runner.sandbox.faults.clear()
    assert runner.apply() == []
    assert (on_lists(runner), runner.plan()) == ((1, 1), [])


@pytest.mark.parametrize("status", [403, 404])
def test_deletes_an_unused_list_with_its_entries_when_domains_are_unreadable(
    runner: CommandRunner, status: int
) -> None:
    made(runner)
    refuse(runner, status)
    runner.declare(trunks=BARE)
    assert {a: name for a, name in runner.plan() if a.endswith(("offices", "/28", "pbx"))} == {
        "trunk_ip_access_control_list/edge/offices": "delete",
        "trunk_credential_list/edge/pbx": "delete",
        "ip_address/offices/203.0.113.0/28": "forget",
        "credential/pbx/pbx": "forget",
        ACCESS: "delete",
        CREDENTIAL: "delete",
    }
    asked(runner)
    writes = runner.apply()
    assert len(writes) == 4, "the two uses, and the two lists with all that is on them"
    assert len(asked(runner)) == 1, "nothing is asked twice"
    assert (on_lists(runner), runner.plan()) == ((0, 0), [])
    assert set(runner.state) == {"trunk/edge"}


def test_saved_plan_is_stale_once_a_domain_uses_a_list_to_delete(
    runner: CommandRunner,
) -> None:
    made(runner)
    runner.declare(trunks=BARE)
    runner.run("plan", "--out", "saved.plan")
    used(runner, CREDENTIAL)
    refused = runner.json("apply", "saved.plan", "--auto-approve", code=4)
    assert [(d["code"], d["address"]) for d in refused["diagnostics"]] == [
        ("plan_stale", CREDENTIAL)
    ]
    assert DOMAIN in refused["diagnostics"][0]["detail"]
    assert on_lists(runner) == (1, 1)
    runner.run("plan", "--out", "saved.plan")
    runner.run("apply", "saved.plan", "--auto-approve")
    assert (on_lists(runner), runner.plan()) == ((0, 1), [])


def test_rollback_keeps_a_list_that_a_domain_uses(runner: CommandRunner) -> None:
    runner.declare(trunks=BARE)
    runner.apply()
    serial = json.loads((runner.folder / "state.json").read_text(encoding="utf-8"))["serial"]
    made(runner)
    used(runner, CREDENTIAL)
    runner.run("rollback", "--to", str(serial), "--auto-approve")
    assert on_lists(runner) == (0, 1)
