"""ElevenLabs from the first apply to the removal: registered, the same again, edited on either side, moved in place,
replaced with a warning where nothing else can be done, and let go of, whatever its removal leaves on Twilio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms import elevenlabs
from reconciler.sandbox.platforms.elevenlabs_rows import NUMBERS, ElevenLabsNumber
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.platform_runner import AC, TOKEN, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO, MUTE = "+15550100101", "+15550100102", "+15550100103"
PBX, TEXTS = "https://pbx.example.net/in", "https://pbx.example.net/texts"
KEY = "sk_pl4nted_elevenlabs_key"
FIRST, SECOND = "agent_1001first", "agent_2002second"
ADDRESS = f"registration/el/{ONE}"
TWILIO_KEY, TWILIO_SECRET = "SK" + "3c" * 16, "pl4nted4twilio4secret4of4the4key4"


def rows_of_elevenlabs(leaves: str = "webhooks") -> World:
    """Three numbers, one of them in use elsewhere and one without messages, and two agents."""
    numbers: dict[str, dict[str, object]] = {
        ONE: {"voice_url": PBX, "voice_method": "GET", "sms_url": TEXTS},
        TWO: {},
        MUTE: {"sms_url": "", "capabilities": {"voice": True, "sms": False, "mms": False}},
    }
    rows: dict[str, Any] = {
        "api_keys": [
            {"sid": TWILIO_KEY, "account_sid": AC, "secret": TWILIO_SECRET, "type": "main"}
        ],
        "platform_keys": [{"platform": "elevenlabs", "key": KEY, "organization": "mine"}],
        "elevenlabs_workspaces": [{"delete_leaves": leaves, "organization": "mine"}],
        "elevenlabs_agents": [
            {"agent_id": FIRST, "organization": "mine"},
            {"agent_id": SECOND, "organization": "mine"},
        ],
    }
    return world(numbers, **rows)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    with Sandbox(rows_of_elevenlabs()) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(
    runner: PlatformRunner, numbers: object, credential: str = "", **sections: object
) -> None:
    platform = {
        "type": "elevenlabs",
        "api_key": runner.secret("ELEVENLABS_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/elevenlabs",
        **({"credential": credential} if credential else {}),
    }
    agents: dict[str, dict[str, object]] = {
        "sales": {"platform": "el", "id": FIRST},
        "help": {"platform": "el", "id": SECOND},
        "branch": {"platform": "el", "id": SECOND, "branch": "b_1", "environment": "staging"},
        "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    }
    runner.setting(numbers, platforms={"el": platform}, agents=agents, **sections)


def row_of(runner: PlatformRunner, e164: str = ONE) -> ElevenLabsNumber:
    [row] = [row for row in runner.world.table(NUMBERS) if row.phone_number == e164]
    return row


def writes(runner: PlatformRunner, *words: str) -> list[tuple[str, dict[str, Any]]]:
    """The writing calls to ElevenLabs of one apply."""
    with runner.watched() as calls:
        runner.apply(*words)
    return [
        (call.method, dict(call.params))
        for call in calls
        if call.is_write and "/elevenlabs/" in call.path
    ]


def account(runner: PlatformRunner, **fields: object) -> dict[str, object]:
    return {"main": {"sid": AC, "base_url": runner.sandbox.base_url, **fields}}


def by_key(runner: PlatformRunner) -> dict[str, object]:
    return {
        "api_key": runner.secret("TWILIO_KEY", TWILIO_KEY),
        "api_secret": runner.secret("TWILIO_SECRET", TWILIO_SECRET),
    }


def test_the_first_apply_registers_and_the_second_plan_is_empty(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "friendly_name": "Sales"}})
    plan = runner.plan()
    assert {address for address, _ in actions(plan)} == {f"number/{ONE}", ADDRESS}
    assert {c["field"] for c in plan["actions"][-1]["takeover"]} == {"voice_url", "sms_url"}
    runner.apply(code=4)

    [(method, sent)] = writes(runner, "--allow-takeover")
    assert (method, sent["label"], sent["agent_id"]) == ("POST", "Sales", FIRST)
    assert runner.hooks(ONE) == {
        "voice_url": elevenlabs.VOICE_URL,
        "sms_url": elevenlabs.SMS_URL,
    }
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    assert writes(runner) == []


def test_leaves_messages_alone_that_are_not_managed_or_not_possible(runner: PlatformRunner) -> None:
    by_hand = {"agent": "sales", "manage": ["voice"], "takeover": "allow"}
    declare(runner, {ONE: by_hand, MUTE: "sales"})
    assert [sent["enable_sms"] for _, sent in writes(runner)] == [False, False]
    assert runner.hooks(ONE)["sms_url"] == TEXTS
    assert runner.hooks(MUTE) == {"voice_url": elevenlabs.VOICE_URL}
    runner.settled()


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "friendly_name": "Sales", "takeover": "allow"}})
    runner.apply()
    runner.edit(ONE, voice_url=PBX)
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [f"number/{ONE}"]
    runner.apply()
    assert runner.hooks(ONE)["voice_url"] == elevenlabs.VOICE_URL

    row_of(runner).agent_id = SECOND
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [ADDRESS]
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    runner.apply()
    assert row_of(runner).agent_id == FIRST

    row_of(runner).label = "Other"
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    assert writes(runner) == [("PATCH", {"label": "Sales"})]
    runner.settled()

    runner.world.table(NUMBERS).remove(row_of(runner))
    assert actions(runner.plan()) == [(ADDRESS, "register")]
    runner.apply()
    runner.settled()


def test_another_agent_is_one_call_in_place(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    sid = row_of(runner, TWO).sid
    for agent, sent in [
        ("help", {"agent_id": SECOND}),
        ("branch", {"branch_id": "b_1", "environment": "staging"}),
        ("sales", {"agent_id": FIRST, "branch_id": None}),
    ]:
        declare(runner, {TWO: agent})
        plan = runner.plan()
        assert actions(plan) == [(f"registration/el/{TWO}", "link")]
        assert plan["diagnostics"] == []
        assert writes(runner) == [("PATCH", sent)]
        assert row_of(runner, TWO).sid == sid
        runner.settled()


def test_branch_and_environment_follow_a_first_import(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "branch"})
    assert [method for method, _ in writes(runner)] == ["POST", "PATCH"]
    row = row_of(runner, TWO)
    assert (row.agent_id, row.branch_id, row.environment) == (SECOND, "b_1", "staging")
    runner.settled()


def test_only_a_replacement_changes_the_messages_and_the_gap_is_announced(
    runner: PlatformRunner,
) -> None:
    declare(runner, {TWO: {"agent": "sales", "manage": ["voice", "status"]}})
    runner.apply()
    declare(runner, {TWO: "sales"})
    plan = runner.plan()
    assert (f"registration/el/{TWO}", "reassign") in actions(plan)
    [warning] = [d for d in plan["diagnostics"] if d["code"] == "registration_gap"]
    assert TWO in warning["detail"]
    assert [method for method, _ in writes(runner)] == ["DELETE", "POST"]
    assert row_of(runner, TWO).enable_sms is True
    runner.settled()


def test_a_rotated_token_is_a_replacement_and_is_announced(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "sales"})
    runner.apply()
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "help"})
    assert [method for method, _ in writes(runner)] == ["PATCH"], "an agent needs no new import"

    rotated = "pl4nted.rotated.token"
    runner.world.account.auth_token = rotated
    runner.environ["MAIN_TOKEN"] = rotated
    runner.plant(AC, rotated)
    plan = runner.plan()
    assert {name for _, name in actions(plan)} == {"reassign"}
    assert {c["field"] for a in plan["actions"] for c in a["changes"]} == {"token"}
    assert [d["code"] for d in plan["diagnostics"]] == ["registration_gap"]
    assert sorted(method for method, _ in writes(runner)) == ["DELETE", "DELETE", "POST", "POST"]
    runner.settled()


def test_a_state_without_fingerprints_learns_them_and_replaces_nothing(
    runner: PlatformRunner,
) -> None:
    """So is a state that was written when the account came from the environment."""
    declare(runner, {TWO: "sales"}, accounts=None)
    runner.environ |= {
        "TWILIO_ACCOUNT_SID": AC,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_BASE_URL": runner.sandbox.base_url,
    }
    runner.apply()
    address = f"registration/el/{TWO}"
    assert "token" not in runner.state[address]["last_applied"]

    declare(runner, {TWO: {"agent": "sales", "account": "default"}}, accounts=named_default(runner))
    runner.settled()
    runner.apply()
    assert "token" in runner.state[address]["last_applied"]


def named_default(runner: PlatformRunner) -> dict[str, object]:
    """The account of the environment, declared under the name that it has there."""
    login = {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": runner.sandbox.base_url}
    return {"default": login}


def test_nothing_is_replaced_for_what_the_list_does_not_show(runner: PlatformRunner) -> None:
    """Somebody has imported the number in the dashboard, for the same agent."""
    row = {"phone_number": TWO, "account_sid": AC, "agent_id": FIRST, "organization": "mine"}
    runner.world.extend({"format": 1, "elevenlabs_numbers": [{**row, "enable_sms": False}]})
    declare(runner, {TWO: "sales"})
    plan = runner.plan()
    assert [name for address, name in actions(plan) if "registration" in address] == ["import"]
    assert writes(runner) == []
    runner.settled()


def test_does_not_take_the_number_of_another_agent(runner: PlatformRunner) -> None:
    row = {"phone_number": TWO, "account_sid": AC, "agent_id": SECOND, "organization": "mine"}
    runner.world.extend({"format": 1, "elevenlabs_numbers": [row]})
    declare(runner, {TWO: "sales"})
    assert runner.run("plan", "--json", code=1).codes == ["number_already_imported"]


def test_a_caller_id_that_takes_no_calls_is_reported(runner: PlatformRunner) -> None:
    row = {"phone_number": TWO, "account_sid": AC, "agent_id": FIRST, "organization": "mine"}
    runner.world.extend({"format": 1, "elevenlabs_numbers": [{**row, "supports_inbound": False}]})
    declare(runner, {TWO: "sales"})
    plan = runner.plan()
    [warning] = [d for d in plan["diagnostics"] if d["code"] == "platform_update_missing"]
    assert "caller id" in warning["detail"]


def test_region_of_the_account_is_part_of_the_import(runner: PlatformRunner) -> None:
    routed = {"phone_number": TWO, "voice_region": "ie1"}
    runner.world.extend({"format": 1, "inbound_regions": [routed]})
    in_region = account(runner, auth_token={"env": "MAIN_TOKEN"}, region="ie1", edge="dublin")
    declare(runner, {TWO: "sales"}, accounts=in_region)
    [(_, sent)] = writes(runner)
    assert row_of(runner, TWO).region == "ie1/dublin"
    assert TOKEN not in str(sent)
    runner.settled()

    by_roaming = account(runner, auth_token={"env": "MAIN_TOKEN"}, region="ie1", edge="roaming")
    declare(runner, {TWO: "sales"}, accounts=by_roaming)
    plan = runner.plan()
    assert actions(plan) == [(f"registration/el/{TWO}", "reassign")]
    assert [d["code"] for d in plan["diagnostics"]] == ["registration_gap"]


def test_unknown_region_is_an_error_of_the_configuration(runner: PlatformRunner) -> None:
    elsewhere = account(runner, auth_token={"env": "MAIN_TOKEN"}, region="de1", edge="frankfurt")
    declare(runner, {TWO: "sales"}, accounts=elsewhere)
    assert runner.run("validate", "--json", code=3).codes == ["unsupported_feature"]


def test_an_api_key_needs_the_auth_token_too(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"}, accounts=account(runner, **by_key(runner)))
    assert "auth_token_needed" in runner.run("plan", "--json", code=1).codes

    both = {**by_key(runner), "auth_token": {"env": "MAIN_TOKEN"}}
    declare(runner, {TWO: "sales"}, accounts=account(runner, **both))
    sent_to = {d["credential"] for d in runner.plan()["destinations"] if d["key"]}
    assert {"env:TWILIO_SECRET", "env:MAIN_TOKEN"} <= sent_to
    [(_, sent)] = writes(runner)
    assert sent["sid"] == TWILIO_KEY
    runner.settled()


@pytest.mark.parametrize("leaves", ["webhooks", "nothing", "former"])
@pytest.mark.parametrize("then", ["removed", "own"])
def test_prior_values_come_back_whatever_the_removal_leaves(
    tmp_path: Path, leaves: str, then: str
) -> None:
    with Sandbox(rows_of_elevenlabs(leaves)) as sandbox:
        runner = PlatformRunner(tmp_path / "work", sandbox)
        declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
        runner.apply()
        declare(runner, {} if then == "removed" else {ONE: "own"})
        runner.apply()
        if then == "own":
            assert runner.hooks(ONE) == {"voice_url": "https://agents.example.com/voice"}
            runner.settled()
            declare(runner, {})
            runner.apply()

        assert list(runner.world.table(NUMBERS)) == []
        assert runner.state == {}
        number = runner.twilio_number(ONE)
        assert (number.voice_url, number.voice_method, number.sms_url) == (PBX, "GET", TEXTS)


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_makes_no_second_record(runner: PlatformRunner, carried_out: bool) -> None:
    declare(runner, {TWO: "sales"})
    fault = f.Drop(
        path="/elevenlabs/v1/convai/phone-numbers",
        method="POST",
        carried_out=carried_out,
        times=1,
    )
    runner.sandbox.faults.add(fault)
    runner.apply(code=0 if carried_out else 5)
    runner.sandbox.faults.clear()
    runner.apply()
    assert len(list(runner.world.table(NUMBERS))) == 1
    runner.settled()


def test_a_change_that_is_dropped_silently_is_reported(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    declare(runner, {TWO: "help"})
    path = "/elevenlabs/v1/convai/phone-numbers/*"
    runner.sandbox.faults.add(f.Refuse(path=path, method="PATCH", status=200, message="{}"))
    done = runner.apply(code=1)
    assert [error["code"] for error in done["errors"]] == ["write_dropped"]


def test_doctor_checks_the_key(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    found = runner.json("doctor")
    [check] = [check for check in found["checks"] if check["check"] == "numbers on el"]
    assert check["status"] == "ok"
    assert not any("secrets of" in check["check"] for check in found["checks"]), "account's own"
    runner.environ["ELEVENLABS_KEY"] = "sk_wrong"
    found = runner.json("doctor", code=1)
    [check] = [check for check in found["checks"] if check["check"] == "numbers on el"]
    assert (check["status"], check["code"]) == ("failed", "invalid_api_key")


def test_a_saved_plan_is_applied_and_holds_no_credential(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "branch"})
    runner.run("plan", "--out", "el.plan")
    runner.run("apply", "el.plan", "--auto-approve")
    runner.settled()
    for file in runner.folder.rglob("*"):
        if file.is_file() and file.name != "reconciler.yaml":
            text = file.read_bytes()
            assert not any(secret.encode() in text for secret in (TOKEN, KEY, TWILIO_SECRET)), file


PASSWORD = "Pl4nted-Sip-Password"
EDGE = "sip:sip.rtc.elevenlabs.io;transport=tcp"
DOMAIN = "acme-edge.pstn.twilio.com"


def on_trunk(runner: PlatformRunner, numbers: object, **trunk: object) -> None:
    """Declare numbers whose calls reach ElevenLabs by a trunk, as a user of a credential list."""
    credential = {"username": "eleven", "password": runner.secret("SIP_PASSWORD", PASSWORD)}
    edge: dict[str, object] = {
        "domain": DOMAIN,
        "origination": [{"sip_url": EDGE}],
        "credential_lists": [{"name": "agents", "credentials": [credential]}],
        **trunk,
    }
    declare(runner, numbers, "agents/eleven", trunks={"edge": edge})


def test_a_number_on_a_trunk_gets_the_domain_and_the_user_of_the_trunk(
    runner: PlatformRunner,
) -> None:
    on_trunk(runner, {TWO: {"agent": "sales", "trunk": "edge"}})
    [(method, sent)] = writes(runner)
    assert (method, sent["provider"], "token" in sent) == ("POST", "sip_trunk", False)
    row = row_of(runner, TWO)
    assert row.outbound_trunk is not None
    assert (row.outbound_trunk["address"], row.outbound_trunk["username"]) == (DOMAIN, "eleven")
    assert row.sip_password == PASSWORD
    number = runner.twilio_number(TWO)
    assert number.trunk_sid
    assert not number.voice_url
    runner.settled()
    assert runner.json("drift")["drifted"] == []


def test_a_trunk_changes_in_place_and_fields_of_others_stay(runner: PlatformRunner) -> None:
    on_trunk(runner, {TWO: {"agent": "sales", "trunk": "edge"}})
    runner.apply()
    row = row_of(runner, TWO)
    assert row.outbound_trunk is not None
    row.outbound_trunk |= {"address": "other.pstn.twilio.com", "headers": {"X-Tenant": "acme"}}
    assert actions(runner.plan()) == [(f"registration/el/{TWO}", "update")]
    assert [method for method, _ in writes(runner)] == ["PATCH"]
    assert row.outbound_trunk is not None
    assert row.outbound_trunk["address"] == DOMAIN
    assert row.outbound_trunk["headers"] == {"X-Tenant": "acme"}

    on_trunk(runner, {TWO: {"agent": "help", "trunk": "edge"}})
    assert writes(runner) == [("PATCH", {"agent_id": SECOND})]

    row.outbound_trunk = {**row.outbound_trunk, "has_auth_credentials": False, "username": None}
    assert actions(runner.plan()) == [(f"registration/el/{TWO}", "update")]
    runner.apply()
    assert row.outbound_trunk["username"] == "eleven"
    runner.settled()


def test_a_new_password_goes_to_twilio_and_to_the_platform(runner: PlatformRunner) -> None:
    on_trunk(runner, {TWO: {"agent": "sales", "trunk": "edge"}})
    runner.apply()
    runner.environ["SIP_PASSWORD"] = "Pl4nted-Other-Password"
    runner.plant("", "Pl4nted-Other-Password")
    assert [method for method, _ in writes(runner)] == ["PATCH"]
    assert row_of(runner, TWO).sip_password == "Pl4nted-Other-Password"
    runner.settled()


def test_a_number_leaves_the_trunk_and_the_platform(runner: PlatformRunner) -> None:
    on_trunk(runner, {ONE: {"agent": "sales", "trunk": "edge", "takeover": "allow"}})
    runner.apply()
    assert "trunk_sid" in runner.hooks(ONE)
    declare(runner, {})
    runner.apply()
    assert list(runner.world.table(NUMBERS)) == []
    assert runner.hooks(ONE) == {"voice_url": PBX, "sms_url": TEXTS}


@pytest.mark.parametrize("first", ["trunk", "import"])
def test_a_number_changes_between_its_two_ways(runner: PlatformRunner, first: str) -> None:
    ways: dict[str, dict[str, object]] = {
        "trunk": {"agent": "sales", "trunk": "edge"},
        "import": {"agent": "sales"},
    }
    second = "import" if first == "trunk" else "trunk"
    on_trunk(runner, {TWO: ways[first]})
    runner.apply()
    on_trunk(runner, {TWO: {**ways[second], "takeover": "allow"}})
    plan = runner.plan()
    assert (f"registration/el/{TWO}", "reassign") in actions(plan)
    assert "registration_gap" in [d["code"] for d in plan["diagnostics"]]
    runner.apply()
    assert row_of(runner, TWO).provider == ("twilio" if second == "import" else "sip_trunk")
    runner.settled()
    shown = runner.hooks(TWO)
    assert ("trunk_sid" in shown) == (second == "trunk")
    declare(runner, {})
    runner.apply()
    assert runner.hooks(TWO) == {}


@pytest.mark.parametrize("first", ["trunk", "import"])
def test_refused_change_of_the_way_leaves_the_number_where_it_was(
    runner: PlatformRunner, first: str
) -> None:
    ways: dict[str, dict[str, object]] = {
        "trunk": {"agent": "sales", "trunk": "edge", "takeover": "allow"},
        "import": {"agent": "sales", "takeover": "allow"},
    }
    on_trunk(runner, {TWO: ways[first]})
    runner.apply()
    hooks, provider = runner.hooks(TWO), row_of(runner, TWO).provider
    on_trunk(runner, {TWO: ways["import" if first == "trunk" else "trunk"]})
    refuse = f.Refuse(
        path="/elevenlabs/v1/convai/phone-numbers", method="POST", status=400, times=1
    )
    runner.sandbox.faults.add(refuse)
    done = runner.end(runner.start("apply", "--json", "--auto-approve"))
    assert done.code in (1, 5), done.out
    runner.sandbox.faults.clear()
    assert row_of(runner, TWO).provider == provider
    assert runner.hooks(TWO) == hooks
    runner.apply()
    runner.settled()
    assert row_of(runner, TWO).provider != provider
