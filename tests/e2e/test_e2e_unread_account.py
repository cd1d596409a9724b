"""One account of several cannot be read: the others are served, and nothing is concluded from it."""

from __future__ import annotations

from typing import Any

from tests.support.processes.process_runner import ProcessRunner

from .test_e2e_accounts import ONE, SECOND, THREE, TWO, two_accounts

WRONG = "pl4nted wrong&password"


def declare(runner: ProcessRunner, accounts: dict[str, Any], **more: Any) -> None:
    numbers = {ONE: "support", TWO: {"agent": "support", "account": "second"}, **more}
    runner.declare(numbers, accounts=accounts, defaults={"account": "main"})


def lock_out(runner: ProcessRunner) -> None:
    runner.plant("wrong", WRONG)
    runner.environ["SECOND_SECRET"] = WRONG


def test_plans_and_applies_the_readable_account(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    declare(runner, accounts)
    lock_out(runner)

    plan = runner.json("plan", code=1)
    assert plan["summary"]["unread_accounts"] == ["second"]
    assert {action["address"] for action in plan["actions"]} == {f"number/{ONE}"}
    assert "account_unread" in [d["code"] for d in plan["diagnostics"]]

    done = runner.json("apply", "--auto-approve", code=5)
    assert done["summary"]["unread_accounts"] == ["second"]
    assert not runner.twilio.writes_to(TWO)
    assert runner.json("apply", "--auto-approve", code=1)["success_count"] == 0


def test_unread_account_loses_no_entry_and_buys_and_moves_nothing(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    declare(runner, accounts)
    runner.apply()
    runner.twilio.numbers.pop(runner.twilio.number(ONE)["sid"])
    lock_out(runner)

    drift = runner.json("drift", code=1)
    assert drift["summary"]["unread_accounts"] == ["second"]
    assert [d["address"] for d in drift["drifted"]] == [f"number/{ONE}"]

    to_buy = {"agent": "support", "purchase": {"country": "US"}}
    moved = {"agent": "support", "account": "main"}
    runner.declare({TWO: moved, THREE: to_buy}, accounts=accounts, defaults={"account": "main"})
    plan = runner.json("plan", code=1)
    assert plan["actions"] == []
    assert {d["code"] for d in plan["diagnostics"] if d["severity"] == "error"} == {
        "account_unread"
    }


def test_drift_of_the_readable_account_is_accepted(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    declare(runner, accounts)
    runner.apply()
    runner.twilio.number(ONE)["voice_url"] = "https://new.example.net/in"
    lock_out(runner)

    document = runner.json("drift", "--accept", ONE, code=1)
    assert document["summary"]["unread_accounts"] == ["second"]
    assert document["accepted"]["addresses"] == [f"number/{ONE}"]
    text = (runner.folder / "reconciler.yaml").read_text(encoding="utf-8")
    assert text.count("https://new.example.net/in") == 1


def test_failure_of_all_accounts_is_reported_directly(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    declare(runner, accounts)
    lock_out(runner)
    runner.environ["MAIN_TOKEN"] = WRONG
    assert "account_unread" not in runner.run("plan", "--json", code=1).codes


def test_accounts_without_a_target_are_not_read(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    declare(runner, accounts)
    runner.apply()
    lock_out(runner)

    target = ("--target", f"number/{ONE}")
    runner.twilio.number(ONE)["voice_url"] = "https://other.example.org/voice"
    for command in ("plan", "drift"):
        before = len(runner.twilio.calls)
        document = runner.json(command, *target, code=2 if command == "drift" else 0)
        assert document["summary"]["unread_accounts"] == []
        assert not [call for call in runner.twilio.calls[before:] if SECOND in call.path]
    done = runner.json("apply", "--auto-approve", *target)
    assert (done["success_count"], done["failed_count"]) == (1, 0)

    # A glob may match what only Twilio knows, and any account may hold a number that is to be bought.
    assert runner.json("plan", "--target", "*", code=1)["summary"]["unread_accounts"] == ["second"]
    to_buy = {THREE: {"agent": "support", "purchase": {"country": "US"}}}
    declare(runner, accounts, **to_buy)
    assert runner.json("plan", "--target", f"number/{THREE}", code=1)["summary"][
        "unread_accounts"
    ] == ["second"]
