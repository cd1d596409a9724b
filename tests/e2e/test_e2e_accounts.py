"""Several Twilio accounts, the account of the environment, numbers that are not there, passwords that are wrong."""

from __future__ import annotations

from typing import Any

from tests.support.processes.process_runner import AC, AGENT, ProcessRunner

SECOND, KEY, KEY_SECRET = "AC" + "0b" * 16, "SK" + "0c" * 16, "pl4nted-key-secret%"
WRONG = "pl4nted wrong&password"
ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"


def two_accounts(runner: ProcessRunner, **second: object) -> dict[str, Any]:
    """Two accounts on one server; the second is entered by an API key."""
    runner.twilio.add_account(SECOND, **{KEY: KEY_SECRET})
    runner.plant(KEY, KEY_SECRET)
    runner.environ |= {"SECOND_KEY": KEY, "SECOND_SECRET": KEY_SECRET}
    url = runner.twilio.url
    return {
        "main": {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": url},
        "second": {
            "sid": SECOND,
            "api_key": {"env": "SECOND_KEY"},
            "api_secret": {"env": "SECOND_SECRET"},
            "base_url": url,
            **second,
        },
    }


def test_one_run_applies_two_accounts(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    runner.twilio.add_number(SECOND, THREE, voice_url="https://other.example.org/voice")
    defaults = {"account": "main"}
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com", "account": "second"}}
    numbers: dict[str, Any] = {
        ONE: "support",
        TWO: {"agent": "support", "account": "second", "trunk": "edge"},
    }
    runner.declare(numbers, accounts=accounts, defaults=defaults, trunks=trunks)
    runner.apply()
    runner.settled()
    assert runner.twilio.number(ONE)["voice_url"] == AGENT["voice"]
    assert [trunk["account_sid"] for trunk in runner.twilio.trunks.values()] == [SECOND]
    assert {call.user for call in runner.twilio.writes_to(ONE)} == {AC}
    assert {call.user for call in runner.twilio.writes_to(TWO)} == {KEY}
    assert not runner.twilio.writes_to(THREE)
    entry = runner.json("show", f"number/{TWO}")["resource"]
    assert (entry["credentials"], entry["agent"], entry["phone_number_sid"]) == (
        "second",
        "support",
        runner.twilio.number(TWO)["sid"],
    )

    runner.declare(
        {**numbers, THREE: "support"}, accounts=accounts, defaults=defaults, trunks=trunks
    )
    missing = runner.json("plan", code=1)
    (problem,) = [d for d in missing["diagnostics"] if d["severity"] == "error"]
    assert (problem["code"], problem["address"]) == ("number_not_in_twilio", f"number/{THREE}")
    assert "main" in problem["detail"]
    assert "second" in problem["detail"], "the accounts that were searched"
    assert (problem["file"], problem["line"] > 1, problem["column"] > 1) == (
        "reconciler.yaml",
        True,
        True,
    )
    before = len(runner.twilio.writes)
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == ["number_not_in_twilio"]
    assert len(runner.twilio.writes) == before

    runner.twilio.numbers.pop(runner.twilio.number(ONE)["sid"])
    runner.declare(numbers, accounts=accounts, defaults=defaults, trunks=trunks)
    assert runner.run("plan", "--json", code=1).codes == ["number_missing"]
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == ["number_missing"]
    drifted = runner.json("drift", code=2)["drifted"]
    assert [(d["address"], d["fields"][0]["live"]) for d in drifted] == [(f"number/{ONE}", None)]
    assert len(runner.twilio.writes) == before


def test_environment_selects_the_account_when_none_is_declared(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"}, accounts=None)
    assert runner.run("plan", "--json", code=1).codes[0] == "secret_not_found"
    by_token = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_AUTH_TOKEN": runner.environ["MAIN_TOKEN"]}
    runner.run("apply", "--auto-approve", **by_token, TWILIO_BASE_URL=runner.twilio.url)
    assert runner.state[f"number/{ONE}"]["account"] == "default"
    runner.twilio.accounts.passwords[AC][KEY] = KEY_SECRET
    runner.plant(KEY, KEY_SECRET)
    by_key = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_API_KEY": KEY, "TWILIO_API_SECRET": KEY_SECRET}
    runner.run("plan", "--detailed-exitcode", **by_key, TWILIO_BASE_URL=runner.twilio.url)
    assert runner.twilio.calls[-1].user == KEY


def test_renamed_account_keeps_its_name(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: "support"}, accounts=None)
    by_token = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_AUTH_TOKEN": runner.environ["MAIN_TOKEN"]}
    runner.run("apply", "--auto-approve", **by_token, TWILIO_BASE_URL=runner.twilio.url)

    account = {
        "sid": AC,
        "auth_token": {"env": "MAIN_TOKEN"},
        "base_url": runner.twilio.url,
    }
    runner.declare({ONE: "support"}, accounts={"main": account})
    for command in (["plan"], ["drift"], ["apply", "--auto-approve"]):
        (found,) = runner.run(*command, "--json", code=1).json["diagnostics"]
        assert found["code"] == "no_twilio_integration"
        assert "`default`, the name of the account of the TWILIO_* variables" in found["detail"]
        assert "Declared: `main`." in found["detail"]
        assert "call it `default` again" in found["detail"]

    # The advice works.
    runner.declare({ONE: "support"}, accounts={"default": account})
    assert runner.json("plan")["actions"] == []


def test_wrong_password_in_one_account_prevents_all_writes(runner: ProcessRunner) -> None:
    """Where only one of two accounts refuses: see test_e2e_unread_account."""
    accounts = two_accounts(runner)
    runner.number(ONE)
    runner.twilio.add_number(SECOND, TWO)
    runner.plant(KEY, WRONG)
    runner.plant(AC, WRONG)
    numbers = {
        ONE: {"agent": "support", "account": "main"},
        TWO: {"agent": "support", "account": "second"},
    }
    runner.declare(numbers, accounts=accounts)
    for command in (["plan"], ["apply", "--auto-approve", "-vv"]):
        done = runner.run(*command, "--json", code=1, SECOND_SECRET=WRONG, MAIN_TOKEN=WRONG)
        assert done.codes == ["twilio_auth_failed"]
    assert not runner.twilio.writes
    assert not [
        path
        for path in runner.folder.iterdir()
        if path.name.startswith("state.json") and path.stat().st_size
    ]
    runner.apply()
    runner.settled()


def test_password_comes_from_a_file_and_a_missing_file_is_an_error(runner: ProcessRunner) -> None:
    runner.number(ONE)
    token = runner.folder.parent / "token"
    runner.environ["RECONCILER_SECRETS_DIR"] = str(token.parent)
    token.write_text(runner.environ["MAIN_TOKEN"] + "\n", encoding="utf-8")
    account = {"sid": AC, "auth_token": {"file": str(token)}, "base_url": runner.twilio.url}
    runner.declare({ONE: "support"}, accounts={"main": account})
    runner.apply()
    token.unlink()
    done = runner.run("plan", "--json", code=1)
    assert done.codes == ["secret_not_found"]
    assert done.json["diagnostics"][0]["line"] > 1
    runner.run("validate", "--json")
