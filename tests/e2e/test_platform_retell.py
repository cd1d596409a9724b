"""Retell AI on a declared trunk, from the first apply to the removal: nobody's calls are lost, and no secret is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.retell import NUMBERS, RetellNumber
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.platform_runner import PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO = "+15550100101", "+15550100102"
PBX = "https://pbx.example.net/in"
KEY, PASSWORD = "pl4nted-retell-key", "Pl4nted-Password-1"
ADDRESS, NUMBER = f"registration/ret/{ONE}", f"number/{ONE}"
IMPORT, CHANGE = "/retell/import-phone-number", "/retell/update-phone-number/*"


def rows_of_retell() -> World:
    rows = {
        "platform_keys": [{"platform": "retell", "key": KEY}],
        "retell_agents": [{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
    }
    return world({ONE: {"voice_url": PBX, "voice_method": "GET"}, TWO: {}}, **rows)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    with Sandbox(rows_of_retell()) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def trunk(runner: PlatformRunner, name: str = "edge", **fields: object) -> dict[str, object]:
    """A trunk that leads to Retell, with a list of one user."""
    password = runner.secret("SIP_PASSWORD", PASSWORD)
    users = [{"username": "agents", "password": password}]
    return {
        "domain": f"acme-{name}.pstn.twilio.com",
        "origination": [{"sip_url": "sip:sip.retellai.com;transport=tcp"}],
        "credential_lists": [{"name": "pbx", "credentials": users}],
        **fields,
    }


def declare(
    runner: PlatformRunner,
    numbers: object,
    trunks: object = None,
    agent: dict[str, object] | None = None,
    **sections: object,
) -> None:
    platform = {
        "type": "retell",
        "api_key": runner.secret("RETELL_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/retell",
        "credential": "pbx/agents",
    }
    agents = {
        "sales": {"platform": "ret", **(agent or {"id": "agent_1"})},
        "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    }
    runner.setting(
        numbers,
        platforms={"ret": platform},
        agents=agents,
        trunks={"edge": trunk(runner)} if trunks is None else trunks,
        **sections,
    )


def on_trunk(name: str = "edge", **fields: object) -> dict[str, object]:
    return {"agent": "sales", "trunk": name, "takeover": "allow", **fields}


def row_of(runner: PlatformRunner, number: str = ONE) -> RetellNumber:
    row = runner.world.table(NUMBERS).get(number)
    assert row is not None
    return row


def order_of(calls: list[Any]) -> list[str]:
    """What the writing calls are about, in their order."""
    names = {
        "/v1/Trunks/[^/]*/OriginationUrls": "origination",
        "/v1/Trunks/[^/]*/CredentialLists": "list on trunk",
        "/Credentials(/[^/]*)?.json": "user",
        "/CredentialLists(/[^/]*)?.json": "list",
        "/v1/Trunks": "trunk",
        "/IncomingPhoneNumbers": "number",
        "/retell/": "retell",
    }
    found: list[str] = []
    for call in calls:
        if call.is_write:
            found.append(next(name for part, name in names.items() if re.search(part, call.path)))
    return found


def test_a_working_number_is_moved_only_when_everything_behind_it_stands(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: on_trunk()})
    plan = runner.plan()
    assert actions(plan)[-3:] == [
        (NUMBER, "import"),
        (ADDRESS, "register"),
        (NUMBER, "attach_trunk"),
    ]
    with runner.watched() as calls:
        runner.apply()
    made = order_of(calls)
    assert made[-2:] == ["retell", "number"], "Retell has the number before it joins the trunk"
    assert {"trunk", "origination", "list", "user", "list on trunk"} == set(made[:-2])
    assert runner.hooks(ONE).keys() == {"voice_url", "trunk_sid"}
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    with runner.watched() as calls:
        runner.apply()
    assert order_of(calls) == []


def test_retell_gets_the_trunk_and_its_user(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk(friendly_name="Desk")})
    runner.apply()
    row = row_of(runner)
    assert (row.termination_uri, row.username, row.password) == (
        "acme-edge.pstn.twilio.com",
        "agents",
        PASSWORD,
    )
    assert (row.nickname, row.transport) == ("Desk", "TCP")
    declare(runner, {ONE: on_trunk(friendly_name="Desk")}, {"edge": trunk(runner, secure=True)})
    runner.apply()
    assert row_of(runner).transport == "TLS", "a secure trunk refuses calls without TLS"


def test_an_edit_on_either_side_is_drift_and_healed(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    sid = runner.hooks(ONE)["trunk_sid"]

    runner.edit(ONE, trunk_sid="")
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [NUMBER]
    assert actions(runner.plan()) == [(NUMBER, "attach_trunk")]
    runner.apply()
    assert runner.hooks(ONE)["trunk_sid"] == sid

    row = row_of(runner)
    row.inbound_agents = [{"agent_id": "agent_2", "weight": 1}]
    row.changed_at += 1
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [ADDRESS]
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    runner.apply()
    assert row_of(runner).inbound_agents == [{"agent_id": "agent_1", "weight": 1.0}]
    runner.settled()

    runner.world.table(NUMBERS).remove(row_of(runner))
    assert actions(runner.plan()) == [(ADDRESS, "register")]
    runner.apply()
    runner.settled()


@pytest.mark.parametrize(
    ("agent", "rows"),
    [
        ({"id": "agent_2"}, [("agent_2", 1.0, None)]),
        ({"id": "agent_1", "version": 3}, [("agent_1", 1.0, 3)]),
        ({"id": "agent_1", "version": "latest"}, [("agent_1", 1.0, "latest")]),
        (
            {"split": [{"id": "agent_2", "weight": 0.1}, {"id": "agent_1", "weight": 0.9}]},
            [("agent_1", 0.9, None), ("agent_2", 0.1, None)],
        ),
        (
            {
                "split": [
                    {"id": "agent_1", "version": 3, "weight": 0.5},
                    {"id": "agent_1", "version": "prod", "weight": 0.5},
                ]
            },
            [("agent_1", 0.5, 3), ("agent_1", 0.5, "prod")],
        ),
    ],
)
def test_another_agent_is_one_call_in_place(
    runner: PlatformRunner, agent: dict[str, object], rows: list[tuple[str, float, object]]
) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {ONE: on_trunk()}, agent=agent)
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    with runner.watched() as calls:
        runner.apply()
    assert [call.method for call in calls if call.is_write] == ["PATCH"]
    for agents in (row_of(runner).inbound_agents, row_of(runner).outbound_agents):
        found = [(each["agent_id"], each["weight"], each.get("agent_version")) for each in agents]
        assert found == rows
    runner.settled()


def test_directions_decide_which_agents_a_number_has(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk(supports_inbound=False), TWO: on_trunk(supports_outbound=False)})
    runner.apply()
    assert (row_of(runner).inbound_agents, len(row_of(runner).outbound_agents)) == ([], 1)
    assert (len(row_of(runner, TWO).inbound_agents), row_of(runner, TWO).outbound_agents) == (1, [])
    assert runner.hooks(ONE) == {}, "a number without incoming calls has no route"
    runner.settled()


def test_countries_are_managed_once_they_are_declared(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    row_of(runner).inbound_countries = ["US"]
    runner.settled()
    for countries, stored in ((["GB", "FR"], ["FR", "GB"]), ([], [])):
        agent = {"id": "agent_1", "inbound_countries": countries}
        declare(runner, {ONE: on_trunk()}, agent=agent)
        assert actions(runner.plan()) == [(ADDRESS, "update")]
        runner.apply()
        assert row_of(runner).inbound_countries == stored
        runner.settled()


def test_a_version_that_the_server_adds_is_no_drift(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    row_of(runner).inbound_agents = [{"agent_id": "agent_1", "weight": 1, "agent_version": 7}]
    runner.settled()
    assert runner.json("drift")["drifted"] == []


def test_a_removal_restores_the_route_before_retell_drops_the_number(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: on_trunk(), TWO: on_trunk()})
    runner.apply()
    declare(runner, {})
    assert actions(runner.plan()) == [
        (NUMBER, "release"),
        (f"number/{TWO}", "release"),
        (ADDRESS, "unregister"),
        (f"registration/ret/{TWO}", "unregister"),
    ]
    runner.apply()
    number = runner.twilio_number(ONE)
    assert (number.voice_url, number.voice_method) == (PBX, "GET")
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.hooks(TWO) == {}
    assert list(runner.world.table(NUMBERS)) == []
    runner.settled()
    declare(runner, {}, {})
    runner.apply()
    assert runner.state == {}


def test_everything_is_removed_in_one_apply(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {}, {})
    with runner.watched() as calls:
        runner.apply()
    gone = order_of(calls)
    assert gone.index("number") < gone.index("retell") < gone.index("trunk")
    assert gone.index("retell") < gone.index("user")
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.state == {}
    runner.settled()


def test_an_own_agent_answers_before_retell_drops_the_number(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {ONE: "own"})
    assert actions(runner.plan()) == [
        (NUMBER, "overwrite_webhooks"),
        (NUMBER, "detach_trunk"),
        (ADDRESS, "unregister"),
    ]
    with runner.watched() as calls:
        runner.apply()
    assert order_of(calls)[-1] == "retell"
    assert runner.hooks(ONE) == {"voice_url": "https://agents.example.com/voice"}
    runner.settled()
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}


def test_a_new_password_goes_to_twilio_and_to_retell_in_one_apply(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk(), TWO: on_trunk()})
    runner.apply()
    declare(runner, {ONE: on_trunk(), TWO: on_trunk()})
    runner.environ["SIP_PASSWORD"] = new = "An0ther-Password"
    runner.plant("", new)
    assert sorted(actions(runner.plan())) == [
        ("credential/pbx/agents", "update"),
        (ADDRESS, "update"),
        (f"registration/ret/{TWO}", "update"),
    ]
    with runner.watched() as calls:
        runner.apply()
    assert order_of(calls) == ["user", "retell", "retell"]
    assert [row.password for row in runner.world.table(NUMBERS)] == [new, new]
    runner.settled()


def test_an_interrupted_rotation_is_finished_by_the_next_apply(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    runner.environ["SIP_PASSWORD"] = new = "An0ther-Password"
    runner.plant("", new)
    runner.sandbox.faults.add(f.Refuse(path=CHANGE, method="PATCH", status=400))
    done = runner.apply(code=5)
    assert [error["code"] for error in done["errors"]] == ["validation_error"]
    assert row_of(runner).password == PASSWORD
    runner.sandbox.faults.clear()
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    runner.apply()
    assert row_of(runner).password == new
    runner.settled()


def test_another_trunk_is_ready_before_the_number_moves(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    former = runner.hooks(ONE)["trunk_sid"]
    west = trunk(runner, "west")
    declare(runner, {ONE: on_trunk("west")}, {"west": west})
    with runner.watched() as calls:
        runner.apply()
    made = [name for name in order_of(calls) if name in ("retell", "number")]
    assert made == ["retell", "number"]
    deleted = [call for call in calls if call.method == "DELETE" and former in call.path]
    assert deleted[-1].path.endswith(former), "the former trunk goes last"
    assert row_of(runner).termination_uri == "acme-west.pstn.twilio.com"
    runner.settled()


def test_another_domain_reaches_retell(runner: PlatformRunner) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {ONE: on_trunk()}, {"edge": trunk(runner, domain="acme-new.pstn.twilio.com")})
    assert actions(runner.plan()) == [("trunk/edge", "update"), (ADDRESS, "update")]
    runner.apply()
    assert row_of(runner).termination_uri == "acme-new.pstn.twilio.com"
    runner.settled()


STATUSES = [
    (400, "validation_error"),
    (401, "invalid_api_key"),
    (403, "platform_forbidden"),
    (404, "agent_not_found"),
    (409, "number_already_imported"),
    (422, "validation_error"),
]


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_a_refused_import_leaves_the_number_where_it_was(
    runner: PlatformRunner, status: int, code: str
) -> None:
    declare(runner, {ONE: on_trunk()})
    echo = f"refused {KEY} {PASSWORD}"
    runner.sandbox.faults.add(f.Refuse(path=IMPORT, method="POST", status=status, message=echo))
    done = runner.apply(code=5)
    assert [error["code"] for error in done["errors"]] == [code, "dependency_failed"]
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert list(runner.world.table(NUMBERS)) == []
    runner.sandbox.faults.clear()
    runner.apply()
    runner.settled()


@pytest.mark.parametrize(("status", "code"), STATUSES[:1] + STATUSES[3:])
def test_a_refused_change_leaves_the_former_agent(
    runner: PlatformRunner, status: int, code: str
) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {ONE: on_trunk()}, agent={"id": "agent_2"})
    runner.sandbox.faults.add(f.Refuse(path=CHANGE, method="PATCH", status=status, times=1))
    done = runner.apply(code=1)
    assert [error["code"] for error in done["errors"]] == [code]
    assert row_of(runner).inbound_agents == [{"agent_id": "agent_1", "weight": 1.0}]


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_never_makes_a_second_record(
    runner: PlatformRunner, carried_out: bool
) -> None:
    declare(runner, {ONE: on_trunk()})
    fault = f.Drop(path=IMPORT, method="POST", carried_out=carried_out, times=1)
    runner.sandbox.faults.add(fault)
    with runner.watched() as calls:
        runner.run("apply", "--json", "--auto-approve", code=0 if carried_out else 5)
    imports = [call for call in calls if call.path == IMPORT]
    assert len(imports) == 1
    if not carried_out:
        assert runner.hooks(ONE) == {"voice_url": PBX}
        runner.apply()
    runner.settled()
    assert len(list(runner.world.table(NUMBERS))) == 1


def test_a_number_of_another_agent_is_not_taken(runner: PlatformRunner) -> None:
    agents = [{"agent_id": "agent_2", "weight": 1}]
    row = {"phone_number": ONE, "inbound_agents": agents, "termination_uri": "their.example.com"}
    runner.world.extend({"format": 1, "retell_numbers": [row]})
    declare(runner, {ONE: on_trunk()})
    assert runner.run("plan", "--json", code=1).codes == ["number_already_imported"]
    with runner.watched() as calls:
        runner.run("apply", "--json", "--auto-approve", code=1)
    assert order_of(calls) == []


def test_a_number_that_retell_has_sold_is_never_removed(runner: PlatformRunner) -> None:
    row = {"phone_number": ONE, "phone_number_type": "retell-twilio"}
    runner.world.extend({"format": 1, "retell_numbers": [row]})
    declare(runner, {ONE: on_trunk()})
    done = runner.apply(code=5)
    assert done["errors"][0]["code"] == "number_already_imported"
    assert "Retell AI itself provides" in done["errors"][0]["message"]
    declare(runner, {})
    runner.apply()
    assert row_of(runner).phone_number_type == "retell-twilio"
    assert runner.hooks(ONE) == {"voice_url": PBX}


def test_an_agent_that_retell_does_not_have_is_an_error_of_the_plan(
    runner: PlatformRunner,
) -> None:
    split = [{"id": "agent_1", "weight": 0.5}, {"id": "agent_9", "weight": 0.5}]
    declare(runner, {ONE: on_trunk()}, agent={"split": split})
    assert runner.run("plan", "--json", code=1).codes == ["agent_not_found"]


def test_an_adopted_number_gets_our_user(runner: PlatformRunner) -> None:
    """The password cannot be read: it is written once, with consent for what is foreign."""
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    runner.lose_state()
    row_of(runner).password = "theirs"
    plan = runner.plan()
    assert (ADDRESS, "update") in actions(plan)
    runner.apply()
    assert row_of(runner).password == PASSWORD
    runner.settled()


def test_a_trunk_that_leads_elsewhere_is_a_warning(runner: PlatformRunner) -> None:
    elsewhere = trunk(runner, origination=[{"sip_url": "sip:sbc.example.com"}])
    declare(runner, {ONE: on_trunk()}, {"edge": elsewhere})
    found = runner.json("validate")["diagnostics"]
    assert [each["code"] for each in found] == ["origination_elsewhere"]
    assert 'sip_url: "sip:sip.retellai.com;transport=tcp"' in found[0]["detail"]


def test_the_password_is_a_new_destination(runner: PlatformRunner) -> None:
    """A pull request could send the password of any list to Retell."""
    declare(runner, {ONE: on_trunk()})
    found = runner.plan()["destinations"]
    assert {(each["name"], each["credential"]) for each in found} >= {
        ("ret", "env:SIP_PASSWORD"),
        ("ret", "env:RETELL_KEY"),
        ("main", "env:SIP_PASSWORD"),
    }


def test_a_saved_plan_is_stale_once_the_number_has_changed_on_retell(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: on_trunk()})
    runner.apply()
    declare(runner, {ONE: on_trunk()}, agent={"id": "agent_2"})
    runner.run("plan", "--out", "plan.json")
    row_of(runner).inbound_agents = [{"agent_id": "agent_2", "weight": 1}]
    refused = runner.run("apply", "plan.json", "--json", code=4)
    assert set(refused.codes) == {"plan_stale"}
    assert "agent_1" in refused.out


def test_no_secret_is_anywhere(runner: PlatformRunner) -> None:
    """`ProcessRunner` searches everything that each command prints and writes for planted secrets."""
    declare(runner, {ONE: on_trunk()})
    runner.run("plan", "--out", "plan.json")
    runner.apply()
    for command in ("list", "show", "log", "drift", "doctor", "export", "graph"):
        words = ["show", ADDRESS] if command == "show" else [command]
        assert runner.end(runner.start(*words)).code in (0, 2)
    declare(runner, {})
    runner.apply()
