"""One account of several cannot be read: the others are served, and nothing is concluded from it."""

from __future__ import annotations

from typing import Any

from .stage import Stage
from .test_e2e_accounts import ONE, SECOND, THREE, TWO, two_accounts

WRONG = "pl4nted wrong&password"


def declare(stage: Stage, accounts: dict[str, Any], **more: Any) -> None:
    numbers = {ONE: "support", TWO: {"agent": "support", "account": "second"}, **more}
    stage.declare(numbers, accounts=accounts, defaults={"account": "main"})


def lock_out(stage: Stage) -> None:
    stage.plant("wrong", WRONG)
    stage.environ["SECOND_SECRET"] = WRONG


def test_the_other_account_is_planned_and_applied(stage: Stage) -> None:
    accounts = two_accounts(stage)
    stage.number(ONE)
    stage.twilio.add_number(SECOND, TWO)
    declare(stage, accounts)
    lock_out(stage)

    plan = stage.json("plan", code=1)
    assert plan["summary"]["unread_accounts"] == ["second"]
    assert {action["address"] for action in plan["actions"]} == {f"number/{ONE}"}
    assert "account_unread" in [d["code"] for d in plan["diagnostics"]]

    done = stage.json("apply", "--auto-approve", code=5)
    assert done["summary"]["unread_accounts"] == ["second"]
    assert not stage.twilio.writes_to(TWO)
    assert stage.json("apply", "--auto-approve", code=1)["success_count"] == 0


def test_nothing_is_forgotten_bought_or_moved(stage: Stage) -> None:
    accounts = two_accounts(stage)
    stage.number(ONE)
    stage.twilio.add_number(SECOND, TWO)
    declare(stage, accounts)
    stage.apply()
    stage.twilio.numbers.pop(stage.twilio.number(ONE)["sid"])
    lock_out(stage)

    drift = stage.json("drift", code=1)
    assert drift["summary"]["unread_accounts"] == ["second"]
    assert [d["address"] for d in drift["drifted"]] == [f"number/{ONE}"]

    to_buy = {"agent": "support", "purchase": {"country": "US"}}
    moved = {"agent": "support", "account": "main"}
    stage.declare({TWO: moved, THREE: to_buy}, accounts=accounts, defaults={"account": "main"})
    plan = stage.json("plan", code=1)
    assert plan["actions"] == []
    assert {d["code"] for d in plan["diagnostics"] if d["severity"] == "error"} == {
        "account_unread"
    }


def test_all_accounts_unread_is_the_error_itself(stage: Stage) -> None:
    accounts = two_accounts(stage)
    stage.number(ONE)
    declare(stage, accounts)
    lock_out(stage)
    stage.environ["MAIN_TOKEN"] = WRONG
    assert "account_unread" not in stage.run("plan", "--json", code=1).codes


def test_accounts_without_a_target_are_not_read(stage: Stage) -> None:
    accounts = two_accounts(stage)
    stage.number(ONE)
    stage.twilio.add_number(SECOND, TWO)
    declare(stage, accounts)
    stage.apply()
    lock_out(stage)

    target = ("--target", f"number/{ONE}")
    stage.twilio.number(ONE)["voice_url"] = "https://other.example.org/voice"
    for command in ("plan", "drift"):
        before = len(stage.twilio.calls)
        document = stage.json(command, *target, code=2 if command == "drift" else 0)
        assert document["summary"]["unread_accounts"] == []
        assert not [call for call in stage.twilio.calls[before:] if SECOND in call.path]
    done = stage.json("apply", "--auto-approve", *target)
    assert (done["success_count"], done["failed_count"]) == (1, 0)

    # A glob may match what only Twilio knows, and any account may hold a number that is to be bought.
    assert stage.json("plan", "--target", "*", code=1)["summary"]["unread_accounts"] == ["second"]
    to_buy = {THREE: {"agent": "support", "purchase": {"country": "US"}}}
    declare(stage, accounts, **to_buy)
    assert stage.json("plan", "--target", f"number/{THREE}", code=1)["summary"][
        "unread_accounts"
    ] == ["second"]
