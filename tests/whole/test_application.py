"""TwiML applications that are managed here: made, changed, set on numbers, and removed once nothing uses them."""

from __future__ import annotations

import json

from .stage import Stage

MENU = {"voice": "https://agents.example.com/menu", "sms": "https://agents.example.com/menu-sms"}


def numbers(stage: Stage) -> list[str]:
    """Numbers that can do everything."""
    return [n.phone_number for n in stage.sandbox.world.numbers if n.capabilities.sms]


def test_an_application_is_made_before_its_numbers_and_removed_after_them(stage: Stage) -> None:
    first, second = numbers(stage)[:2]
    declared = {"applications": {"menu": MENU}, "agents": {"ivr": {"application": "menu"}}}
    stage.declare(**declared, numbers={first: "ivr", second: "ivr"})
    stage.apply()
    assert stage.plan() == []
    (application,) = stage.applications()
    assert (application["friendly_name"], application["voice_url"]) == ("menu", MENU["voice"])
    number = stage.sandbox.world.number(first)
    assert (number.voice_application_sid, number.sms_application_sid) == (
        application["sid"],
        application["sid"],
    )
    stage.declare(numbers={second: {}})
    actions = {(a["address"], a["action"]) for a in stage.json("plan")["actions"]}
    assert ("application/menu", "delete") not in actions, "the second number would keep it"
    stage.declare()
    calls = stage.apply()
    assert [call.method for call in calls] == ["POST", "POST", "DELETE"]
    assert stage.plan() == []
    assert stage.applications() == []


def test_each_webhook_of_an_application_is_managed_whole(stage: Stage) -> None:
    stage.declare(applications={"menu": {**MENU, "status": "https://agents.example.com/status"}})
    stage.apply()
    fallback = {
        "url": MENU["voice"],
        "method": "GET",
        "fallback_url": "https://fallback.example.com/menu",
    }
    stage.declare(applications={"menu": {"voice": fallback, "friendly_name": "Main menu"}})
    (action,) = stage.json("plan")["actions"]
    assert {c["field"]: c["after"] for c in action["changes"]} == {
        "friendly_name": "Main menu",
        "voice_method": "GET",
        "voice_fallback_url": "https://fallback.example.com/menu",
        "sms_url": None,
        "status_callback": None,
    }
    assert len(stage.apply()) == 1
    assert stage.plan() == []


def test_an_application_that_is_there_is_found_by_its_name(stage: Stage) -> None:
    sid = stage.make_application(FriendlyName="Menu", VoiceUrl="https://old.example.net/menu")
    stage.declare(applications={"menu": {"friendly_name": "Menu", **MENU}})
    assert stage.plan() == [("application/menu", "import"), ("application/menu", "update")]
    stage.apply()
    assert [a["sid"] for a in stage.applications()] == [sid]
    stage.declare()
    assert stage.plan() == [("application/menu", "forget")]


def test_of_two_applications_with_one_name_none_is_guessed(stage: Stage) -> None:
    sids = sorted(stage.make_application(FriendlyName="menu") for _ in range(2))
    stage.declare(applications={"menu": MENU})
    document = stage.json("plan", code=1)
    (problem,) = [d for d in document["diagnostics"] if d["code"] == "ambiguous_match"]
    assert all(sid in problem["detail"] for sid in sids)
    assert problem["line"]
    assert stage.apply(code=1) == []


def test_an_edit_behind_our_back_is_drift_and_is_put_back(stage: Stage) -> None:
    stage.declare(applications={"menu": MENU})
    stage.apply()
    (application,) = stage.applications()
    stage.post(
        f"/Applications/{application['sid']}.json", VoiceUrl="https://elsewhere.example.net/"
    )
    (drifted,) = stage.json("drift", code=2)["drifted"]
    assert drifted["fields"] == [
        {"field": "voice_url", "recorded": MENU["voice"], "live": "https://elsewhere.example.net/"}
    ]
    (action,) = stage.json("plan")["actions"]
    assert (action["action"], action["reason"]) == ("update", "drift")
    stage.apply()
    assert stage.applications()[0]["voice_url"] == MENU["voice"]


def test_an_application_in_another_account_than_its_number_is_an_error(stage: Stage) -> None:
    other = {"sid": "AC" + "b" * 32, "auth_token": {"env": "SANDBOX_TOKEN"}}
    main = {"sid": stage.sandbox.world.account.sid, "auth_token": {"env": "SANDBOX_TOKEN"}}
    stage.declare(
        accounts={"main": main, "other": other},
        defaults={"account": "main"},
        applications={"menu": {"account": "other", **MENU}},
        agents={"ivr": {"application": "menu"}},
        numbers={"+15550100101": "ivr"},
    )
    (problem,) = json.loads(stage.run("validate", "--json", code=3))["diagnostics"]
    assert problem["code"] == "account_mismatch"
