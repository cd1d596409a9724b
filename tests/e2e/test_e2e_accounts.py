"""Several Twilio accounts, the account of the environment, numbers that are not there, passwords that are wrong."""

from __future__ import annotations

from typing import Any

from .stage import AC, AGENT, Stage

SECOND, KEY, KEY_SECRET = "AC" + "0b" * 16, "SK" + "0c" * 16, "pl4nted-key-secret%"
WRONG = "pl4nted wrong&password"
ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"


def two_accounts(stage: Stage, **second: object) -> dict[str, Any]:
    """Two accounts on one server; the second is entered by an API key."""
    stage.twilio.add_account(SECOND, **{KEY: KEY_SECRET})
    stage.plant(KEY, KEY_SECRET)
    stage.environ |= {"SECOND_KEY": KEY, "SECOND_SECRET": KEY_SECRET}
    url = stage.twilio.url
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


def test_two_accounts_in_one_run(stage: Stage) -> None:
    accounts = two_accounts(stage)
    stage.number(ONE)
    stage.twilio.add_number(SECOND, TWO)
    stage.twilio.add_number(SECOND, THREE, voice_url="https://other.example.org/voice")
    defaults = {"account": "main"}
    trunks = {"edge": {"domain": "acme-edge.pstn.twilio.com", "account": "second"}}
    numbers: dict[str, Any] = {
        ONE: "support",
        TWO: {"agent": "support", "account": "second", "trunk": "edge"},
    }
    stage.declare(numbers, accounts=accounts, defaults=defaults, trunks=trunks)
    stage.apply()
    stage.settled()
    assert stage.twilio.number(ONE)["voice_url"] == AGENT["voice"]
    assert [trunk["account_sid"] for trunk in stage.twilio.trunks.values()] == [SECOND]
    assert {call.user for call in stage.twilio.writes_to(ONE)} == {AC}
    assert {call.user for call in stage.twilio.writes_to(TWO)} == {KEY}
    assert not stage.twilio.writes_to(THREE)
    entry = stage.json("show", f"number/{TWO}")["resource"]
    assert (entry["credentials"], entry["agent"], entry["phone_number_sid"]) == (
        "second",
        "support",
        stage.twilio.number(TWO)["sid"],
    )

    stage.declare(
        {**numbers, THREE: "support"}, accounts=accounts, defaults=defaults, trunks=trunks
    )
    missing = stage.json("plan", code=1)
    (problem,) = [d for d in missing["diagnostics"] if d["severity"] == "error"]
    assert (problem["code"], problem["address"]) == ("number_not_in_twilio", f"number/{THREE}")
    assert "main" in problem["detail"]
    assert "second" in problem["detail"], "the accounts that were searched"
    assert (problem["file"], problem["line"] > 1, problem["column"] > 1) == (
        "reconciler.yaml",
        True,
        True,
    )
    before = len(stage.twilio.writes)
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["number_not_in_twilio"]
    assert len(stage.twilio.writes) == before

    stage.twilio.numbers.pop(stage.twilio.number(ONE)["sid"])
    stage.declare(numbers, accounts=accounts, defaults=defaults, trunks=trunks)
    assert stage.run("plan", "--json", code=1).codes == ["number_missing"]
    assert stage.run("apply", "--auto-approve", "--json", code=1).codes == ["number_missing"]
    drifted = stage.json("drift", code=2)["drifted"]
    assert [(d["address"], d["fields"][0]["live"]) for d in drifted] == [(f"number/{ONE}", None)]
    assert len(stage.twilio.writes) == before


def test_without_accounts_the_environment_says_which(stage: Stage) -> None:
    stage.number(ONE)
    stage.declare({ONE: "support"}, accounts=None)
    assert stage.run("plan", "--json", code=1).codes[0] == "secret_not_found"
    by_token = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_AUTH_TOKEN": stage.environ["MAIN_TOKEN"]}
    stage.run("apply", "--auto-approve", **by_token, TWILIO_BASE_URL=stage.twilio.url)
    assert stage.state[f"number/{ONE}"]["account"] == "default"
    stage.twilio.accounts.passwords[AC][KEY] = KEY_SECRET
    stage.plant(KEY, KEY_SECRET)
    by_key = {"TWILIO_ACCOUNT_SID": AC, "TWILIO_API_KEY": KEY, "TWILIO_API_SECRET": KEY_SECRET}
    stage.run("plan", "--detailed-exitcode", **by_key, TWILIO_BASE_URL=stage.twilio.url)
    assert stage.twilio.calls[-1].user == KEY


def test_a_wrong_password_leaves_nothing_half_done(stage: Stage) -> None:
    """Where only one of two accounts refuses: see test_e2e_unread_account."""
    accounts = two_accounts(stage)
    stage.number(ONE)
    stage.twilio.add_number(SECOND, TWO)
    stage.plant(KEY, WRONG)
    stage.plant(AC, WRONG)
    numbers = {
        ONE: {"agent": "support", "account": "main"},
        TWO: {"agent": "support", "account": "second"},
    }
    stage.declare(numbers, accounts=accounts)
    for command in (["plan"], ["apply", "--auto-approve", "-vv"]):
        done = stage.run(*command, "--json", code=1, SECOND_SECRET=WRONG, MAIN_TOKEN=WRONG)
        assert done.codes == ["twilio_auth_failed"]
    assert not stage.twilio.writes
    assert not [
        path
        for path in stage.folder.iterdir()
        if path.name.startswith("state.json") and path.stat().st_size
    ]
    stage.apply()
    stage.settled()


def test_a_password_in_a_file_and_one_that_is_not_there(stage: Stage) -> None:
    stage.number(ONE)
    token = stage.folder.parent / "token"
    stage.environ["RECONCILER_SECRETS_DIR"] = str(token.parent)
    token.write_text(stage.environ["MAIN_TOKEN"] + "\n", encoding="utf-8")
    account = {"sid": AC, "auth_token": {"file": str(token)}, "base_url": stage.twilio.url}
    stage.declare({ONE: "support"}, accounts={"main": account})
    stage.apply()
    token.unlink()
    done = stage.run("plan", "--json", code=1)
    assert done.codes == ["secret_not_found"]
    assert done.json["diagnostics"][0]["line"] > 1
    stage.run("validate", "--json")
