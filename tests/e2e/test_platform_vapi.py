"""Vapi from the first apply to the removal: registered, the same again, edited on either side, moved in place,
credentials and server changed in place, and let go of, whatever its removal leaves on Twilio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms import vapi
from reconciler.sandbox.platforms.vapi_rows import (
    CREDENTIALS,
    NUMBERS,
    VapiCredential,
    VapiNumber,
)
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.platform_runner import AC, TOKEN, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO, MUTE = "+15550100101", "+15550100102", "+15550100103"
PBX, TEXTS = "https://pbx.example.net/in", "https://pbx.example.net/texts"
KEY = "aaaaaaaa-1111-4000-8000-pl4ntedvapi1"
FIRST, SECOND = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
SQUAD = "22222222-0000-4000-8000-000000000001"
ADDRESS = f"registration/vapi/{ONE}"
TWILIO_KEY, TWILIO_SECRET = "SK" + "3c" * 16, "pl4nted4twilio4secret4of4the4key4"


def rows_of_vapi(**settings: object) -> World:
    """Three numbers, one of them in use elsewhere and one without messages, assistants and a squad."""
    numbers: dict[str, dict[str, object]] = {
        ONE: {"voice_url": PBX, "voice_method": "GET", "sms_url": TEXTS},
        TWO: {},
        MUTE: {"sms_url": "", "capabilities": {"voice": True, "sms": False, "mms": False}},
    }
    rows: dict[str, Any] = {
        "api_keys": [
            {"sid": TWILIO_KEY, "account_sid": AC, "secret": TWILIO_SECRET, "type": "main"}
        ],
        "platform_keys": [{"platform": "vapi", "key": KEY, "organization": "mine"}],
        "vapi_assistants": [
            {"id": FIRST, "organization": "mine"},
            {"id": SECOND, "organization": "mine"},
        ],
        "vapi_squads": [{"id": SQUAD, "organization": "mine"}],
        "vapi_settings": [settings],
    }
    return world(numbers, **rows)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    with Sandbox(rows_of_vapi()) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object, **sections: object) -> None:
    platform = {
        "type": "vapi",
        "api_key": runner.secret("VAPI_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/vapi",
    }
    agents: dict[str, dict[str, object]] = {
        "sales": {"platform": "vapi", "id": FIRST},
        "help": {"platform": "vapi", "id": SECOND},
        "crew": {"platform": "vapi", "squad_id": SQUAD},
        "heard": {
            "platform": "vapi",
            "id": FIRST,
            "server_url": "https://agents.example.com/vapi",
        },
        "own": {"webhooks": {"voice": "https://agents.example.com/voice"}},
    }
    runner.setting(numbers, platforms={"vapi": platform}, agents=agents, **sections)


def row_of(runner: PlatformRunner, e164: str = ONE) -> VapiNumber:
    [row] = [row for row in runner.world.table(NUMBERS) if row.number == e164]
    return row


def add_row(runner: PlatformRunner, **fields: object) -> None:
    """Somebody has imported the second number in the dashboard."""
    runner.world.extend({"format": 1, "vapi_numbers": [{"number": TWO, **fields}]})


def writes(runner: PlatformRunner, *words: str) -> list[tuple[str, dict[str, Any]]]:
    """The writing calls to Vapi of one apply."""
    with runner.watched() as calls:
        runner.apply(*words)
    return [
        (call.method, dict(call.params))
        for call in calls
        if call.is_write and "/vapi/" in call.path
    ]


def test_the_first_apply_registers_and_the_second_plan_is_empty(runner: PlatformRunner) -> None:
    declare(runner, {ONE: "sales"})
    plan = runner.plan()
    assert actions(plan) == [(f"number/{ONE}", "import"), (ADDRESS, "register")]
    assert {c["field"] for c in plan["actions"][1]["takeover"]} == {"voice_url", "sms_url"}
    runner.apply(code=4)

    assert writes(runner, "--allow-takeover") == [
        (
            "POST",
            {
                "provider": "twilio",
                "number": ONE,
                "twilioAccountSid": AC,
                "assistantId": FIRST,
                "smsEnabled": True,
            },
        )
    ]
    assert runner.hooks(ONE) == {"voice_url": vapi.VOICE_URL, "sms_url": vapi.SMS_URL}
    runner.settled()
    assert runner.json("drift")["drifted"] == []
    assert writes(runner) == []


def test_leaves_messages_alone_that_are_not_managed_or_not_possible(runner: PlatformRunner) -> None:
    declare(
        runner, {ONE: {"agent": "sales", "manage": ["voice"], "takeover": "allow"}, MUTE: "sales"}
    )
    plan = runner.plan()
    assert {c["field"] for c in plan["actions"][-1]["takeover"]} <= {"voice_url"}
    assert [sent["smsEnabled"] for _, sent in writes(runner)] == [False, False]
    assert runner.hooks(ONE)["sms_url"] == TEXTS
    assert runner.hooks(MUTE) == {"voice_url": vapi.VOICE_URL}
    runner.settled()


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}})
    runner.apply()
    runner.edit(ONE, voice_url=PBX)
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [f"number/{ONE}"]
    runner.apply()
    assert runner.hooks(ONE)["voice_url"] == vapi.VOICE_URL

    row_of(runner).assistant_id = SECOND
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [ADDRESS]
    assert actions(runner.plan()) == [(ADDRESS, "link")]
    runner.apply()
    assert row_of(runner).assistant_id == FIRST

    row_of(runner).sms_enabled = False
    assert actions(runner.plan()) == [(ADDRESS, "update")]
    runner.apply()
    assert row_of(runner).sms_enabled is True
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
        ("help", {"assistantId": SECOND}),
        ("crew", {"squadId": SQUAD, "assistantId": None}),
        ("sales", {"assistantId": FIRST, "squadId": None}),
    ]:
        declare(runner, {TWO: agent})
        assert actions(runner.plan()) == [(f"registration/vapi/{TWO}", "link")]
        assert writes(runner) == [("PATCH", {"provider": "twilio", "smsEnabled": True, **sent})]
        assert row_of(runner, TWO).sid == sid
        runner.settled()


def test_an_old_agent_that_stays_is_an_error(tmp_path: Path) -> None:
    with Sandbox(rows_of_vapi(ignores_null=True)) as sandbox:
        runner = PlatformRunner(tmp_path / "work", sandbox)
        declare(runner, {TWO: "sales"})
        runner.apply()
        declare(runner, {TWO: "crew"})
        done = runner.apply(code=1)
        assert [error["code"] for error in done["errors"]] == ["write_dropped"]
        assert "agent" in done["errors"][0]["message"]


def test_credentials_and_server_change_in_place(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    declare(runner, {TWO: "heard"})
    server = {"url": "https://agents.example.com/vapi"}
    assert writes(runner) == [
        ("PATCH", {"provider": "twilio", "smsEnabled": True, "server": server})
    ]

    account = {
        "sid": AC,
        "api_key": {"env": "TWILIO_KEY"},
        "api_secret": {"env": "TWILIO_SECRET"},
        "base_url": runner.sandbox.base_url,
    }
    runner.environ |= {"TWILIO_KEY": TWILIO_KEY, "TWILIO_SECRET": TWILIO_SECRET}
    runner.plant("", TWILIO_SECRET)
    declare(runner, {TWO: "heard"}, accounts={"main": account})
    plan = runner.plan()
    assert actions(plan) == [(f"registration/vapi/{TWO}", "update")]
    [(method, sent)] = writes(runner)
    assert (method, sent["twilioApiKey"]) == ("PATCH", TWILIO_KEY)
    assert row_of(runner, TWO).twilio_api_secret == TWILIO_SECRET
    assert row_of(runner, TWO).twilio_auth_token is None
    runner.settled()


@pytest.mark.parametrize("after", ["keep", "clear", "half"])
@pytest.mark.parametrize("then", ["removed", "own"])
def test_prior_values_come_back_whatever_the_removal_leaves(
    tmp_path: Path, after: str, then: str
) -> None:
    with Sandbox(rows_of_vapi(after_delete=after)) as sandbox:
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
    fault = f.Drop(path="/vapi/phone-number", method="POST", carried_out=carried_out, times=1)
    runner.sandbox.faults.add(fault)
    runner.apply(code=0 if carried_out else 5)
    runner.sandbox.faults.clear()
    runner.apply()
    assert len(list(runner.world.table(NUMBERS))) == 1
    runner.settled()


def test_a_record_of_another_account_is_taken_over_only_with_consent(
    runner: PlatformRunner,
) -> None:
    add_row(runner, twilioAccountSid="AC" + "9" * 32, assistantId=FIRST)
    declare(runner, {TWO: "sales"})
    runner.apply(code=4)
    assert writes(runner, "--allow-takeover")[0][0] == "PATCH"
    assert (row_of(runner, TWO).account_sid, row_of(runner, TWO).twilio_auth_token) == (AC, TOKEN)
    assert len(list(runner.world.table(NUMBERS))) == 1
    runner.settled()


@pytest.mark.parametrize("status", ["blocked", "activating"])
def test_a_number_that_vapi_does_not_use_is_a_warning(runner: PlatformRunner, status: str) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    row_of(runner, TWO).status = status
    plan = runner.json("plan")
    [warning] = [d for d in plan["diagnostics"] if d["severity"] == "warning"]
    assert warning["code"] == "registration_inactive"
    assert TWO in warning["detail"]
    assert status in warning["detail"]
    assert actions(plan) == []


def test_no_output_shows_a_credential_that_vapi_returns(runner: PlatformRunner) -> None:
    """Neither ours nor those of somebody else, which every listing holds."""
    theirs, secret = "5e" * 16, "Aq3" * 10 + "zz"
    for planted in (theirs, secret):
        runner.plant("", planted)
    others = [
        {"number": "+15550100177", "twilioAccountSid": "AC" + "9" * 32, "twilioAuthToken": theirs},
        {"number": TWO, "twilioAccountSid": AC, "assistantId": FIRST, "twilioAuthToken": theirs},
        {
            "number": MUTE,
            "twilioAccountSid": AC,
            "assistantId": FIRST,
            "twilioApiKey": "SK" + "7" * 32,
            "twilioApiSecret": secret,
        },
    ]
    runner.world.extend({"format": 1, "vapi_numbers": others})
    for row in runner.world.table(NUMBERS):
        held = next(each for each in others if each["number"] == row.number)
        row.twilio_auth_token = held.get("twilioAuthToken")
        row.twilio_api_secret = held.get("twilioApiSecret")
        row.twilio_api_key = held.get("twilioApiKey")

    declare(
        runner, {number: {"agent": "sales", "takeover": "allow"} for number in (ONE, TWO, MUTE)}
    )
    for words in (("plan", "-v"), ("plan", "--json"), ("plan", "--format", "markdown")):
        runner.run(*words)
    runner.run("plan", "--out", "plan.json")
    runner.run("doctor", "-v", code=0)

    refusal = f"had {theirs} and {secret}"
    fault = f.Refuse(path="/vapi/*", method="PATCH", status=400, message=refusal, times=4)
    runner.sandbox.faults.add(fault)
    runner.run("apply", "--auto-approve", "-v", code=5)
    runner.sandbox.faults.clear()
    runner.apply("-v")
    runner.settled()
    for words in (("list",), ("show", ADDRESS), ("state", "pull"), ("export",), ("log",)):
        runner.run(*words)
    row_of(runner, TWO).twilio_auth_token = theirs
    runner.run("drift", "-v", code=2)


def test_does_not_take_the_number_of_another_agent(runner: PlatformRunner) -> None:
    add_row(runner, twilioAccountSid=AC, squadId=SQUAD)
    declare(runner, {TWO: "sales"})
    plan = runner.run("plan", "--json", code=1)
    assert plan.codes == ["number_already_imported"]


CREDENTIAL = "33333333-0000-4000-8000-000000000001"
SIP_PASSWORD = "Pl4nted-Sip-Password"
DOMAIN = "acme-edge.pstn.twilio.com"
ORIGINATION = f"sip:{CREDENTIAL}.sip.vapi.ai"


@pytest.fixture
def on_trunk(tmp_path: Path) -> Iterator[PlatformRunner]:
    seed = rows_of_vapi()
    CREDENTIALS.add(seed, VapiCredential(sid=CREDENTIAL, organization="mine"))
    with Sandbox(seed) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare_trunk(runner: PlatformRunner, numbers: object, **more: Any) -> None:
    platform = {
        "type": "vapi",
        "api_key": runner.secret("VAPI_KEY", KEY),
        "base_url": f"{runner.sandbox.base_url}/vapi",
        "credential": "pbx/vapi",
        "trunk_credential": CREDENTIAL,
        **more.pop("platform", {}),
    }
    password = runner.secret("SIP_PASSWORD", more.pop("password", SIP_PASSWORD))
    users = [{"username": "vapi", "password": password}]
    trunk = {
        "domain": DOMAIN,
        "origination": [{"sip_url": ORIGINATION}],
        "credential_lists": [{"name": "pbx", "credentials": users}],
    }
    agents = {
        "sales": {"platform": "vapi", "id": FIRST},
        "help": {"platform": "vapi", "id": SECOND},
    }
    sections = {"platforms": {"vapi": platform}, "agents": agents, "trunks": {"edge": trunk}}
    runner.setting(numbers, **{**sections, **more})


def credential_of(runner: PlatformRunner) -> VapiCredential:
    [row] = runner.world.table(CREDENTIALS)
    return row


def test_a_number_on_a_trunk_lives_from_its_import_to_its_removal(
    on_trunk: PlatformRunner,
) -> None:
    numbers = {ONE: {"agent": "sales", "trunk": "edge", "takeover": "allow"}}
    declare_trunk(on_trunk, numbers)
    done = on_trunk.apply()
    steps = [action for action in actions(done) if action[0] in (ADDRESS, f"number/{ONE}")]
    assert steps[-1][1] == "attach_trunk", "the platform takes the number before the trunk does"
    row = row_of(on_trunk)
    assert (row.provider, row.credential_id, row.assistant_id) == (
        "byo-phone-number",
        CREDENTIAL,
        FIRST,
    )
    on_trunk.settled()
    assert on_trunk.json("drift")["drifted"] == []

    # The trunk accepts every network of Twilio, and calls go out through its domain.
    credential = credential_of(on_trunk)
    incoming = {gateway["ip"] for gateway in credential.gateways if gateway["inboundEnabled"]}
    outgoing = [gateway["ip"] for gateway in credential.gateways if gateway["outboundEnabled"]]
    assert len(incoming) == 8
    assert outgoing == [DOMAIN]
    assert credential.outbound_leading_plus_enabled
    assert (credential.auth_username, credential.auth_password) == ("vapi", SIP_PASSWORD)

    # Another agent is one call in place; a new password goes to Twilio and to Vapi.
    numbers[ONE]["agent"] = "help"
    declare_trunk(on_trunk, numbers)
    with on_trunk.watched() as calls:
        on_trunk.apply()
    assert [call.method for call in calls if call.is_write] == ["PATCH"]
    declare_trunk(on_trunk, numbers, password="N3w-Planted-Password")
    on_trunk.apply()
    assert credential_of(on_trunk).auth_password == "N3w-Planted-Password"
    assert row_of(on_trunk).assistant_id == SECOND
    on_trunk.settled()

    # An edit on Vapi is drift and is healed.
    row_of(on_trunk).assistant_id = FIRST
    assert [each["address"] for each in on_trunk.json("drift", code=2)["drifted"]] == [ADDRESS]
    on_trunk.apply()
    assert row_of(on_trunk).assistant_id == SECOND
    on_trunk.settled()

    declare_trunk(on_trunk, {}, trunks={})
    on_trunk.apply("--force")
    assert [row for row in on_trunk.world.table(NUMBERS) if row.number == ONE] == []
    assert on_trunk.hooks(ONE)["voice_url"] == PBX


def test_a_number_moves_between_the_import_and_the_trunk(on_trunk: PlatformRunner) -> None:
    declare_trunk(on_trunk, {ONE: {"agent": "sales", "takeover": "allow"}})
    on_trunk.apply()
    assert row_of(on_trunk).provider == "twilio"

    declare_trunk(on_trunk, {ONE: {"agent": "sales", "trunk": "edge", "takeover": "allow"}})
    on_trunk.apply()
    assert row_of(on_trunk).provider == "byo-phone-number"
    on_trunk.settled()

    declare_trunk(on_trunk, {ONE: {"agent": "sales", "takeover": "allow"}})
    on_trunk.apply()
    assert row_of(on_trunk).provider == "twilio"
    on_trunk.settled()


def test_all_numbers_of_a_trunk_write_its_credential_once(on_trunk: PlatformRunner) -> None:
    entry = {"agent": "sales", "trunk": "edge", "takeover": "allow"}
    declare_trunk(on_trunk, {ONE: entry, TWO: entry})
    with on_trunk.watched() as calls:
        on_trunk.apply()
    paths = [call.path for call in calls if call.is_write]
    assert sum("/credential/" in path for path in paths) == 1
    assert sum(path.endswith("/phone-number") for path in paths) == 2


def test_a_trunk_needs_the_id_of_its_credential(on_trunk: PlatformRunner) -> None:
    numbers = {ONE: {"agent": "sales", "trunk": "edge"}}
    declare_trunk(on_trunk, numbers)
    document = json.loads((on_trunk.folder / "reconciler.yaml").read_text(encoding="utf-8"))
    del document["platforms"]["vapi"]["trunk_credential"]
    (on_trunk.folder / "reconciler.yaml").write_text(json.dumps(document), encoding="utf-8")
    refused = on_trunk.json("validate", code=3)
    assert [each["code"] for each in refused["diagnostics"]] == ["missing_field"]
    assert "trunk_credential" in refused["diagnostics"][0]["detail"]
