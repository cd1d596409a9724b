"""Children that somebody else puts on a managed trunk or list: drift, and what a plan does about them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.table import KINDS
from reconciler.remote.twilio import gateway
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

OURS = {"sip_url": "sip:sbc1.example.com", "priority": 10, "weight": 10}
THEIRS = "sip:elsewhere.example.net"
PRESENT = [{"field": "present", "recorded": False, "live": True}]
PBX = {"username": "pbx", "password": {"env": "PBX_PASSWORD"}}
HQ = {"cidr": "203.0.113.0/28", "name": "hq"}
KEYS = {"IpAccessControlLists": "ip_access_control_lists", "CredentialLists": "credential_lists"}
PARENTS = {"ip_address": "ip_access_control_list/offices", "credential": "credential_list/pbx"}
PATHS = {
    "origination_url": "OriginationUrls",
    "trunk_ip_access_control_list": "IpAccessControlLists",
    "trunk_credential_list": "CredentialLists",
    "ip_address": "IpAddresses",
    "credential": "Credentials",
}
"""Kind of child → the last part of the path of its listing."""


class Trunk:
    """One trunk of the runner, and what somebody else does to it."""

    def __init__(self, runner: CommandRunner) -> None:
        self.runner = runner

    def declare(self, **fields: Any) -> None:
        """Declare the trunk `edge`."""
        self.runner.declare(trunks={"edge": {"domain": "acme-edge.pstn.twilio.com", **fields}})

    def call(self, method: str, path: str, **form: str) -> Any:
        """One call of somebody else to the trunk."""
        (trunk,) = [live.sid for live in self.runner.sandbox.world.trunks]
        answer = ask(self.runner.sandbox, method, f"/v1/Trunks/{trunk}{path}", form=form)
        assert answer.status in (200, 201, 204), answer.body
        return answer.json if method != "DELETE" else None

    def add_url(self, url: str = THEIRS) -> str:
        """Somebody adds an origination URL that takes every call."""
        form = {
            "SipUrl": url,
            "Priority": "0",
            "Weight": "1",
            "Enabled": "true",
            "FriendlyName": "theirs",
        }
        return str(self.call("POST", "/OriginationUrls", **form)["sid"])

    @property
    def urls(self) -> list[str]:
        """The origination URLs that are there."""
        rows = self.call("GET", "/OriginationUrls")["origination_urls"]
        return sorted(row["sip_url"] for row in rows)

    def drift(self, code: int = 2) -> dict[str, Any]:
        """What has drifted, by address."""
        drifted = self.runner.json("drift", code=code)["drifted"]
        return {
            entry["address"]: [
                {k: f[k] for k in ("field", "recorded", "live")} for f in entry["fields"]
            ]
            for entry in drifted
        }

    def codes(self, *args: str) -> list[str]:
        """The codes of the diagnostics of a plan."""
        return [d["code"] for d in self.runner.json("plan", *args)["diagnostics"]]


@pytest.fixture
def trunk(runner: CommandRunner) -> Trunk:
    return Trunk(runner)


def test_added_origination_url_that_takes_all_calls_is_drift_and_is_deleted(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    assert trunk.drift(code=0) == {}
    trunk.add_url()
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}
    (action,) = runner.json("plan")["actions"]
    assert (action["address"], action["action"], action["reason"], action["takeover"]) == (
        f"origination_url/edge/{THEIRS}",
        "delete",
        "drift",
        [],
    )
    assert "priority" in runner.run("plan")
    runner.apply()
    assert trunk.urls == ["sip:sbc1.example.com"]
    assert (trunk.drift(code=0), runner.plan()) == ({}, [])
    assert runner.apply() == []


def test_drift_names_the_place_of_the_trunk_and_of_a_number(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    (entry,) = runner.json("drift", code=2)["drifted"]
    lines = (runner.folder / "reconciler.yaml").read_text("utf-8").splitlines()
    assert (entry["file"], lines[entry["line"] - 1].strip()) == ("reconciler.yaml", "edge:")


def test_undo_recreates_a_deleted_child_and_a_second_undo_deletes_it(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    before = trunk.call("GET", "/OriginationUrls")["origination_urls"]
    runner.apply()
    runner.run("undo", "--auto-approve")
    after = trunk.call("GET", "/OriginationUrls")["origination_urls"]
    told = ("sip_url", "priority", "weight", "enabled", "friendly_name")
    assert sorted([row[name] for name in told] for row in after) == sorted(
        [row[name] for name in told] for row in before
    )
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}
    assert runner.plan() == [(f"origination_url/edge/{THEIRS}", "delete")]
    runner.run("undo", "--auto-approve")
    assert trunk.urls == ["sip:sbc1.example.com"]
    runner.run("undo", "--auto-approve")
    assert THEIRS in trunk.urls
    runner.apply()
    assert trunk.urls == ["sip:sbc1.example.com"]


def test_a_part_whose_key_is_absent_is_watched_and_never_written(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare()
    runner.apply()
    sid = trunk.add_url()
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}
    document = runner.json("plan")
    assert document["actions"] == []
    (problem,) = [d for d in document["diagnostics"] if d["code"] == "unlisted_child"]
    assert "priority 0" in problem["detail"]
    assert runner.apply() == []
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}
    trunk.call("DELETE", f"/OriginationUrls/{sid}")
    assert trunk.drift(code=0) == {}


def test_keep_reports_and_never_writes(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(origination=[OURS], unlisted="keep")
    runner.apply()
    trunk.add_url()
    assert runner.plan() == []
    assert "unlisted_child" in trunk.codes()
    assert runner.apply() == []
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}


def test_empty_key_declares_that_no_child_exists(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(origination=[])
    runner.apply()
    trunk.add_url()
    assert runner.plan() == [(f"origination_url/edge/{THEIRS}", "delete")]


def test_deletes_children_found_at_the_import_only_with_consent(
    runner: CommandRunner, trunk: Trunk
) -> None:
    made = ask(
        runner.sandbox, "POST", "/v1/Trunks", form={"DomainName": "acme-edge.pstn.twilio.com"}
    )
    assert made.status == 201
    trunk.add_url()
    trunk.declare(origination=[OURS])
    address = f"origination_url/edge/{THEIRS}"
    assert trunk.codes() == ["takeover_refused"]
    assert runner.apply(code=4) == []
    runner.apply(f"--exclude={address}")
    assert trunk.urls == sorted([OURS["sip_url"], THEIRS])
    assert trunk.codes() == ["takeover_refused"]  # the import has recorded it as somebody else's
    runner.apply(f"--allow-takeover={address}")
    assert trunk.urls == [OURS["sip_url"]]
    assert runner.plan() == []
    assert runner.state[address]["prior"]["priority"] == 0
    runner.run("undo", "--auto-approve")
    assert THEIRS in trunk.urls


def test_watches_children_found_at_the_import_when_the_key_is_absent(
    runner: CommandRunner, trunk: Trunk
) -> None:
    ask(runner.sandbox, "POST", "/v1/Trunks", form={"DomainName": "acme-edge.pstn.twilio.com"})
    sid = trunk.add_url()
    trunk.declare()
    runner.apply()
    assert (trunk.drift(code=0), trunk.codes()) == ({}, [])
    trunk.call("POST", f"/OriginationUrls/{sid}", Priority="7")
    assert trunk.drift() == {
        f"origination_url/edge/{THEIRS}": [{"field": "priority", "recorded": 0, "live": 7}]
    }
    trunk.call("DELETE", f"/OriginationUrls/{sid}")
    assert trunk.drift() == {
        f"origination_url/edge/{THEIRS}": [{"field": "present", "recorded": True, "live": False}]
    }
    assert trunk.codes() == ["unlisted_gone"]
    runner.apply()
    assert (trunk.drift(code=0), trunk.codes()) == ({}, [])


def test_state_of_the_previous_version_records_no_children(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    path = runner.folder / "state.json"
    text = path.read_text(encoding="utf-8")
    old = (
        text.replace('"format":3', '"format":1')
        .partition(',"digest"')[0]
        .rstrip()
        .removesuffix("}")
        + "}}\n"
    )
    for kind in ("origination_url", "trunk_ip_access_control_list", "trunk_credential_list"):
        old = old.replace(f'"{kind}":{{}}', "")
    old = old.replace(',"children":{,,}', "")
    assert "children" not in old
    path.write_text(old, encoding="utf-8")
    trunk.add_url()
    assert trunk.drift() == {f"origination_url/edge/{THEIRS}": PRESENT}
    assert trunk.codes() == ["takeover_refused"]
    assert runner.apply(code=4) == []


def test_foreign_list_is_detached_from_the_trunk_and_not_deleted(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(ip_access_control_lists=[])
    runner.apply()
    sid = runner.post("/SIP/IpAccessControlLists.json", FriendlyName="theirs")["sid"]
    trunk.call("POST", "/IpAccessControlLists", IpAccessControlListSid=sid)
    address = "trunk_ip_access_control_list/edge/theirs"
    assert trunk.drift() == {address: PRESENT}
    assert runner.plan() == [(address, "delete")]
    runner.apply()
    assert trunk.call("GET", "/IpAccessControlLists")["ip_access_control_lists"] == []
    lists = f"/2010-04-01/Accounts/{runner.sandbox.world.account.sid}/SIP/IpAccessControlLists.json"
    assert [row["sid"] for row in runner.rows(lists, "ip_access_control_lists")] == [sid]
    runner.run("undo", "--auto-approve")
    assert [
        row["sid"] for row in trunk.call("GET", "/IpAccessControlLists")["ip_access_control_lists"]
    ] == [sid]
    assert runner.plan() == [(address, "delete")]


def test_lists_with_odd_names_have_distinct_addresses(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(credential_lists=[])
    runner.apply()
    for name in ("one", "two", "a/b", "bell\a"):
        sid = runner.post("/SIP/CredentialLists.json", FriendlyName=name)["sid"]
        trunk.call("POST", "/CredentialLists", CredentialListSid=sid)
    first = trunk.drift()
    assert len(first) == 4
    assert all(address.isprintable() and address.count("/") == 2 for address in first)
    assert trunk.drift() == first
    runner.apply("--force")
    assert trunk.drift(code=0) == {}


def test_an_address_on_a_managed_list_is_drift_and_is_deleted(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(
        ip_access_control_lists=[{"name": "offices", "addresses": [{"cidr": "203.0.113.0/28"}]}]
    )
    runner.apply()
    sid = runner.state["ip_access_control_list/offices"]["sid"]
    path = f"/SIP/IpAccessControlLists/{sid}/IpAddresses.json"
    runner.post(path, FriendlyName="theirs", IpAddress="192.0.2.7", CidrPrefixLength="32")
    address = "ip_address/offices/192.0.2.7/32"
    assert trunk.drift() == {address: PRESENT}
    assert (runner.plan(), trunk.codes()) == ([(address, "delete")], [])
    runner.apply()
    assert runner.plan() == []
    runner.run("undo", "--auto-approve")
    assert trunk.drift() == {address: PRESENT}


def test_empties_a_list_shared_with_a_foreign_trunk_only_with_consent(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(ip_access_control_lists=[{"name": "offices", "addresses": []}])
    runner.apply()
    sid = runner.state["ip_access_control_list/offices"]["sid"]
    other = ask(runner.sandbox, "POST", "/v1/Trunks", form={"FriendlyName": "theirs"}).json["sid"]
    form = {"IpAccessControlListSid": sid}
    assert (
        ask(runner.sandbox, "POST", f"/v1/Trunks/{other}/IpAccessControlLists", form=form).status
        == 201
    )
    path = f"/SIP/IpAccessControlLists/{sid}/IpAddresses.json"
    runner.post(path, FriendlyName="theirs", IpAddress="192.0.2.7", CidrPrefixLength="32")
    assert trunk.codes() == ["takeover_refused"]
    assert runner.apply(code=4) == []
    runner.apply("--allow-takeover=ip_address/*")
    assert runner.plan() == []


def test_deletes_a_credential_only_with_consent_and_cannot_recreate_it(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(credential_lists=[{"name": "users", "credentials": [PBX]}])
    runner.apply()
    sid = runner.state["credential_list/users"]["sid"]
    runner.post(
        f"/SIP/CredentialLists/{sid}/Credentials.json",
        Username="theirs",
        Password="Some-Other-Word-9",
    )
    assert trunk.drift() == {"credential/users/theirs": PRESENT}
    assert "takeover_refused" in trunk.codes()
    assert runner.apply(code=4) == []
    runner.apply("--allow-takeover=credential/users/theirs")
    assert runner.plan() == []
    text = runner.run("undo", "--auto-approve", "--json")
    assert "rollback_incomplete" in text


def test_list_with_keep_reports_its_foreign_entries(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(
        ip_access_control_lists=[{"name": "offices", "addresses": [], "unlisted": "keep"}]
    )
    runner.apply()
    sid = runner.state["ip_access_control_list/offices"]["sid"]
    path = f"/SIP/IpAccessControlLists/{sid}/IpAddresses.json"
    runner.post(path, FriendlyName="theirs", IpAddress="192.0.2.7", CidrPrefixLength="32")
    assert (runner.plan(), trunk.codes()) == ([], ["unlisted_child"])
    assert runner.apply() == []


def test_deletions_count_where_few_resources_are_bound(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    trunk.add_url("sip:another.example.net")
    assert trunk.codes() == ["threshold_exceeded"]
    assert runner.apply(code=4) == []
    runner.apply("--force")
    assert trunk.urls == [OURS["sip_url"]]


def test_single_child_can_be_targeted(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    trunk.add_url("sip:another.example.net")
    runner.apply(f"--target=origination_url/edge/{THEIRS}")
    assert trunk.urls == sorted([OURS["sip_url"], "sip:another.example.net"])


def test_a_saved_plan_deletes_the_child(runner: CommandRunner, trunk: Trunk) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    runner.run("plan", "--out", str(runner.folder / "saved.plan"))
    runner.run("apply", str(runner.folder / "saved.plan"), "--auto-approve")
    assert trunk.urls == [OURS["sip_url"]]


def test_removing_a_trunk_removes_the_records_of_its_children(
    runner: CommandRunner, trunk: Trunk
) -> None:
    trunk.declare(origination=[OURS])
    runner.apply()
    trunk.add_url()
    runner.apply()
    runner.declare()
    runner.apply()
    assert runner.plan() == []
    assert runner.state == {}


def test_a_recorded_child_can_be_named_by_address_and_by_sid(
    runner: CommandRunner, trunk: Trunk
) -> None:
    """Nobody here has declared it, and there is nothing to do about it: the name is right all the same."""
    trunk.declare()
    runner.apply()
    url = trunk.add_url()
    address = f"origination_url/edge/{THEIRS}"
    assert list(trunk.drift()) == [address]
    for pattern in (address, url, "origination_url/*"):
        assert [
            d["address"] for d in runner.json("drift", "--target", pattern, code=2)["drifted"]
        ] == [address]
        runner.run("plan", "--target", pattern)

    # Recorded at an import, and changed by nobody since.
    (runner.folder / "state.json").unlink()
    runner.apply("--allow-takeover")
    for pattern in (address, url, "origination_url/*"):
        assert runner.json("drift", "--target", pattern)["drifted"] == []
        runner.run("plan", "--target", pattern)
        runner.run("plan", "--no-refresh", "--target", pattern)
        runner.apply("--target", pattern)

    # Deleted by somebody: only state knows it.
    trunk.call("DELETE", f"/OriginationUrls/{url}")
    for pattern in (address, url):
        assert [
            d["address"] for d in runner.json("drift", "--target", pattern, code=2)["drifted"]
        ] == [address]
    runner.run("plan", "--target", f"{address}x", code=64)


def foreign_child(runner: CommandRunner, trunk: Trunk, kind: str) -> None:
    """Somebody puts a child of this kind on the trunk, or on a list that the trunk uses."""
    if kind == "origination_url":
        trunk.add_url()
        return
    if kind.startswith("trunk_"):
        path, parameter = ("CredentialLists", "CredentialListSid")
        if kind == "trunk_ip_access_control_list":
            path, parameter = ("IpAccessControlLists", "IpAccessControlListSid")
        made = runner.post(f"/SIP/{path}.json", FriendlyName="foreign")
        trunk.call("POST", f"/{path}", **{parameter: made["sid"]})
        return
    above = "IpAccessControlLists" if kind == "ip_address" else "CredentialLists"
    rows = runner.rows(
        f"/2010-04-01/Accounts/{runner.sandbox.world.account.sid}/SIP/{above}.json", KEYS[above]
    )
    sid = rows[0]["sid"]
    if kind == "ip_address":
        runner.post(
            f"/SIP/{above}/{sid}/IpAddresses.json", FriendlyName="theirs", IpAddress="198.51.100.9"
        )
    else:
        runner.post(
            f"/SIP/{above}/{sid}/Credentials.json", Username="theirs", Password="Their-Own-Secret-1"
        )


def watched(trunk: Trunk) -> None:
    """A trunk with a list of each kind, all of whose parts are watched."""
    trunk.declare(
        origination=[OURS],
        ip_access_control_lists=[{"name": "offices", "addresses": [HQ]}],
        credential_lists=[{"name": "pbx", "credentials": [PBX]}],
    )


def test_every_kind_of_child_is_tried() -> None:
    assert {
        kind.name for kind in KINDS.values() if kind.parent is not None and not kind.singleton
    } == set(PATHS)


@pytest.mark.parametrize("kind", PATHS)
def test_every_kind_of_foreign_child_is_drift_and_deleted(
    runner: CommandRunner, trunk: Trunk, kind: str
) -> None:
    watched(trunk)
    runner.apply()
    foreign_child(runner, trunk, kind)
    drifted = trunk.drift()
    assert [address.partition("/")[0] for address in drifted] == [kind]
    assert list(drifted.values()) == [PRESENT]
    deletions = [address for address, action in runner.plan() if action == "delete"]
    assert deletions == list(drifted)


def record_foreign_child(runner: CommandRunner, trunk: Trunk, kind: str) -> None:
    """Import a trunk whose foreign child of this kind is there already, and stays there."""
    watched(trunk)
    runner.apply()
    foreign_child(runner, trunk, kind)
    (runner.folder / "state.json").unlink()
    if kind not in PARENTS:
        trunk.declare()
    else:
        trunk.declare(
            origination=[OURS],
            ip_access_control_lists=[{"name": "offices", "addresses": [HQ], "unlisted": "keep"}],
            credential_lists=[{"name": "pbx", "credentials": [PBX], "unlisted": "keep"}],
        )
    runner.apply("--allow-takeover")
    assert trunk.drift(code=0) == {}


@pytest.mark.parametrize("kind", PATHS)
def test_recorded_child_absent_from_a_listing_is_not_missing(
    runner: CommandRunner, trunk: Trunk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that moves while it is read may leave out a row: it is fetched by its SID."""
    record_foreign_child(runner, trunk, kind)
    expected = (trunk.codes(), runner.plan())
    read = gateway.TwilioGateway.rows

    def without_first(self: Any, endpoint: Any, **path: str) -> list[dict[str, Any]]:
        rows = read(self, endpoint, **path)
        return rows[1:] if endpoint is KINDS[kind].listing else rows

    monkeypatch.setattr(gateway.TwilioGateway, "rows", without_first)
    assert trunk.drift(code=0) == {}
    assert (trunk.codes(), runner.plan()) == expected


@pytest.mark.parametrize("kind", PATHS)
def test_missing_recorded_child_is_drift(runner: CommandRunner, trunk: Trunk, kind: str) -> None:
    record_foreign_child(runner, trunk, kind)
    entry = runner.state[PARENTS.get(kind, "trunk/edge")]
    sid = sorted(entry["children"][kind])[0]
    if kind not in PARENTS:
        trunk.call("DELETE", f"/{PATHS[kind]}/{sid}")
    else:
        above = "IpAccessControlLists" if kind == "ip_address" else "CredentialLists"
        lists = f"/2010-04-01/Accounts/{runner.sandbox.world.account.sid}/SIP/{above}"
        runner.delete(f"{lists}/{entry['sid']}/{PATHS[kind]}/{sid}.json")
    (fields,) = trunk.drift().values()
    assert fields == [{"field": "present", "recorded": True, "live": False}]
