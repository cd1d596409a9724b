"""`protect` and `on_removal: keep` are said of a trunk: what belongs to it shares its fate once its block is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.sandbox.twilio.sip_lists import ADDRESSES, CREDENTIALS
from tests.support.command_runner import CommandRunner

from .test_lists import OFFICES, PBX, trunk

URL = {"sip_url": "sip:sbc1.example.com"}
OTHER_URL = {"sip_url": "sip:sbc2.example.com"}
WHOLE = {
    "origination": [URL, OTHER_URL],
    "recording": {"mode": "record-from-answer"},
    "ip_access_control_lists": [
        {**OFFICES, "addresses": [{"cidr": "203.0.113.0/28"}, {"cidr": "198.51.100.7/32"}]}
    ],
    "credential_lists": [PBX],
}
LESS = {
    "origination": [URL],
    "ip_access_control_lists": [{**OFFICES, "addresses": [{"cidr": "203.0.113.0/28"}]}],
}
SAID = [{"protect": True}, {"on_removal": "keep"}]
EVERYTHING = {
    "trunk/edge",
    "origination_url/edge/sip:sbc1.example.com",
    "origination_url/edge/sip:sbc2.example.com",
    "recording/edge",
    "trunk_ip_access_control_list/edge/offices",
    "trunk_credential_list/edge/pbx",
    "ip_access_control_list/offices",
    "ip_address/offices/203.0.113.0/28",
    "ip_address/offices/198.51.100.7/32",
    "credential_list/pbx",
    "credential/pbx/pbx",
}


def edge(**fields: Any) -> dict[str, Any]:
    """The trunk."""
    return {"edge": trunk("acme-edge", **fields)}


def world(runner: CommandRunner) -> tuple[int, int, int, int, str]:
    """How many trunks, origination URLs, networks and credentials there are, and how the trunk records."""
    rows = runner.sandbox.world
    trunks = list(rows.trunks)
    counts = (
        len(trunks),
        len(rows.origination_urls),
        len(rows.table(ADDRESSES)),
        len(rows.table(CREDENTIALS)),
    )
    return (*counts, trunks[0].recording.mode)


@pytest.mark.parametrize("said", SAID)
def test_removes_an_undeclared_child_whatever_the_trunk_policy(
    runner: CommandRunner, said: dict[str, Any]
) -> None:
    """A network or a user that nobody declares any more must not be let in for ever."""
    runner.declare(trunks=edge(**WHOLE, **said))
    runner.apply()
    runner.declare(trunks=edge(**LESS, **said))
    assert dict(runner.plan()) == {
        "origination_url/edge/sip:sbc2.example.com": "delete",
        "recording/edge": "release",
        "trunk_credential_list/edge/pbx": "delete",
        "ip_address/offices/198.51.100.7/32": "delete",
        "credential_list/pbx": "delete",
        "credential/pbx/pbx": "delete",
    }
    runner.apply()
    assert world(runner) == (1, 1, 1, 0, "do-not-record")
    assert runner.plan() == []


@pytest.mark.parametrize("said", SAID)
def test_removes_an_undeclared_child_recorded_by_an_older_state(
    runner: CommandRunner, said: dict[str, Any]
) -> None:
    runner.declare(trunks=edge(**WHOLE, **said))
    runner.apply()
    path = runner.folder / "state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    for entry in state["resources"].values():
        entry["options"] = said
    del state["digest"]
    state["format"] = 1
    path.write_text(json.dumps(state), encoding="utf-8")
    runner.declare(trunks=edge(**LESS, **said))
    runner.apply()
    assert world(runner) == (1, 1, 1, 0, "do-not-record")


def test_protected_trunk_keeps_its_children_when_undeclared(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks=edge(**WHOLE, protect=True))
    runner.apply()
    runner.declare()
    document = runner.json("plan", code=4)
    assert document["actions"] == []
    (problem,) = document["diagnostics"]
    assert (problem["code"], problem["address"]) == ("protected", "trunk/edge")
    assert "with everything under it and the lists that it uses" in problem["detail"]
    assert "declare it again with `protect: false`, apply, and then remove it" in problem["detail"]
    for more in ([], ["--force"], ["--exclude", "trunk/edge"], ["--target", "credential/*"]):
        runner.run("apply", "--auto-approve", *more, code=0 if more and more != ["--force"] else 4)
        assert world(runner) == (1, 2, 2, 1, "record-from-answer")
    assert runner.state.keys() == EVERYTHING
    runner.declare(trunks=edge(**WHOLE))
    runner.apply()
    runner.declare()
    runner.apply()
    assert len(runner.sandbox.world.trunks) == 0


def test_list_shared_with_a_declared_trunk_is_still_managed(
    runner: CommandRunner,
) -> None:
    spare = trunk("acme-spare", ip_access_control_lists=WHOLE["ip_access_control_lists"])
    runner.declare(
        trunks={**edge(ip_access_control_lists=["offices"], protect=True), "spare": spare}
    )
    runner.apply()
    runner.declare(trunks={"spare": trunk("acme-spare", ip_access_control_lists=[OFFICES])})
    assert [(a["address"], a["action"]) for a in runner.json("plan", code=4)["actions"]] == [
        ("ip_address/offices/203.0.113.0/28", "update"),
        ("ip_address/offices/198.51.100.7/32", "delete"),
    ]


def test_kept_trunk_keeps_its_children(runner: CommandRunner) -> None:
    """It goes on working as it was: whom it lets in, and where its calls go, are part of that."""
    runner.declare(trunks=edge(**WHOLE, on_removal="keep"))
    runner.apply()
    runner.declare()
    assert dict(runner.plan()) == dict.fromkeys(EVERYTHING, "forget")
    assert runner.apply() == [], "no call changes anything"
    assert world(runner) == (1, 2, 2, 1, "record-from-answer")
    assert runner.state == {}


def test_keeps_the_list_of_a_kept_trunk_when_its_declaring_trunk_is_removed(
    runner: CommandRunner,
) -> None:
    spare = trunk("acme-spare", credential_lists=["pbx"], on_removal="keep")
    runner.declare(trunks={**edge(credential_lists=[PBX]), "spare": spare})
    runner.apply()
    runner.declare()
    done = dict(runner.plan())
    assert done["trunk/edge"] == "delete"
    assert {
        done[address] for address in ("trunk/spare", "credential_list/pbx", "credential/pbx/pbx")
    } == {"forget"}
    runner.apply()
    assert [row.friendly_name for row in runner.sandbox.world.trunks] == ["spare"]
    assert len(runner.sandbox.world.table(CREDENTIALS)) == 1


def test_baseline_also_protects_the_children_of_a_trunk(
    runner: CommandRunner,
) -> None:
    runner.declare(trunks=edge(**WHOLE))
    runner.apply()
    runner.declare(trunks=edge(**WHOLE, protect=True))
    (runner.folder / "main.yaml").write_bytes((runner.folder / "reconciler.yaml").read_bytes())
    words = ("apply", "--auto-approve", "--baseline", "main.yaml")
    runner.declare()
    for target in ("origination_url/*", "credential/*", "trunk_credential_list/*"):
        refused = runner.json(*words, "--target", target, code=4)
        assert {d["code"] for d in refused["diagnostics"]} == {"protected"}
    assert world(runner) == (1, 2, 2, 1, "record-from-answer")
    runner.declare(trunks=edge(**LESS))
    runner.run(*words)
    assert world(runner) == (1, 1, 1, 0, "do-not-record"), (
        "a change of the trunk is none of its protection's business"
    )
