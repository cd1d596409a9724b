"""Vapi, Retell and ElevenLabs on second implementations of their APIs: the whole life of a number on each.

Registered, planned again, edited on either side, given to another agent, its answer lost, and no longer declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.independent_elevenlabs import IndependentElevenLabs
from tests.support.processes.independent_platform import IndependentPlatform, Request
from tests.support.processes.independent_retell import IndependentRetell
from tests.support.processes.independent_twilio_with_lists import IndependentTwilioWithLists
from tests.support.processes.independent_vapi import IndependentVapi
from tests.support.processes.process_runner import AC, ProcessRunner, actions

ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
BEFORE = {"voice_url": "https://pbx.example.net/in", "sms_url": "https://pbx.example.net/sms"}
ASSISTANTS = ("4a1b2c3d-0000-4000-8000-000000000001", "4a1b2c3d-0000-4000-8000-000000000002")
SQUAD = "4a1b2c3d-0000-4000-8000-00000000000f"
SIP_PASSWORD = "Pl4nted-Sip-Password"
KEY_SID, KEY_SECRET = "SK" + "0b" * 16, "pl4nted-api-secret"


@dataclass(frozen=True)
class Case:
    """One platform: its server, its settings, its agents, and how its world is looked at."""

    type: str
    server: Callable[[IndependentTwilioWithLists], IndependentPlatform]
    agents: dict[str, Any]
    agent_of: Callable[[dict[str, Any]], object]
    give_to: Callable[[dict[str, Any], str], None]
    by_trunk: bool = False


def _give_retell(row: dict[str, Any], agent: str) -> None:
    row["inbound_agents"] = [{"agent_id": agent, "weight": 1}]
    row["last_modification_timestamp"] += 1


CASES = {
    "vapi": Case(
        "vapi",
        IndependentVapi,
        {"first": {"id": ASSISTANTS[0]}, "second": {"id": ASSISTANTS[1]}},
        lambda row: row.get("assistantId"),
        lambda row, agent: row.update(assistantId=agent),
    ),
    "retell": Case(
        "retell",
        IndependentRetell,
        {"first": {"id": "agent_first"}, "second": {"id": "agent_second"}},
        lambda row: row["inbound_agents"][0]["agent_id"],
        _give_retell,
        by_trunk=True,
    ),
    "elevenlabs": Case(
        "elevenlabs",
        IndependentElevenLabs,
        {"first": {"id": "agent_first"}, "second": {"id": "agent_second"}},
        lambda row: row.get("agent_id"),
        lambda row, agent: row.update(agent_id=agent),
    ),
}


class World:
    """A platform, Twilio, and a project on both."""

    def __init__(self, case: Case, stack: ExitStack, folder: Path) -> None:
        self.case = case
        self.twilio = stack.enter_context(IndependentTwilioWithLists())
        self.platform = stack.enter_context(case.server(self.twilio))
        self.platform.agents = {SQUAD, *(agent["id"] for agent in case.agents.values())}
        self.runner = ProcessRunner(folder, self.twilio)
        self.runner.environ |= {"PLATFORM_KEY": self.platform.key, "SIP_PASSWORD": SIP_PASSWORD}
        self.runner.plant("key", self.platform.key)
        self.runner.plant("pbx", SIP_PASSWORD)
        for e164 in (ONE, TWO, THREE):
            self.runner.number(e164, **BEFORE)

    def declare(self, numbers: dict[str, str], **sections: Any) -> None:
        """Give numbers to agents; a platform that is reached by a trunk gets one."""
        entries: dict[str, Any] = {}
        for e164, agent in numbers.items():
            entries[e164] = {"agent": agent, "takeover": "allow"}
            if self.case.by_trunk:
                entries[e164]["trunk"] = "edge"

        platform = {
            "type": self.case.type,
            "api_key": {"env": "PLATFORM_KEY"},
            "base_url": self.platform.url,
        }
        if self.case.by_trunk:
            platform["credential"] = "pbx/pbx"
            users = [{"username": "pbx", "password": {"env": "SIP_PASSWORD"}}]
            trunk = {
                "domain": "acme-edge.pstn.twilio.com",
                "origination": [{"sip_url": "sip:sip.retellai.com;transport=tcp"}],
                "credential_lists": [{"name": "pbx", "credentials": users}],
            }
            sections.setdefault("trunks", {"edge": trunk})
        agents = {name: {"platform": "p", **agent} for name, agent in self.case.agents.items()}
        sections.setdefault("agents", agents)
        self.runner.declare(entries, platforms={"p": platform}, **sections)

    def row(self, e164: str = ONE) -> dict[str, Any]:
        """The number on the platform."""
        for row in self.platform.numbers.values():
            if e164 in (row.get("number"), row.get("phone_number")):
                return row
        raise AssertionError(f"{e164} is not on the platform")

    def hooks(self, e164: str = ONE) -> dict[str, str]:
        """The routes of a number on Twilio that are set."""
        row = self.twilio.number(e164)
        names = ("voice_url", "sms_url", "status_callback", "trunk_sid")
        return {name: row[name] for name in names if row[name]}

    def id_of(self, agent: str) -> str:
        return str(self.case.agents[agent]["id"])


@pytest.fixture(params=sorted(CASES))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        made = World(CASES[request.param], stack, tmp_path / "work")
        yield made
        assert not made.platform.failures, made.platform.failures[0]
        assert not made.platform.misuse, made.platform.misuse
        assert not made.twilio.failures, made.twilio.failures[0]


def test_the_first_apply_registers_and_the_second_plan_is_empty(world: World) -> None:
    world.declare({ONE: "first", TWO: "first", THREE: "second"})
    done = world.runner.apply()
    for e164 in (ONE, TWO, THREE):
        assert (f"registration/p/{e164}", "register") in actions(done)
    assert world.case.agent_of(world.row(ONE)) == world.id_of("first")
    assert world.case.agent_of(world.row(THREE)) == world.id_of("second")

    world.runner.settled()
    assert world.runner.json("drift")["drifted"] == []
    before = len(world.platform.writes)
    world.runner.apply()
    assert len(world.platform.writes) == before


def test_an_edit_on_either_side_is_drift_and_is_healed(world: World) -> None:
    world.declare({ONE: "first"})
    world.runner.apply()
    written = world.hooks()

    world.case.give_to(world.row(), world.id_of("second"))
    drift = world.runner.json("drift", code=2)
    assert [each["address"] for each in drift["drifted"]] == [f"registration/p/{ONE}"]
    world.runner.apply()
    assert world.case.agent_of(world.row()) == world.id_of("first")

    elsewhere = {"voice_url": "https://elsewhere.example.net/in"}
    if world.case.by_trunk:
        elsewhere["trunk_sid"] = ""
    world.twilio.edit(ONE, **elsewhere)
    drift = world.runner.json("drift", code=2)
    assert [each["address"] for each in drift["drifted"]] == [f"number/{ONE}"]
    world.runner.apply()
    for name in ("trunk_sid",) if world.case.by_trunk else ("voice_url", "sms_url"):
        assert world.hooks().get(name) == written.get(name)
    world.runner.settled()


def test_another_agent_is_one_call_in_place(world: World) -> None:
    world.declare({ONE: "first"})
    world.runner.apply()
    before = len(world.platform.writes)

    world.declare({ONE: "second"})
    world.runner.apply()
    writes = world.platform.writes[before:]
    assert [write.split()[0] for write in writes] == ["PATCH"]
    assert world.case.agent_of(world.row()) == world.id_of("second")
    world.runner.settled()


@pytest.mark.parametrize("leaves", ["everything", "nothing", "voice only"])
def test_a_removal_restores_the_values_from_before(world: World, leaves: Any) -> None:
    world.platform.leaves = leaves
    world.declare({ONE: "first"})
    world.runner.apply()

    world.declare({}, **({"trunks": None} if world.case.by_trunk else {}))
    world.runner.apply("--force")
    assert world.platform.numbers == {}
    assert world.hooks() == BEFORE
    assert ONE not in str(world.runner.state)
    world.runner.settled()


@pytest.mark.parametrize("trouble", ["drop", "drop after", "500 after", "503", "429"])
def test_a_lost_answer_to_an_import_makes_one_record(world: World, trouble: str) -> None:
    left = [1]

    def once(request: Request) -> str | None:
        if request.method == "POST" and left:
            left.pop()
            return trouble
        return None

    world.platform.trouble = once
    world.declare({ONE: "first"})
    first = world.runner.end(world.runner.start("apply", "--auto-approve", "--json"))
    assert not left, "no import was sent"
    if first.code:
        world.runner.apply()
    assert len(world.platform.numbers) == 1
    assert world.case.agent_of(world.row()) == world.id_of("first")
    world.runner.settled()


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "422", "500"])
def test_a_refused_import_leaves_the_number_as_it_was(world: World, status: str) -> None:
    world.platform.trouble = lambda request: status if request.method == "POST" else None
    world.declare({ONE: "first"})
    world.runner.end(world.runner.start("apply", "--auto-approve", "--json"))
    assert world.platform.numbers == {}
    hooks = world.hooks()
    assert {name: hooks.get(name) for name in BEFORE} == BEFORE
    if not world.case.by_trunk:
        assert hooks == BEFORE

    world.platform.trouble = lambda request: None
    world.runner.apply()
    world.runner.settled()


def test_an_agent_that_does_not_exist_is_an_error_of_the_plan(world: World) -> None:
    world.platform.agents = set()
    world.declare({ONE: "first"})
    planned = world.runner.json("plan", code=1)
    assert "agent_not_found" in [each["code"] for each in planned["diagnostics"]]
    assert world.platform.writes == []


def test_a_server_without_routes_for_agents_does_not_stop_an_import(world: World) -> None:
    world.platform.agents = None
    world.declare({ONE: "first"})
    world.runner.apply()
    assert world.case.agent_of(world.row()) == world.id_of("first")
    world.runner.settled()


def test_a_refusal_has_the_code_of_its_status(world: World) -> None:
    world.platform.key = "another-key"
    world.declare({ONE: "first"})
    done = world.runner.end(world.runner.start("apply", "--auto-approve", "--json"))
    assert done.code == 1
    assert "invalid_api_key" in done.codes
    assert world.hooks() == BEFORE


def _sms(world: World) -> object:
    """What the platform was told about messages at the import."""
    [posted] = [r.body for r in world.platform.requests if r.method == "POST"]
    return posted.get("smsEnabled", posted.get("enable_sms"))


@pytest.mark.parametrize("world", ["vapi", "elevenlabs"], indirect=True)
@pytest.mark.parametrize("manages_sms", [True, False])
def test_messages_go_to_the_platform_only_when_they_are_managed(
    world: World, manages_sms: bool
) -> None:
    world.declare({ONE: "first"})
    if not manages_sms:
        world.runner.declare(
            {ONE: {"agent": "first", "takeover": "allow", "manage": ["voice", "status"]}},
            platforms={
                "p": {
                    "type": world.case.type,
                    "api_key": {"env": "PLATFORM_KEY"},
                    "base_url": world.platform.url,
                }
            },
            agents={"first": {"platform": "p", **world.case.agents["first"]}},
        )
    world.runner.apply()
    assert _sms(world) is manages_sms
    assert (world.hooks()["sms_url"] == BEFORE["sms_url"]) is not manages_sms
    world.runner.settled()


@pytest.mark.parametrize("world", ["vapi"], indirect=True)
def test_a_squad_takes_the_place_of_an_assistant_and_back(world: World) -> None:
    world.declare({ONE: "first"})
    world.runner.apply()
    agents = {"team": {"platform": "p", "squad_id": SQUAD}}
    world.declare({ONE: "team"}, agents=agents)
    world.runner.apply()
    assert (world.row().get("assistantId"), world.row().get("squadId")) == (None, SQUAD)
    world.runner.settled()

    world.declare({ONE: "first"})
    world.runner.apply()
    assert (world.row().get("assistantId"), world.row().get("squadId")) == (ASSISTANTS[0], None)
    world.runner.settled()


@pytest.mark.parametrize("world", ["vapi"], indirect=True)
def test_vapi_takes_a_number_on_a_trunk_once_the_trunk_is_known_there(world: World) -> None:
    sid = "4a1b2c3d-0000-4000-8000-0000000000aa"
    assert isinstance(world.platform, IndependentVapi)
    world.platform.credentials[sid] = {}
    users = [{"username": "pbx", "password": {"env": "SIP_PASSWORD"}}]
    trunk = {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": f"sip:{sid}.sip.vapi.ai"}],
        "credential_lists": [{"name": "pbx", "credentials": users}],
    }
    platform = {
        "type": "vapi",
        "api_key": {"env": "PLATFORM_KEY"},
        "base_url": world.platform.url,
        "credential": "pbx/pbx",
        "trunk_credential": sid,
    }
    agents = {"first": {"platform": "p", **world.case.agents["first"]}}
    sections: dict[str, Any] = {"platforms": {"p": platform}, "agents": agents}
    entry = {"agent": "first", "trunk": "edge", "takeover": "allow"}
    world.runner.declare({ONE: entry, TWO: entry}, trunks={"edge": trunk}, **sections)

    world.runner.apply()
    written = [write.split()[0] for write in world.platform.writes]
    assert written == ["PATCH", "POST", "POST"], "the gateways come first, and once"
    known = world.platform.credentials[sid]
    assert known["outboundAuthenticationPlan"]["authPassword"] == SIP_PASSWORD
    assert world.hooks()["trunk_sid"]
    world.runner.settled()

    world.runner.declare({}, **sections)
    world.runner.apply("--force")
    assert world.platform.numbers == {}
    assert world.hooks() == BEFORE
    world.runner.settled()


@pytest.mark.parametrize("world", ["vapi", "elevenlabs"], indirect=True)
@pytest.mark.parametrize("has_token", [True, False])
def test_an_api_key_signs_in_where_it_is_enough(world: World, has_token: bool) -> None:
    world.twilio.add_account(AC, **{AC: "t0ken", KEY_SID: KEY_SECRET})
    world.runner.plant(KEY_SID, KEY_SECRET)
    world.runner.environ |= {"KEY_SID": KEY_SID, "KEY_SECRET": KEY_SECRET, "TOKEN": "t0ken"}
    account: dict[str, Any] = {
        "sid": AC,
        "api_key": {"env": "KEY_SID"},
        "api_secret": {"env": "KEY_SECRET"},
        "base_url": world.twilio.url,
    }
    if has_token:
        account["auth_token"] = {"env": "TOKEN"}
    world.declare({ONE: "first"}, accounts={"main": account})

    if world.case.type == "elevenlabs" and not has_token:
        refused = world.runner.json("plan", code=1)
        assert "auth_token_needed" in [each["code"] for each in refused["diagnostics"]]
        return
    world.runner.apply()
    [posted] = [r.body for r in world.platform.requests if r.method == "POST"]
    if world.case.type == "elevenlabs":
        sent = (posted["sid"], posted["token"], posted["account_auth_token"])
        assert sent == (KEY_SID, KEY_SECRET, "t0ken")
    elif not has_token:
        assert (posted["twilioApiKey"], posted["twilioApiSecret"]) == (KEY_SID, KEY_SECRET)
        assert "twilioAuthToken" not in posted


@pytest.mark.parametrize("world", ["retell"], indirect=True)
def test_retell_gets_the_new_password_and_its_weights(world: World) -> None:
    split = [
        {"id": "agent_first", "weight": 0.9, "version": 3},
        {"id": "agent_second", "weight": 0.1},
    ]
    agents = {"first": {"platform": "p", "split": split}}
    world.declare({ONE: "first"}, agents=agents)
    world.runner.apply()
    assert isinstance(world.platform, IndependentRetell)
    assert world.platform.passwords[ONE] == SIP_PASSWORD
    sent = {each["agent_id"]: each for each in world.row()["inbound_agents"]}
    assert sent["agent_first"]["weight"] == 0.9
    assert sent["agent_first"]["agent_version"] == 3
    world.runner.settled()

    world.runner.environ["SIP_PASSWORD"] = "N3w-Planted-Password"
    world.runner.plant("pbx", "N3w-Planted-Password")
    world.runner.apply()
    assert world.platform.passwords[ONE] == "N3w-Planted-Password"
    assert set(world.twilio.passwords.values()) == {"N3w-Planted-Password"}
    world.runner.settled()


@pytest.mark.parametrize("world", ["retell"], indirect=True)
@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.7, 0.7)])
def test_weights_with_another_sum_are_an_invalid_configuration(
    world: World, weights: tuple[float, float]
) -> None:
    split = [{"id": f"agent_{n}", "weight": weight} for n, weight in enumerate(weights)]
    world.declare({ONE: "first"}, agents={"first": {"platform": "p", "split": split}})
    refused = world.runner.json("validate", code=3)
    assert [each["code"] for each in refused["diagnostics"]] == ["invalid_value"]
    assert world.platform.requests == []
