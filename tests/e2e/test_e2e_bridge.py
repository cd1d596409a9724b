"""Native bridge numbers: by SID or by E.164, their view, drift, and the voice URL that was there before."""

from __future__ import annotations

from uuid import UUID

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions

from .test_e2e_accounts import KEY, SECOND, two_accounts

BY_NUMBER, BY_SID = "+15550100200", "+15550100201"
BRIDGE, BEFORE = "https://agents.example.com/bridge", "https://pbx.example.net/in"
VIEW = {"id", "phone_e164", "twilio_sid", "integration_connection_id", "status", "created_at"}


def view(runner: ProcessRunner, name: str) -> dict[str, object]:
    found: dict[str, object] = runner.json("show", name)["resource"]
    return found


def test_bridge_numbers_work_like_numbers(runner: ProcessRunner) -> None:
    sid = runner.number(
        BY_SID, voice_url=BEFORE, voice_method="GET", sms_url="https://sms.example.org/in"
    )["sid"]
    runner.number(BY_NUMBER)
    declared = {
        BY_NUMBER: {},
        sid: {"voice": {"url": BRIDGE, "method": "GET"}, "takeover": "allow"},
    }
    runner.declare(bridge_numbers=declared, defaults={"bridge_numbers": {"voice": BRIDGE}})
    assert {address for address, _ in actions(runner.plan())} == {
        f"bridge_number/{number}" for number in (BY_NUMBER, BY_SID)
    }
    runner.apply()
    row = runner.twilio.number(BY_SID)
    assert (row["voice_url"], row["voice_method"]) == (BRIDGE, "GET")
    assert row["sms_url"] == "https://sms.example.org/in", "only voice is managed"
    assert runner.twilio.number(BY_NUMBER)["voice_url"] == BRIDGE

    first = view(runner, f"bridge_number/{BY_SID}")
    assert first.keys() >= VIEW
    assert (first["phone_e164"], first["twilio_sid"], first["status"]) == (BY_SID, sid, "active")
    assert str(first["created_at"]).endswith("Z")
    assert UUID(str(view(runner, BY_NUMBER)["id"])) != UUID(str(first["id"]))

    runner.twilio.edit(BY_SID, voice_url="https://laptop.example.dev/voice")
    second = view(runner, sid)
    assert second["status"] == "drifted"
    stable = ("id", "integration_connection_id", "created_at")
    assert [second[name] for name in stable] == [first[name] for name in stable]
    UUID(str(first["integration_connection_id"]))
    assert [d["address"] for d in runner.json("drift", code=2)["drifted"]] == [
        f"bridge_number/{BY_SID}"
    ]
    runner.apply()

    released = runner.twilio.numbers.pop(runner.twilio.number(BY_NUMBER)["sid"])
    assert view(runner, BY_NUMBER)["status"] == "missing"
    plan = runner.run("plan", "--json", code=1)
    assert plan.codes == ["number_missing"]
    runner.twilio.numbers[released["sid"]] = released

    runner.declare()
    runner.apply()
    row = runner.twilio.number(BY_SID)
    assert (row["voice_url"], row["voice_method"]) == (BEFORE, "GET")
    assert runner.twilio.number(BY_NUMBER)["voice_url"] == ""
    assert runner.state == {}


def test_voice_messages_and_bridge_use_the_account_that_is_named(runner: ProcessRunner) -> None:
    accounts = two_accounts(runner)
    runner.twilio.add_number(SECOND, BY_NUMBER)
    runner.twilio.add_number(SECOND, BY_SID)
    runner.declare(
        {BY_NUMBER: {"agent": "support", "account": "second"}},
        bridge_numbers={BY_SID: {"voice": BRIDGE, "account": "second"}},
        accounts=accounts,
        defaults={"account": "main"},
    )
    runner.apply()
    written = {
        **runner.twilio.number(BY_NUMBER),
        "bridge": runner.twilio.number(BY_SID)["voice_url"],
    }
    assert [written[name] for name in ("voice_url", "sms_url", "bridge")] == [
        AGENT["voice"],
        AGENT["sms"],
        BRIDGE,
    ]
    writes = [*runner.twilio.writes_to(BY_NUMBER), *runner.twilio.writes_to(BY_SID)]
    assert {call.user for call in writes} == {KEY}, "one account, by its own credentials"
    assert {entry["account"] for entry in runner.state.values()} == {"second"}


def test_number_converted_to_a_bridge_number_keeps_its_first_prior_values(
    runner: ProcessRunner,
) -> None:
    runner.number(BY_NUMBER, voice_url=BEFORE, sms_url="https://sms.example.org/in")
    runner.declare({BY_NUMBER: {"agent": "support", "takeover": "allow"}})
    runner.apply()
    runner.declare(bridge_numbers={BY_NUMBER: {"voice": BRIDGE}})
    runner.apply()
    assert set(runner.state) == {f"bridge_number/{BY_NUMBER}"}
    runner.declare()
    runner.apply()
    assert runner.twilio.number(BY_NUMBER)["voice_url"] == BEFORE


def test_detects_a_number_declared_under_two_names(runner: ProcessRunner) -> None:
    sid = runner.number(BY_NUMBER)["sid"]
    runner.declare({sid: "support"}, bridge_numbers={BY_NUMBER: {"voice": BRIDGE}})
    done = runner.run("apply", "--auto-approve", "--json", code=1)
    assert done.codes == ["number_already_imported"]
    assert not runner.twilio.writes
