"""TwiML applications that are managed here: made, changed, set on numbers, and removed once nothing uses them."""

from __future__ import annotations

import json

from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from tests.support.command_runner import CommandRunner

MENU = {"voice": "https://agents.example.com/menu", "sms": "https://agents.example.com/menu-sms"}


def numbers(runner: CommandRunner) -> list[str]:
    """Numbers that can do everything."""
    return [n.phone_number for n in runner.sandbox.world.numbers if n.capabilities.sms]


def test_creates_an_application_before_its_numbers_and_removes_it_after_them(
    runner: CommandRunner,
) -> None:
    first, second = numbers(runner)[:2]
    declared = {"applications": {"menu": MENU}, "agents": {"ivr": {"application": "menu"}}}
    runner.declare(**declared, numbers={first: "ivr", second: "ivr"})
    runner.apply()
    assert runner.plan() == []
    (application,) = runner.applications()
    assert (application["friendly_name"], application["voice_url"]) == ("menu", MENU["voice"])
    number = runner.sandbox.world.number(first)
    assert (number.voice_application_sid, number.sms_application_sid) == (
        application["sid"],
        application["sid"],
    )
    runner.declare(numbers={second: {}})
    actions = {(a["address"], a["action"]) for a in runner.json("plan")["actions"]}
    assert ("application/menu", "delete") not in actions, "the second number would keep it"
    runner.declare()
    calls = runner.apply()
    assert [call.method for call in calls] == ["POST", "POST", "DELETE"]
    assert runner.plan() == []
    assert runner.applications() == []


def test_application_stays_while_a_number_uses_it_for_its_other_part(
    runner: CommandRunner,
) -> None:
    """Its calls go elsewhere; its messages are no longer managed, and still reach the application."""
    first = numbers(runner)[0]
    runner.declare(
        applications={"menu": MENU}, agents={"ivr": {"application": "menu"}}, numbers={first: "ivr"}
    )
    runner.apply()
    number = {"agent": "web", "manage": ["voice"]}
    agents = {"web": {"webhooks": {"voice": MENU["voice"]}}}
    runner.declare(agents=agents, numbers={first: number})
    assert ("application/menu", "delete") not in runner.plan()
    assert ("application/menu", "forget") in runner.plan()
    runner.apply()
    (application,) = runner.applications()
    on_twilio = runner.sandbox.world.number(first)
    assert on_twilio.sms_application_sid == application["sid"]
    assert on_twilio.voice_url == MENU["voice"]
    assert runner.plan() == []


def test_each_webhook_of_an_application_is_managed_whole(runner: CommandRunner) -> None:
    runner.declare(applications={"menu": {**MENU, "status": "https://agents.example.com/status"}})
    runner.apply()
    fallback = {
        "url": MENU["voice"],
        "method": "GET",
        "fallback_url": "https://fallback.example.com/menu",
    }
    runner.declare(applications={"menu": {"voice": fallback, "friendly_name": "Main menu"}})
    (action,) = runner.json("plan")["actions"]
    assert {c["field"]: c["after"] for c in action["changes"]} == {
        "friendly_name": "Main menu",
        "voice_method": "GET",
        "voice_fallback_url": "https://fallback.example.com/menu",
        "sms_url": None,
        "status_callback": None,
    }
    assert len(runner.apply()) == 1
    assert runner.plan() == []


def test_finds_an_existing_application_by_name(runner: CommandRunner) -> None:
    sid = runner.make_application(FriendlyName="Menu", VoiceUrl="https://old.example.net/menu")
    runner.declare(applications={"menu": {"friendly_name": "Menu", **MENU}})
    assert runner.plan() == [("application/menu", "import"), ("application/menu", "update")]
    runner.apply()
    assert [a["sid"] for a in runner.applications()] == [sid]
    runner.declare()
    assert runner.plan() == [("application/menu", "forget")]


def test_refuses_to_guess_between_two_applications_of_one_name(runner: CommandRunner) -> None:
    sids = sorted(runner.make_application(FriendlyName="menu") for _ in range(2))
    runner.declare(applications={"menu": MENU})
    document = runner.json("plan", code=1)
    (problem,) = [d for d in document["diagnostics"] if d["code"] == "ambiguous_match"]
    assert all(sid in problem["detail"] for sid in sids)
    assert problem["line"]
    assert runner.apply(code=1) == []


def test_edit_by_hand_is_drift_and_is_reverted(runner: CommandRunner) -> None:
    runner.declare(applications={"menu": MENU})
    runner.apply()
    (application,) = runner.applications()
    runner.post(
        f"/Applications/{application['sid']}.json", VoiceUrl="https://elsewhere.example.net/"
    )
    (drifted,) = runner.json("drift", code=2)["drifted"]
    (field,) = drifted["fields"]
    assert field.pop("actor")["via"] == "api"
    assert [field] == [
        {"field": "voice_url", "recorded": MENU["voice"], "live": "https://elsewhere.example.net/"}
    ]
    (action,) = runner.json("plan")["actions"]
    assert (action["action"], action["reason"]) == ("update", "drift")
    runner.apply()
    assert runner.applications()[0]["voice_url"] == MENU["voice"]


def test_application_redeclared_in_a_different_account_is_an_error(
    runner: CommandRunner,
) -> None:
    main = {
        "sid": runner.sandbox.world.account.sid,
        "auth_token": {"env": "SANDBOX_TOKEN"},
        "base_url": runner.sandbox.base_url,
    }
    other = "AC" + "b" * 32
    seed = {"accounts": [{"sid": other, "auth_token": SANDBOX_TOKEN}]}
    runner.sandbox.world.extend({"format": 1, **seed})
    accounts = {"main": main, "other": {**main, "sid": other}}
    runner.declare(accounts=accounts, applications={"menu": {"account": "main", **MENU}})
    runner.apply()
    runner.declare(accounts=accounts, applications={"menu": {"account": "other", **MENU}})
    assert [d["code"] for d in runner.json("plan", code=1)["diagnostics"]] == ["account_mismatch"]
    assert runner.apply(code=1) == []
    assert runner.state["application/menu"]["account"] == "main"


def test_application_and_number_in_different_accounts_are_an_error(
    runner: CommandRunner,
) -> None:
    other = {"sid": "AC" + "b" * 32, "auth_token": {"env": "SANDBOX_TOKEN"}}
    main = {"sid": runner.sandbox.world.account.sid, "auth_token": {"env": "SANDBOX_TOKEN"}}
    runner.declare(
        accounts={"main": main, "other": other},
        defaults={"account": "main"},
        applications={"menu": {"account": "other", **MENU}},
        agents={"ivr": {"application": "menu"}},
        numbers={"+15550100101": "ivr"},
    )
    (problem,) = json.loads(runner.run("validate", "--json", code=3))["diagnostics"]
    assert problem["code"] == "account_mismatch"
